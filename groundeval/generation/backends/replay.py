"""The `replay` backend: texts generated earlier, read from a file.

`--model FILE` is a JSON list, `{"data": [...]}` or JSONL of records with `id` and/or `question`, and `output` (or
`raw`, the text after the chat template's `prefill`, as in the `generations.jsonl` of a run). An output belongs to the
prompt with its `id`; if no record has that id, to the prompt with its `question`. Position is never used: with
`--limit`, `--shard` or a resumed run, samples would silently get the texts of others. With `--num-samples N` an
`output` is a list of N texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from groundeval.errors import DataError, excerpt, no_such, option
from groundeval.generation.interface import Completion, Generator, SamplingParams, register_generator
from groundeval.models.files import check_model_args
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.normalize import printable
from groundeval.records import Prompt, Rendered
from groundeval.storage.id_index import IdIndex
from groundeval.storage.json_records import Record, file_hash, read_records
from groundeval.storage.spool import Numbers, Spool

MODEL_ARGS = {"output_field": 'the field that holds the text (default: "raw" or "output")'}
TEXT_FIELDS = ("raw", "output")
_QUESTION_LINES = 40
WINDOW = 1000
"""Number of samples per write to disk."""


class Recorded(NamedTuple):
    """One record of the file."""

    number: int
    id: str | None
    question: str | None
    texts: tuple[str, ...] | None
    """One text, or several answers to the same question; None if the record declares that there is no text."""
    finish_reason: str | None
    error: str | None


class Records:
    """The records of a file by id and by question; those of a large file are on disk.

    An output replaces an earlier failure with the same id: a resumed run writes one after the other. A question counts
    if it has only one output; those of records with an id need not be unique.
    """

    def __init__(self, file: str, records: Iterable[Recorded]) -> None:
        """Raises DataError for a record that contradicts an earlier one."""
        self._file = file
        self._all = Spool[Recorded]()
        self._ids = IdIndex()
        self._places = Numbers()
        """Of the record that counts, by the number of its id."""
        some_lack_ids = False
        for place, record in enumerate(records):
            self._all.append(record)
            some_lack_ids |= record.id is None
            if record.id is not None and self._ids.add(record.id) == len(self._places):
                self._places.append(place)
            elif record.id is not None:
                self._again(record, record.id, place)
        if some_lack_ids:
            # Found out now: the same question twice.
            _ = self._by_question

    def _again(self, record: Recorded, identifier: str, place: int) -> None:
        number = self._ids.add(identifier)
        earlier = self._all[self._places[number]]
        if earlier.texts is None:
            self._places[number] = place
        elif record.texts is not None and record.texts != earlier.texts:
            raise DataError(
                f'{self._file}, records {earlier.number} and {record.number}: both have the id "{identifier}", '
                "with different texts"
            )

    @cached_property
    def _by_question(self) -> tuple[IdIndex, Numbers]:
        """The questions, and by their numbers the first place of each; -1 - place where outputs differ."""
        questions, places = IdIndex(), Numbers()
        for place, record in enumerate(self._all):
            if record.question is None:
                continue
            number = questions.add(record.question)
            if number == len(places):
                places.append(place)
                continue
            at = places[number]
            first = self._all[at if at >= 0 else -1 - at]
            if first.texts != record.texts:
                self._check_ids(first, record, record.question)
                places[number] = min(at, -1 - at)
        return questions, places

    def _check_ids(self, first: Recorded, record: Recorded, question: str) -> None:
        if record.id is None or first.id is None:
            raise DataError(
                f"{self._file}, records {first.number} and {record.number}: the same question ({excerpt(question)}) "
                'with different outputs and no "id" to tell them apart'
            )

    def with_id(self, identifier: str) -> Recorded | None:
        """The record with an id."""
        number = self._ids.get(identifier)
        return None if number is None else self._all[self._places[number]]

    def with_question(self, candidates: Iterable[str]) -> Recorded | None:
        """The record of the first candidate that is a question with one output."""
        questions, places = self._by_question
        for candidate in candidates if questions else ():
            number = questions.get(candidate)
            if number is not None and places[number] >= 0:
                return self._all[places[number]]
        return None


class ReplayGenerator:
    """Completions read from a file of outputs; a prompt without output gets an error, not an empty text."""

    has_defaults = True
    """Nothing is drawn: sampling parameters have no effect."""

    def __init__(self, options: GeneratorOptions) -> None:
        check_model_args(options.model_args, MODEL_ARGS, "replay")
        self.options = options
        self.window = options.batch_size or WINDOW
        self._records: Records | None = None

    def load(self) -> None:
        """Read and check the file. Raises UsageError for a missing file, DataError for a faulty one."""
        if self._records is not None:
            return
        field = self.options.model_args.get("output_field")
        read = read_records(self._path(), name=self.options.model)
        self._records = Records(self.options.model, (_recorded(record, field) for record in read))

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt's text without a chat template; its tokens are unknown."""
        text = prompt.user if prompt.system is None else f"{prompt.system}\n\n{prompt.user}"
        return Rendered(printable(text), None)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """The recorded output of each prompt, in order; sampling parameters have no effect."""
        self.load()
        for prompt in prompts:
            record = self._find(prompt)
            if record is None:
                yield Completion(prompt.id, "", error=f"{self.options.model} has no output for this sample")
            elif record.texts is None:
                yield Completion(prompt.id, "", error=record.error or f"record {record.number} holds no text")
            else:
                yield self._completion(prompt, record, record.texts)

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts: the file's content, which is checked here."""
        self.load()
        return {
            "backend": "replay",
            "model": Path(self.options.model).stem,
            "content_sha256": file_hash(self._path()),
            "model_args": dict(self.options.model_args),
        }

    def close(self) -> None:
        """Forget the file's content."""
        self._records = None

    def _path(self) -> Path:
        path = Path(self.options.model).expanduser()
        if not path.is_file():
            raise no_such(
                path,
                given=option("model", self.options.model),
                advice=f"\n  With {option('backend', 'replay')} it is a file of outputs (JSON or JSONL).",
            )
        return path

    def _completion(self, prompt: Prompt, record: Recorded, texts: Sequence[str]) -> Completion:
        """The text of the prompt's draw; a run folder's own file has a record for every draw."""
        if len(texts) == 1 and (prompt.draw is None or prompt.id == record.id):
            return Completion(prompt.id, texts[0], record.finish_reason)
        if prompt.draw is None:
            raise DataError(
                f"{self.options.model}, record {record.number}: has {len(texts)} outputs.\n"
                f"  Take them all with {option('num_samples', len(texts))}."
            )
        if prompt.draw > len(texts):
            return Completion(prompt.id, "", error=f"record {record.number} holds no output number {prompt.draw}")
        return Completion(prompt.id, texts[prompt.draw - 1], record.finish_reason)

    def _find(self, prompt: Prompt) -> Recorded | None:
        assert self._records is not None
        for identifier in dict.fromkeys((prompt.id, prompt.id.removesuffix(f"#{prompt.draw}"))):
            if (found := self._records.with_id(identifier)) is not None:
                return found
        return self._records.with_question(_asked(prompt.user))


