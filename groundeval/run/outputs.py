"""Outputs that exist already, in a file or in memory: read as responses of a task, and scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from groundeval.console.progress import doing
from groundeval.console.tally import counted
from groundeval.errors import DataError, UsageError, option
from groundeval.metrics.gold import with_answers
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import profile_named
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Example, Response
from groundeval.run.options import ScoreOptions
from groundeval.run.outcome import ScoreResults
from groundeval.run.responses import ResponseSet, sample_hash
from groundeval.run.score import check_scoring_names, score_responses
from groundeval.storage.json_records import file_hash
from groundeval.storage.spool import Numbers, Spool, each_of
from groundeval.tasks import Task
from groundeval.tasks.formats.accepted import Accepted
from groundeval.tasks.formats.examples import ContentHashes, FieldsPresent, with_documents
from groundeval.tasks.formats.outputs.reader import OutputReader
from groundeval.tasks.formats.predictions import IN_MEMORY, read_responses, responses_in
from groundeval.tasks.own import OWN


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs as they are scored."""

    task: Task
    """The task; of `own`, with the kind of answers that the gold data are."""
    responses: Sequence[Response]
    """Read one at a time: those of a large file are not in memory."""
    fields: frozenset[str]
    """Fields that all examples have or can derive."""
    reader: OutputReader
    """How the records were read."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the numbers do not say, told before them."""
    content: ContentHashes | None = None
    """Hashes of the examples, if they were asked for."""

    @property
    def examples(self) -> Sequence[Example]:
        """The examples that the outputs answer, in their order."""
        return each_of(self.responses, lambda response: response.example)


def score_predictions(options: ScoreOptions, task: Task, *, keep_samples: bool = False) -> ScoreResults:
    """Score outputs from a file or from memory, or responses. `keep_samples` as in `score_responses`."""
    if task.name != OWN:
        check_scoring_names(task, options)
    outputs = read_outputs(options, task, hashed=keep_samples or options.output_path is not None)
    if task.name == OWN:
        # Which metrics there are depends on the gold data.
        check_scoring_names(outputs.task, options)
    folder = None if options.output_path is None else Path(options.output_path)
    given = ResponseSet(
        outputs.task,
        outputs.examples,
        outputs.responses.__getitem__,
        outputs.fields,
        outputs.notes,
        folder=folder,
        origin={} if folder is None else _origin(options, outputs),
        content=outputs.content,
        warnings=outputs.warnings,
    )
    return score_responses(given, options, keep_samples=keep_samples)


def reader_for(options: ScoreOptions, task: Task) -> OutputReader:
    """What turns the records into groundeval's own format, and tells how."""
    return OutputReader(options.map, None if task.name == OWN else task.kind)


def read_outputs(
    options: ScoreOptions, task: Task, reader: OutputReader | None = None, *, hashed: bool = False
) -> Outputs:
    """Read everything to score; `hashed`: compute the hashes of the examples on the way.

    Raises UserError for a source, a mapping or a record that cannot be read.
    """
    accepted = Accepted(reads_flags=set(options.profiles or (task.profile,)) != {"alce"})
    reader = reader or reader_for(options, task)
    responses, present, shown = Spool[Response](), FieldsPresent(), _Documents()
    content = ContentHashes() if hashed else None
    answered: Response | None = None
    failed: Response | None = None
    with doing(f"reading {_called(options.predictions)}", quiet=options.quiet):
        for response in _responses(options, task, accepted, reader):
            responses.append(response)
            if content is not None:
                content.add(response.example)
            if response.status == "error":
                failed = failed or response
                continue
            answered = answered or response
            present.add(response.example)
            shown.add(response.example, len(responses) - 1)
    if not responses:
        raise DataError(f"{_called(options.predictions)}: no records")
    if answered is None:
        reason = failed.finish_reason if failed is not None else None
        raise DataError(f"{_called(options.predictions)}: every request failed ({len(responses)}); the first: {reason}")
    if task.name == OWN:
        if options.task is None and reader.shape is None:
            _refuse_asqa(options, answered)
        claims = "claims" in present.known and "qa_pairs" not in present.known
        task = replace(task, kind="claims" if claims else "em")
    profile = (options.profiles or (task.profile,))[0]
    return Outputs(
        task,
        responses,
        present.known,
        reader,
        (*reader.notes, *accepted.notes),
        tuple(shown.warnings(responses, profile, task.kind, reader.documents_at)),
        content,
    )


