"""Small cases for the tests of the reward benchmark."""

from __future__ import annotations

from groundeval.records import Document, Example
from groundeval.rewards.benchmark.case import Case, cases_of
from groundeval.tasks import Task, load_task
from groundeval.tasks.formats.sources import embedded

HEIGHTS = Example(
    id="heights",
    question="How tall are the towers?",
    docs=(
        Document("North", "The north tower is 120 metres tall. It was built by monks.", answers_found=(1, 0)),
        Document("South", "The south tower reaches 95 metres. Its bell is old.", answers_found=(0, 1)),
        Document("Bridge", "The bridge has seven arches. It crosses the river.", answers_found=(0, 0)),
    ),
    answers=(("120 metres", "394 feet"), ("95 metres",)),
    response="The north tower is 120 metres tall [1]. The south tower reaches 95 metres [2].",
)
RIVERS = Example(
    id="rivers",
    question="Which river is the longest?",
    docs=(Document("Lakes", "The lake is deep. Fish live in it.", answers_found=(0,)),),
    answers=(("Nile",),),
    response="I apologize, but I couldn't find an answer to your question in the search results.",
)
PAINTERS = Example(
    id="painters",
    question="Who painted the chapel?",
    docs=(
        Document("Chapel", "Anna Berg painted the chapel in 1702.", answers_found=(1,)),
        Document("Market", "The market opens at dawn.", answers_found=(0,)),
    ),
    answers=(("Anna Berg",),),
    response="Anna Berg painted the chapel in 1702 [1].",
)


def towers() -> tuple[Case, ...]:
    """Three cases of a text task: two answers, none, one."""
    return cases_of(load_task("trust_asqa"), (HEIGHTS, RIVERS, PAINTERS))


def embedded_cases(name: str, limit: int | None = None) -> tuple[Case, ...]:
    """The cases of a task's embedded data."""
    task: Task = load_task(f"trust_{name}")
    return cases_of(task, embedded(name).examples[:limit])
