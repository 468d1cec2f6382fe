"""QAMPARI under the Trust-Score protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import demonstrations, trust_file
from groundeval.tasks.prompts import TRUST_LIST
from groundeval.tasks.task import Task, register_task


@register_task("trust_qampari")
def trust_qampari() -> Task:
    """QAMPARI with refusals and calibrated gold answers (Trust-Score protocol; Song et al. 2025)."""
    return Task(
        name="trust_qampari",
        version=1,
        kind="list",
        load=trust_file("qampari"),
        prompt=TRUST_LIST,
        demonstrations=partial(demonstrations, "qampari"),
        profile="trust",
        headline=("trust_score",),
        description="questions with many answers, cited lists or a refusal (Trust-Score)",
        licence="see declare-lab/Trust-Score on the hub",
    )
