"""ELI5 under the Trust-Score protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import demonstrations, trust_file
from groundeval.tasks.prompts import TRUST_ANSWER
from groundeval.tasks.task import Task, register_task


@register_task("trust_eli5")
def trust_eli5() -> Task:
    """ELI5 with refusals and calibrated gold answers (Trust-Score protocol; Song et al. 2025)."""
    return Task(
        name="trust_eli5",
        version=1,
        kind="claims",
        load=trust_file("eli5"),
        prompt=TRUST_ANSWER,
        demonstrations=partial(demonstrations, "eli5"),
        profile="trust",
        headline=("trust_score",),
        description="how and why questions, cited answers judged by claims, or a refusal (Trust-Score)",
        licence="see declare-lab/Trust-Score on the hub",
    )
