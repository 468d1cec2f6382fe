"""What a task is: data, a prompt, and how its answers are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from groundeval.generation.prompts import PromptTemplate
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Example
from groundeval.registry import Registry
from groundeval.storage.json_records import Record


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples and where they come from."""

    examples: tuple[Example, ...]
    source: str
    """What was read, for the manifest: `embedded`, a hub name with revision, or a file name."""
    sha256: str
    """Hash of the data's content: what determines the prompts."""
    notes: tuple[str, ...] = ()
    """What a reader of the results must know, for instance that `answers_found` was computed."""


class Loader(Protocol):
    """Loads a task's data."""

    def __call__(self, source: str | None = None, split: str = "test") -> Dataset:
        """`source`: a file, `embedded`, or None for the task's own data set. `split`: `test` or `train`."""


class RecordFields(Protocol):
    """Where a task's own data has the parts of an example: a mapping of fields."""

    def covers(self, record: Record) -> bool:
        """Whether a record has all the fields that the mapping names for questions, documents and gold data."""

    @property
    def roots(self) -> frozenset[str]:
        """The fields of a record that the mapping reads, or reads something of."""

    def example(self, record: Record, default_id: str) -> Example:
        """The example that a record holds. Raises DataError for one that does not fit."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task is a page: it names its data, its prompt and its metrics, and holds no logic of its own."""

    name: str
    kind: AnswerKind
    load: Loader
    prompt: PromptTemplate
    profile: str
    """The scoring protocol it is reported under by default: `alce`, `trust` or `strict`."""
    headline: tuple[str, ...]
    """The keys that sum the task up; the mean of their per-sample values is the default reward."""
    demonstrations: Callable[[], tuple[Example, ...]] = tuple
    """Few-shot examples, each with its `response`."""
    metrics: tuple[str, ...] | None = None
    """Names of metrics; None: all that the profile has for this kind of answers."""
    reward: str | Mapping[str, float] | None = None
    """What training on it rewards, where that is not the headline: a reward's name, or weights of per-sample values."""
    fields: RecordFields | None = None
    """How its data is read where that is in a form of its own: outputs beside such data are read so, too."""
    version: int = 1
    """Raised when a change to the task changes its numbers."""
    description: str = ""
    licence: str = ""


TASKS: Registry[Callable[[], Task]] = Registry("task", group="groundeval.tasks", builtin=("groundeval.tasks.builtin",))


def register_task(name: str) -> Callable[[Callable[[], Task]], Callable[[], Task]]:
    """Register a function that makes a task."""
    return TASKS.register(name)
