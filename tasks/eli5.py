"""ELI5 under the ALCE protocol."""

from __future__ import annotations

from functools import partial

from groundeval.tasks.formats.sources import alce_file, answerable_demonstrations
from groundeval.tasks.prompts import CITED_ANSWER
from groundeval.tasks.task import Task, register_task


@register_task("eli5")
def eli5() -> Task:
    """ELI5, how and why questions with long answers judged by claims (ALCE protocol; Fan et al. 2019)."""
    return Task(
        name="eli5",
        version=1,
        kind="claims",
        load=alce_file("eli5_eval_bm25_top100.json", "eli5"),
        prompt=CITED_ANSWER,
        demonstrations=partial(answerable_demonstrations, "eli5"),
        profile="alce",
        headline=("claims_nli", "citation_rec", "citation_prec"),
        description="how and why questions, long cited answers judged by claims (ALCE)",
        licence="see princeton-nlp/ALCE-data on the hub",
    )
