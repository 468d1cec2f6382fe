"""CPU time of whole processes, and of ROUGE compared with the package `rouge-score`."""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundeval.errors import DataError
from groundeval.metrics.reading import AnswerKind
from groundeval.metrics.rouge import rouge_lsum, sentence_tokens
from groundeval.parsing.statements import sentences
from groundeval.parsing.stemming import stem
from groundeval.records import Example

FIRST = 10
"""Number of records of a small file, which must be scored without delay."""


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


def measure_processes(
    task: str, name: str, outputs: Sequence[tuple[Example, str]], profiles: Sequence[str], repeats: int
) -> list[Cost]:
    """Cost of fresh processes that score a few records, or all, with the lexical verifier, compared with an empty one.

    The minimum of several runs counts, since other load only adds time. Raises DataError if scoring fails.
    """
    bare = _least(repeats, lambda: _process("-c", "pass"))
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outputs.json"
        path.write_text(json.dumps([_record(*each) for each in outputs]), encoding="utf-8")
        common = ("-m", "groundeval", "score", str(path), "--task", task, "--nli", "lexical", "--no-cache", "--quiet")
        for profile in profiles:
            for count in dict.fromkeys((min(FIRST, len(outputs)), len(outputs))):
                arguments = (*common, "--profile", profile, "--limit", str(count))
                seconds = _least(repeats, lambda arguments=arguments: _process(*arguments))  # type: ignore[misc]
                costs.append(Cost(f"{name}, {profile}, {count} records", seconds, "empty process", bare))
    return costs


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


def _record(example: Example, output: str) -> dict[str, Any]:
    """The line of a predictions file."""
    fields = {key: value for key, value in asdict(example).items() if value is not None and key != "extra"}
    if example.docs is not None:
        fields["docs"] = [{k: v for k, v in asdict(each).items() if v is not None} for each in example.docs]
    if example.annotations is not None:
        fields["annotations"] = [{"long_answer": each} for each in example.annotations]
    return {**fields, "output": output}
