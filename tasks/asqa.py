"""ASQA under the ALCE protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import alce_file, answerable_demonstrations
from groundeval.tasks.prompts import CITED_ANSWER
from groundeval.tasks.task import Task, register_task


@register_task("asqa")
def asqa() -> Task:
    """ASQA, ambiguous factoid questions with long answers (ALCE protocol; Stelmakh et al. 2022)."""
    return Task(
        name="asqa",
        version=1,
        kind="em",
        load=alce_file("asqa_eval_gtr_top100.json", "asqa"),
        prompt=CITED_ANSWER,
        demonstrations=partial(answerable_demonstrations, "asqa"),
        profile="alce",
        headline=("str_em", "citation_rec", "citation_prec"),
        description="ambiguous factoid questions, long cited answers (ALCE)",
        licence="see princeton-nlp/ALCE-data on the hub",
    )
