"""Overlap of training data with evaluation data, by common word n-grams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from groundeval.errors import DataError, UsageError
from groundeval.parsing.normalize import normalize
from groundeval.records import Example
from groundeval.tasks import TASKS, load_task
from groundeval.tasks.formats.sources import EMBEDDED
from groundeval.tasks.task import Dataset

Part = Literal["questions", "passages"]

SHOWN = 5
"""Number of overlaps shown in a message."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A training text of which a large share is in one evaluation text."""

    part: Part
    example: str
    """Id of the training example."""
    share: float
    """Share of the training text's n-grams that are in the evaluation text, in (0, 1]."""
    evaluation_set: str
    evaluation_example: str
    text: str
    """The beginning of the training text."""

    def __str__(self) -> str:
        kind = "question" if self.part == "questions" else "passage"
        whose = f"{self.evaluation_set}, example {self.evaluation_example}"
        return f'{kind} of example {self.example}, {self.share:.0%} of it in {whose}: "{self.text}"'


@dataclass(slots=True)
class EvaluationTexts:
    """An index from n-grams to the evaluation texts that contain them, for questions and for passages.

    `ngram` is the length in words, after the normalization of exact match; a shorter text is one n-gram. `share`: least
    share of common n-grams that makes a training text overlap. `num_docs`: the number of first documents of an
    evaluation example that count, those in prompts. A text that is in several sets is kept once, for the first.
    """

    ngram: int
    share: float
    num_docs: int
    sets: list[str] = field(default_factory=list)
    """The evaluation sets that were added."""
    missing: dict[str, str] = field(default_factory=dict)
    """The evaluation sets that were unavailable, with the reason."""
    _owners: dict[Part, dict[int, list[int]]] = field(
        default_factory=lambda: {"questions": defaultdict(list), "passages": defaultdict(list)}
    )
    _texts: list[tuple[str, str]] = field(default_factory=list)
    _known: set[tuple[Part, int]] = field(default_factory=set)

    def add(self, name: str, examples: Iterable[Example]) -> None:
        """Add the questions and documents of an evaluation set."""
        self.sets.append(name)
        for example in examples:
            for part, text in _parts(example, self.num_docs):
                if (part, hash(text)) in self._known:
                    continue
                self._known.add((part, hash(text)))
                for gram in self.grams(text):
                    self._owners[part][gram].append(len(self._texts))
                self._texts.append((name, example.id))

    def hits(self, example: Example) -> Iterator[Hit]:
        """The texts of a training example that overlap, each with the evaluation text that shares most with it."""
        for part, text in _parts(example):
            grams = self.grams(text)
            counts = Counter(number for gram in grams for number in self._owners[part].get(gram, ()))
            if not counts:
                continue
            number, count = max(counts.items(), key=lambda item: (item[1], -item[0]))
            if count / len(grams) >= self.share:
                name, owner = self._texts[number]
                yield Hit(part, example.id, count / len(grams), name, owner, _shortened(text))

    def grams(self, text: str) -> frozenset[int]:
        """Hashes of a text's n-grams."""
        words = normalize(text).split()
        if not words:
            return frozenset()
        last = max(1, len(words) - self.ngram + 1)
        return frozenset(hash(tuple(words[start : start + self.ngram])) for start in range(last))


@dataclass(slots=True)
class OverlapReport:
    """The texts compared and the overlaps found, for the run folder."""

    ngram: int
    share: float
    evaluation_sets: list[str]
    not_checked: dict[str, str]
    checked: dict[str, int] = field(default_factory=dict)
    """Training examples by source."""
    hits: dict[str, list[Hit]] = field(default_factory=dict)
    """By source."""
    dropped: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "hits": {name: [asdict(hit) for hit in hits] for name, hits in self.hits.items()}}


def without_overlap(
    source: str,
    examples: Sequence[Example],
    index: EvaluationTexts,
    actions: dict[Part, str],
    report: OverlapReport,
) -> tuple[Example, ...]:
    """The examples that may be trained on. `actions`: refuse, drop or report, for questions and for passages.

    Raises DataError, which shows the first overlaps, if the action is `refuse`.
    """
    found = [(example, list(index.hits(example))) for example in examples]
    hits = [hit for _, each in found for hit in each]
    report.checked[source] = len(examples)
    if hits:
        report.hits[source] = hits
    refused = [hit for hit in hits if actions[hit.part] == "refuse"]
    if refused:
        shown = "\n".join(f"  - {hit}" for hit in refused[:SHOWN])
        more = f"\n  ... and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        raise DataError(
            f"training data {source} overlaps with evaluation data: {len(refused)} texts of "
            f"{len({hit.example for hit in refused})} examples.\n{shown}{more}\n"
            "  Leave these examples out with --overlap drop (`overlap: {questions: drop, passages: drop}` in the "
            "recipe),\n  or keep them knowingly with `report`: then the scores on that data mean little."
        )
    kept = tuple(example for example, each in found if not any(actions[hit.part] == "drop" for hit in each))
    if len(kept) < len(examples):
        report.dropped[source] = len(examples) - len(kept)
    return kept


def evaluation_texts(
    against: Sequence[str], evaluated: dict[str, Dataset], *, ngram: int, share: float, num_docs: int
) -> EvaluationTexts:
    """The index of all texts that training must not have seen: the recipe's evaluation tasks, and `against`.

    `registered` means the test data of every registered task, `embedded` the embedded copies. A task whose data is
    unavailable is noted as missing; if it was named, its error is raised.
    """
    index = EvaluationTexts(ngram, share, num_docs)
    for name, dataset in evaluated.items():
        index.add(f"{name} ({dataset.source})", dataset.examples)
    for name in against:
        if name not in ("registered", "embedded"):
            index.add(name, load_task(name).load().examples)
    seen: set[str] = set()
    for name in TASKS.names() if {"registered", "embedded"} & set(against) else ():
        _add_registered(index, name, online="registered" in against, seen=seen)
    return index


def _add_registered(index: EvaluationTexts, name: str, *, online: bool, seen: set[str]) -> None:
    for source in (None, EMBEDDED) if online else (EMBEDDED,):
        try:
            dataset = load_task(name).load(source)
        except (UsageError, DataError) as error:
            if source is None:
                index.missing[name] = str(error).splitlines()[0]
            continue
        if dataset.sha256 not in seen:
            seen.add(dataset.sha256)
            index.add(f"{name} ({dataset.source})", dataset.examples)


def _parts(example: Example, num_docs: int | None = None) -> Iterator[tuple[Part, str]]:
    yield "questions", example.question
    for document in (example.docs or ())[:num_docs]:
        yield "passages", document.text


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else words[:77].rstrip() + "..."
