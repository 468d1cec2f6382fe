"""Scores a run folder again: its texts with the task and the data that this user names or that are registered here.

A run folder may be a stranger's. Nothing that its manifest names is run, opened or downloaded: a task has to be
registered (or named with `task`), and data have to be embedded, the task's own, or named with `data`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from groundeval.errors import DataError, UsageError, option, unknown
from groundeval.metrics.gold import with_answers
from groundeval.records import Example
from groundeval.run.draws import drawn
from groundeval.run.options import EVERY_TASK, ScoringOptions
from groundeval.run.outcome import ScoreResults
from groundeval.run.prepare import MODEL_NAME
from groundeval.run.responses import ResponseSet
from groundeval.run.score import check_scoring_names, score_responses
from groundeval.scoring.reasoning_notes import note_on_named_tags
from groundeval.storage.any_records import FORMATS
from groundeval.storage.contents import files_below, runs_below
from groundeval.storage.folder import Lines, read_json
from groundeval.storage.generations import Generations, as_response
from groundeval.storage.id_index import IdIndex
from groundeval.storage.manifest import RunIdentity, longest_answer, run_identity, stored_tags
from groundeval.storage.regular import entries_of
from groundeval.storage.spool import Lazy, Numbers
from groundeval.tasks.formats.examples import ContentHashes, FieldsPresent, with_documents
from groundeval.tasks.formats.sources import EMBEDDED
from groundeval.tasks.loading import registered_task
from groundeval.tasks.oracle import with_oracle_documents
from groundeval.tasks.task import Dataset, Task

_NAMED = 5
"""Most runs and files that a message names."""
NEEDED = ("task", "task_reference", "data", "num_docs", "oracle_docs")
"""The fields that the identity of a run must have."""


def score_run(
    folder: Path,
    options: ScoringOptions,
    *,
    task: Task | None = None,
    data: Mapping[str, str] | None = None,
    keep_samples: bool = False,
) -> ScoreResults:
    """Score a run folder again, under other profiles or with another NLI model; generates nothing.

    `task` and `data` (task name or `*` to file) are those that the user names: needed where the run used a task that is
    not registered here, or a file of data. Raises UsageError where they are missing, with the command that names them,
    and DataError for data that the run was not generated from.
    """
    manifest = read_json(folder / "manifest.json")
    if not isinstance(manifest, dict) or manifest.get("kind") != "generation":
        raise _no_run(folder)
    identity = run_identity(manifest, folder, NEEDED)
    judged = _task_of(identity, task, folder)
    source = _data_of(identity, data or {}, folder)
    if judged is None or (source is None and identity.data.requested is not None):
        raise _not_named(identity, folder, task=judged is None, data=source is None)
    check_scoring_names(judged, options)
    dataset = _dataset(judged, source, identity, folder)
    stored = Generations(folder)
    numbers, examples = _stored_examples(dataset, identity, stored, options, folder)
    notes = [*dataset.notes, *_unfinished(folder, stored)]
    stored.forget_ids()
    tags = stored_tags(identity.reasoning_tags, folder)
    asked = options.reasoning_tags or tags
    if asked is not None and asked == tags and identity.reasoning_tags_from == MODEL_NAME:
        notes.append(note_on_named_tags(asked))
    fields, content = FieldsPresent(), ContentHashes()
    for example in examples:
        fields.add(example)
        content.add(example)
    responses = ResponseSet(
        judged,
        examples,
        lambda row: as_response(examples[row], stored[numbers[row]], asked),
        fields.known,
        (*notes, *note_on_fewer_documents(stored, numbers)),
        folder,
        # Named also where they are the usual ones: those of the run are what needs no name.
        origin={} if asked is None or asked == tags else {"reasoning_tags": list(asked.all())},
        longest_answer=longest_answer(identity.backend, identity.sampling),
        num_samples=identity.num_samples,
        content=content,
    )
    return score_responses(responses, options, keep_samples=keep_samples)


def note_on_fewer_documents(stored: Generations, numbers: Sequence[int]) -> list[str]:
    """The note on prompts that lost documents, since not all requested ones fit the model's context."""
    fewer = sum(stored.documents_shown(number, -1) >= 0 for number in numbers)
    return (
        [f"{fewer} of {len(numbers)} prompts show fewer documents than requested, to fit the context"] if fewer else []
    )