@register_generator("replay")
def replay(options: GeneratorOptions) -> Generator:
    """Existing outputs: `--model` is a JSON or JSONL file with `output` and `id` or `question`."""
    return ReplayGenerator(options)


def _recorded(record: Record, field: str | None) -> Recorded:
    row, where = record.data, record.where
    sample = row.get("id")
    if sample is not None and (isinstance(sample, bool) or not isinstance(sample, (str, int))):
        raise DataError(f'{where}: field "id" is {excerpt(sample)}, must be text')
    question = row.get("question")
    if question is not None and not isinstance(question, str):
        raise DataError(f'{where}: field "question" is {excerpt(question)}, must be text')
    if sample is None and question is None:
        raise DataError(
            f'{where}: has neither "id" nor "question", so its output cannot be assigned to a sample.\n'
            "  Outputs are never matched by position. Add one of the two."
        )
    fields = (field,) if field else TEXT_FIELDS
    present = next((one for one in fields if one in row), None)
    failed = row.get("status") == "error" or (row.get("error") is not None and not row.get(present or ""))
    if present is None and not failed:
        needed = " or ".join(f'"{one}"' for one in fields)
        raise DataError(
            f"{where}: field {needed} is missing.\n  Another field: {option('model_args', output_field='NAME')}"
        )
    held = None if failed or present is None else row[present]
    texts: list[Any] = held if isinstance(held, list) and held else [held]
    if held is not None and not all(isinstance(text, str) for text in texts):
        raise DataError(f'{where}: field "{present}" is {excerpt(held)}, must be text, or a list of texts')
    begun = row["prefill"] if present == "raw" and isinstance(row.get("prefill"), str) else ""
    finish, error = row.get("finish_reason") or row.get("stop_reason"), row.get("error")
    return Recorded(
        record.number,
        None if sample is None else str(sample),
        None if question is None else _squeezed(question),
        None if held is None else tuple(begun + text for text in texts),
        finish if isinstance(finish, str) else None,
        None if error is None else str(error),
    )


def _asked(user: str) -> Iterator[str]:
    """Candidates for the question of a prompt: line ranges near its end, with and without a label such as `Question:`.

    The last comes first, since the demonstrations before it contain questions too.
    """
    lines = user.splitlines()[-_QUESTION_LINES:]
    for start in reversed(range(len(lines))):
        for end in range(start + 1, min(start + 6, len(lines)) + 1):
            block = _squeezed("\n".join(lines[start:end]))
            yield block
            label, colon, rest = block.partition(": ")
            if colon and len(label) < 40:
                yield rest


def _squeezed(text: str) -> str:
    return " ".join(printable(text).split())
