"""The texts behind a run's numbers, as far as available: examples, responses and prompts by sample id.

Untrusted run folders are read too. So nothing that a manifest names is executed, opened or downloaded: its task must
be registered here (`--include-path` adds tasks), and its data must be embedded or given by the user (`--data`) with the
hash that the run names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from groundeval.comparison.saved_scores import ScoredRun
from groundeval.errors import GroundevalError
from groundeval.metrics.gold import with_answers
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Example, Response
from groundeval.storage.folder import Lines
from groundeval.storage.generations import as_response, documents_shown, stored_generations
from groundeval.storage.json_records import file_hash
from groundeval.storage.manifest import stored_tags
from groundeval.storage.regular import entries_of
from groundeval.tasks import load_task
from groundeval.tasks.formats.accepted import Accepted
from groundeval.tasks.formats.examples import with_documents
from groundeval.tasks.formats.outputs.reader import OutputReader
from groundeval.tasks.formats.predictions import read_responses
from groundeval.tasks.loading import registered_task
from groundeval.tasks.oracle import with_oracle_documents
from groundeval.tasks.own import OWN
from groundeval.tasks.task import TASKS, Dataset

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class SampleTexts:
    """The texts of a run's samples from its folder and the available data; missing ids are unavailable."""

    examples: Mapping[str, Example] = field(default_factory=dict)
    """With the documents given to the model."""
    responses: Mapping[str, Response] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)


def texts_of(run: ScoredRun, given: Sequence[Path] = ()) -> SampleTexts:
    """The texts of a run. `given` are files of data or outputs that the user trusts; each is used for the runs whose
    manifests name its hash."""
    if not run.generation:
        return _scored_outputs(run, given)
    stored = stored_generations(run.run_folder, run.root)
    examples = {each.id: each for each in _examples(run, stored, given)}
    tags = _tags(run)
    responses = {
        each: as_response(examples.get(each) or Example(each, ""), record, tags)
        for each, record in stored.items()
        if each in run.samples
    }
    return SampleTexts(examples, responses, dict(_prompts(run)))


def _scored_outputs(run: ScoredRun, given: Sequence[Path]) -> SampleTexts:
    wanted = run.origin.get("file_sha256")
    for path in given:
        if _hash_of(path) == wanted:
            shown = [replace(each, example=_shown(each.example, run)) for each in _read(path, run)]
            responses = {each.example.id: each for each in shown}
            return SampleTexts({name: each.example for name, each in responses.items()}, responses)
    return SampleTexts()


def _read(path: Path, run: ScoredRun) -> Iterator[Response]:
    """The responses of a file, read as they were for scoring: by the same task, and the same names of fields."""
    task = registered_task(str(run.origin.get("task")))
    named = run.origin.get("map")
    paths = {str(part): str(field) for part, field in named.items()} if isinstance(named, dict) else {}
    reader = OutputReader(paths, None if task is None or task.name == OWN else task.kind)
    accepted = Accepted(reads_flags=run.results.profile != "alce")
    fields = None if task is None else task.fields
    return read_responses(path, accepted, tags=_tags(run), reader=reader, fields=fields)


def _shown(example: Example, run: ScoredRun) -> Example:
    """The example with the documents that were scored, and its gold answers."""
    count = run.origin.get("num_docs")
    return with_answers(example if count is None else with_documents(example, count))


def _tags(run: ScoredRun) -> ReasoningTags | None:
    """The reasoning tags used to read the texts: the scoring's own, or those of the run."""
    return stored_tags(run.origin.get("reasoning_tags") or run.generation.get("reasoning_tags"), run.folder)


@lru_cache(maxsize=256)
def _hash_of(path: Path) -> str:
    return file_hash(path)


def _examples(run: ScoredRun, stored: Mapping[str, Mapping[str, Any]], given: Sequence[Path]) -> Iterator[Example]:
    dataset = _dataset(run, given)
    answers: dict[str, list[str]] = {}
    for sample_id in run.samples:
        answers.setdefault(run.question_of(sample_id), []).append(sample_id)
    for example in () if dataset is None else dataset.examples:
        answered = answers.get(example.id)
        if answered is None:
            continue
        count = int(run.generation.get("num_docs") or 0)
        ordered = with_oracle_documents(example, count) if run.generation.get("oracle_docs") else example
        for sample_id in answered:
            shown = documents_shown(stored.get(sample_id) or {}, count)
            whole = with_documents(ordered, shown)
            yield whole if whole.id == sample_id else replace(whole, id=sample_id)


def _dataset(run: ScoredRun, given: Sequence[Path]) -> Dataset | None:
    """The data whose hash the run names, from the first place that has it."""
    task = str(run.generation.get("task"))
    if task not in TASKS:
        return None
    data = run.generation.get("data") or {}
    embedded = [EMBEDDED] if data.get("requested") == EMBEDDED else []
    for place in [*embedded, *map(str, given)]:
        dataset = _loaded(task, place, str(data.get("split") or "test"))
        if dataset is not None and dataset.sha256 == run.data_sha256:
            return dataset
    return None


@lru_cache(maxsize=16)
def _loaded(task: str, place: str, split: str) -> Dataset | None:
    """A data set with derived gold answers, or None for a file that does not hold this task's data."""
    try:
        dataset = load_task(task).load(place, split)
    except (GroundevalError, OSError):
        return None
    return replace(dataset, examples=tuple(map(with_answers, dataset.examples)))


def _prompts(run: ScoredRun) -> Iterator[tuple[str, str]]:
    for path in entries_of(run.run_folder, "prompts*.jsonl", run.root):
        for record in Lines(path, run.root).read():
            yield str(record.get("id")), str(record.get("text", ""))