def _no_run(folder: Path) -> UsageError:
    """The error for a folder that is no run: what it holds that can be scored, as commands."""
    there = runs_below(folder, _NAMED) or files_below(folder, _NAMED)
    rest = f"  Give a run folder, or a file: {FORMATS}."
    if there:
        rest = "  It holds:\n" + "\n".join(f"    groundeval score {shlex.quote(str(path))}" for path in there)
    return UsageError(f"{folder} is not a run folder: it has no manifest.json of a run.\n{rest}")


def _task_of(identity: RunIdentity, named: Task | None, folder: Path) -> Task | None:
    """The task that the user names, or the registered one of the run's name; None where there is neither."""
    if named is None:
        return registered_task(identity.task or "")
    if named.name != identity.task:
        raise UsageError(f"{option('task', named.name)}: {folder} is a run of the task {identity.task}")
    return named


def _data_of(identity: RunIdentity, named: Mapping[str, str], folder: Path) -> str | None:
    """The file that the user names, or `embedded` where the run used that; None: the task's own data set."""
    for name in named:
        if name not in (EVERY_TASK, identity.task):
            raise unknown(f"task of {folder} in {option('data')}", name, [str(identity.task)])
    own = EMBEDDED if identity.data.requested == EMBEDDED else None
    return named.get(identity.task or "") or named.get(EVERY_TASK) or own


def _not_named(identity: RunIdentity, folder: Path, *, task: bool, data: bool) -> UsageError:
    """The error for a run whose task or data the user has to name; `task` and `data` say which."""
    what, words = [], [str(folder)]
    if task:
        reference = identity.task_reference or ""
        what.append(f'the task "{identity.task}" is not registered here')
        is_file = reference.endswith((".yaml", ".yml", ".py")) or ".py:" in reference
        words += ["--task", reference] if is_file else ["--include-path", "PLUGIN.py"]
    if data and identity.data.requested not in (None, EMBEDDED):
        what.append("its data are a file")
        words += ["--data", str(identity.data.requested)]
    return UsageError(
        f"{folder}: {' and '.join(what)}. What the manifest of a run names is neither run nor read: name it yourself.\n"
        f"  If this run and these files are yours:\n    groundeval score {shlex.join(words)}"
    )


def _dataset(task: Task, source: str | None, identity: RunIdentity, folder: Path) -> Dataset:
    dataset = task.load(source, identity.data.split)
    if dataset.sha256 != identity.data.sha256:
        raise DataError(
            f"{folder}: the data of task {task.name} ({dataset.source}) are not what this run was generated from.\n"
            f"  Name the file with the old content ({option('data', 'FILE')}), or generate again."
        )
    return dataset


def _stored_examples(
    dataset: Dataset, identity: RunIdentity, stored: Generations, options: ScoringOptions, folder: Path
) -> tuple[Sequence[int], Sequence[Example]]:
    """The examples that have a text, with the documents that the model was shown, or `cite_docs` to choose from.

    First the number of each one's text.
    """
    if identity.num_samples > max(1, len(stored)):
        raise DataError(
            f"{folder}/manifest.json says {identity.num_samples} answers to each question; the folder holds "
            f"{len(stored)} texts in all"
        )
    samples = drawn(dataset.examples, identity.num_samples)
    least = 0 if options.post_hoc == "none" else options.cite_docs
    rows, numbers = Numbers(), Numbers()
    for row, example in enumerate(samples):
        number = stored.number(example.id)
        if number >= 0:
            rows.append(row)
            numbers.append(number)

    def at(place: int) -> Example:
        example = samples[rows[place]]
        if identity.oracle_docs:
            example = with_oracle_documents(example, identity.num_docs)
        shown = stored.documents_shown(numbers[place], identity.num_docs)
        return with_answers(with_documents(example, max(least, shown)))

    return numbers, Lazy(len(rows), at)


def _unfinished(folder: Path, stored: Generations) -> list[str]:
    """The note on a run in which some prompts have no text yet."""
    asked = IdIndex()
    lacking = 0
    for path in entries_of(folder, "prompts*.jsonl"):
        for record in Lines(path).read():
            identifier, before = str(record.get("id")), len(asked)
            lacking += asked.add(identifier) == before and stored.number(identifier) < 0
    return [f"the run is unfinished: {lacking} of {len(asked)} samples have no text yet"] if lacking else []
