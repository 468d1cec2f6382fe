"""CPU time of whole processes, and of ROUGE compared with the package `rouge-score`."""

from __future__ import annotations

import importlib.util
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from groundeval.errors import DataError
from groundeval.metrics.reading import AnswerKind
from groundeval.metrics.rouge import rouge_lsum, sentence_tokens
from groundeval.parsing.statements import sentences
from groundeval.parsing.stemming import stem
from groundeval.records import Example


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of an operation, and of its reference."""

    what: str
    seconds: float
    reference: str
    reference_seconds: float

    @property
    def ratio(self) -> float:
        """Time divided by the reference's time."""
        return self.seconds / self.reference_seconds


def measure_start(repeats: int) -> list[Cost]:
    """Cost of an import and of `--help`, compared with an empty process."""
    bare = _least(repeats, lambda: _process("-c", "pass"))
    imported = _least(repeats, lambda: _process("-c", "import groundeval"))
    helped = _least(repeats, lambda: _process("-m", "groundeval", "--help"))
    return [
        Cost("import groundeval", imported, "empty process", bare),
        Cost("groundeval --help", helped, "empty process", bare),
    ]


def measure_rouge(name: str, kind: AnswerKind, outputs: Sequence[tuple[Example, str]], repeats: int) -> Cost | None:
    """Cost of ROUGE-Lsum compared with `rouge-score`, each from texts split into sentences; None for lists, and without
    that package or references."""
    pairs = [(output, example.references) for example, output in outputs if example.references]
    if kind == "list" or not pairs or importlib.util.find_spec("rouge_score") is None:
        return None
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeLsum"], use_stemmer=True)
    texts = {text for output, references in pairs for text in (output, *references)}
    lines = {text: "\n".join(sentences(text.lower())) for text in texts}

    def ours() -> float:
        stem.cache_clear()
        sentence_tokens.cache_clear()
        started = time.process_time()
        for output, references in pairs:
            rouge_lsum(output, references)
        return time.process_time() - started

    def theirs() -> float:
        started = time.process_time()
        for output, references in pairs:
            scorer.score_multi([lines[each] for each in references], lines[output])
        return time.process_time() - started

    return Cost(f"{name}, rougeLsum", _least(repeats, ours), "rouge-score", _least(repeats, theirs))


def _least(repeats: int, seconds: Callable[[], float]) -> float:
    return min(seconds() for _ in range(repeats))


def _process(*arguments: str) -> float:
    """CPU seconds, user and system, of a fresh interpreter."""
    before = _of_children()
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise DataError(f"{' '.join(arguments)} ended with code {run.returncode}:\n  {run.stderr.strip()}")
    return _of_children() - before


def _of_children() -> float:
    # In microseconds; `os.times` counts in hundredths of a second, about what an empty process takes.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