class _Documents:
    """Notices the records without documents: where others have some, these may have been misread."""

    def __init__(self) -> None:
        self.read = 0
        self.without = Numbers()
        """Their positions."""

    def add(self, example: Example, position: int) -> None:
        self.read += 1
        if not any(doc.text for doc in example.docs or ()):
            self.without.append(position)

    def warnings(
        self, responses: Sequence[Response], profile: str, kind: AnswerKind, place: str | None
    ) -> Iterator[str]:
        """A warning if only some records have documents. `place`: where these have them."""
        if len(self.without) in (0, self.read):
            return
        context, refused, graded = Context(profile_named(profile), kind), 0, False
        for position in self.without:
            response = responses[position]
            refused += context.read(response).refused
            graded |= bool(response.example.answers)
        note = (
            f"{len(self.without)} of {self.read} records have no documents, though others do (first: record "
            f"{self.without[0] + 1}): {counted(refused, 'refusal')} and "
            f"{counted(len(self.without) - refused, 'other output')}."
        )
        if graded:
            note += " Their questions count as unanswerable, and refusing them as right."
        yield note if place is None else f'{note} The others have documents in "{place}".'


def _responses(options: ScoreOptions, task: Task, accepted: Accepted, reader: OutputReader) -> Iterator[Response]:
    """The responses to score: those given, or those of the records of a file, a list or a table."""
    source = options.predictions
    given = responses_in(source) if not isinstance(source, str | Path) else None
    tags = options.reasoning_tags
    for name in ("reasoning_tags", "map") if given is not None else ():
        if getattr(options, name):
            raise UsageError(f"{option(name)}: responses are parsed already, and have no fields; build them with it")
    read: Iterator[Response] = iter(given or ())
    if given is None:
        read = read_responses(source, accepted, tags=tags, reader=reader, fields=task.fields)  # type: ignore[arg-type]
    for response in islice(read, options.limit):
        example = response.example if options.num_docs is None else with_documents(response.example, options.num_docs)
        yield replace(response, example=with_answers(example))


def _refuse_asqa(options: ScoreOptions, first: Response) -> None:
    """Demand a task for ASQA's gold data in groundeval's format: published protocols give different numbers for it."""
    if first.example.qa_pairs is not None:
        raise UsageError(
            f"{_called(options.predictions)}: which task? The records are ASQA's (they have qa_pairs); name it: "
            f"{option('task', 'asqa')}, {option('task', 'trust_asqa')}, or {option('task', OWN)} for neither protocol."
        )


def _origin(options: ScoreOptions, outputs: Outputs) -> dict[str, Any]:
    """The settings that distinguish these outputs from others scored into the same folder; defaults are omitted."""
    tags = options.reasoning_tags
    return {
        "task": outputs.task.name,
        **_content(options.predictions, outputs.responses),
        "num_docs": options.num_docs,
        **({} if tags is None else {"reasoning_tags": list(tags.all())}),
        **({"map": dict(options.map)} if options.map else {}),
    }


def _called(predictions: object) -> str:
    return str(predictions) if isinstance(predictions, str | Path) else IN_MEMORY


def _content(predictions: object, responses: Sequence[Response]) -> dict[str, str]:
    """A hash that distinguishes these outputs from others."""
    if isinstance(predictions, str | Path) and Path(predictions).is_file():
        return {"file_sha256": file_hash(Path(predictions))}
    digest = sha256()
    for response in responses:
        digest.update(sample_hash(response).encode())
    return {"texts_sha256": digest.hexdigest()}
