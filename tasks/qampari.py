"""QAMPARI under the ALCE protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import alce_file, answerable_demonstrations
from groundeval.tasks.prompts import CITED_LIST
from groundeval.tasks.task import Task, register_task


@register_task("qampari")
def qampari() -> Task:
    """QAMPARI, questions whose answer is a list of entities (ALCE protocol; Amouyal et al. 2022)."""
    return Task(
        name="qampari",
        version=1,
        kind="list",
        load=alce_file("qampari_eval_gtr_top100.json", "qampari"),
        prompt=CITED_LIST,
        demonstrations=partial(answerable_demonstrations, "qampari"),
        profile="alce",
        headline=("qampari_rec_top5", "qampari_prec", "citation_rec", "citation_prec"),
        description="questions with many answers, cited lists (ALCE)",
        licence="see princeton-nlp/ALCE-data on the hub",
    )
