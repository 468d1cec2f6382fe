"""The definition of a task: data, a prompt, and the scoring of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from groundeval.generation.prompts import PromptTemplate
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Example
from groundeval.registry import Registry
from groundeval.storage.json_records import Record


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples and their origin."""

    examples: Sequence[Example]
    """Read one at a time: those of a large file are not in memory."""
    source: str
    """The source, for the manifest: `embedded`, a hub name with revision, or a file name."""
    sha256: str
    """Hash of the data's content, which determines the prompts."""
    notes: tuple[str, ...] = ()
    """Notes for readers of the results, for instance that `answers_found` was computed."""


class Loader(Protocol):
    """Loads a task's data."""

    def __call__(self, source: str | None = None, split: str = "test") -> Dataset:
        """`source`: a file, `embedded`, or None for the task's own data set. `split`: `test` or `train`."""


class RecordFields(Protocol):
    """The mapping from a task's own data to the parts of an example."""

    def covers(self, record: Record) -> bool:
        """Whether a record has all the fields that the mapping names for questions, documents and gold data."""

    @property
    def roots(self) -> frozenset[str]:
        """The fields of a record that the mapping reads, or reads something of."""

    def example(self, record: Record, default_id: str) -> Example:
        """The example that a record holds. Raises DataError for one that does not fit."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its data, prompt and metrics, without logic of its own."""

    name: str
    kind: AnswerKind
    load: Loader
    prompt: PromptTemplate
    profile: str
    """The default scoring protocol: `alce`, `trust` or `strict`."""
    headline: tuple[str, ...]
    """The keys that summarise the task; the mean of their per-sample values is the default reward."""
    demonstrations: Callable[[], tuple[Example, ...]] = tuple
    """Few-shot examples, each with its `response`."""
    metrics: tuple[str, ...] | None = None
    """Names of metrics; None: all metrics of the profile for this kind of answers."""
    reward: str | Mapping[str, float] | None = None
    """The reward in training, if it is not the headline: a reward's name, or weights of per-sample values."""
    fields: RecordFields | None = None
    """The mapping of fields by which its data is read, if it has one: outputs beside such data are read by it, too."""
    version: int = 1
    """Increased when a change to the task changes its numbers."""
    description: str = ""
    licence: str = ""


TASKS: Registry[Callable[[], Task]] = Registry("task", group="groundeval.tasks", builtin=("groundeval.tasks.builtin",))


def register_task(name: str) -> Callable[[Callable[[], Task]], Callable[[], Task]]:
    """Register a function that makes a task."""
    return TASKS.register(name)
