"""ASQA under the Trust-Score protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import demonstrations, trust_file
from groundeval.tasks.prompts import TRUST_ANSWER
from groundeval.tasks.task import Task, register_task


@register_task("trust_asqa")
def trust_asqa() -> Task:
    """ASQA with refusals and calibrated gold answers (Trust-Score protocol; Song et al. 2025)."""
    return Task(
        name="trust_asqa",
        version=1,
        kind="em",
        load=trust_file("asqa"),
        prompt=TRUST_ANSWER,
        demonstrations=partial(demonstrations, "asqa"),
        profile="trust",
        headline=("trust_score",),
        description="ambiguous factoid questions, long cited answers or a refusal (Trust-Score)",
        licence="see declare-lab/Trust-Score on the hub",
    )
