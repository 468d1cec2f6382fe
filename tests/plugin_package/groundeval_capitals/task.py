"""A task of its own data: capitals of countries."""

from __future__ import annotations

from importlib.resources import as_file, files

from groundeval.tasks.formats.sources import file_dataset
from groundeval.tasks.prompts import CITED_ANSWER
from groundeval.tasks.task import Dataset, Task, register_task


def load(source: str | None = None, split: str = "test") -> Dataset:
    """The package's own data, or a file with the same fields."""
    if source is not None:
        return file_dataset(source)
    with as_file(files("groundeval_capitals") / "capitals.jsonl") as path:
        return file_dataset(str(path))


@register_task("capitals")
def capitals() -> Task:
    """Capitals of countries, one document each."""
    return Task(
        name="capitals",
        kind="em",
        load=load,
        prompt=CITED_ANSWER,
        profile="alce",
        headline=("str_em", "citation_rec", "citation_prec"),
        description="capitals of countries",
    )
