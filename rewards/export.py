"""Training data for trainers, from the data of tasks: prompts, and the fields of each example that rewards need."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from groundeval.errors import DataError, MissingExtra, UsageError, unknown
from groundeval.generation.prompts import render_prompt
from groundeval.models.local import LocalModel
from groundeval.models.options import GeneratorOptions
from groundeval.records import Example, Prompt
from groundeval.rewards.columns import example_json
from groundeval.scratch import scratch_folder
from groundeval.tasks import load_task
from groundeval.tasks.formats.examples import with_documents
from groundeval.tasks.loading import check_data_names, requested_data

Format = Literal["trl", "verl", "openrlhf"]
FORMATS: tuple[Format, ...] = get_args(Format)
Row = dict[str, Any]
ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Settings of the prompts, with the defaults of `groundeval run`."""

    split: str = "train"
    data: Mapping[str, str] = field(default_factory=dict)
    """Task name to a file or `embedded`; `*` stands for every task. Other tasks use their own data."""
    num_docs: int = 5
    num_fewshot: int = 0
    seed: int = 42
    system: str | None = None
    limit: int | None = None
    """Number of examples of each task; None: all."""
    tokenizer: str | None = None
    """Folder or hub name of the policy's tokenizer, whose chat template may open the reasoning."""
    chat_template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the chat template, the same as in training."""
    trust_remote_code: bool = False
    """Run Python code that comes with the tokenizer."""


def export(format: str, tasks: Sequence[str], out: Path, options: ExportOptions) -> int:
    """Write the data of tasks, one task after the other; returns the number of rows.

    The suffix of the file, `.parquet` or `.jsonl`, selects parquet or JSON lines; the file is written whole or not at
    all. Raises UserError for an unknown format or task, wrong data, or another suffix.
    """
    if format not in FORMATS:
        raise unknown("--format", format, FORMATS)
    if format == "verl" and out.suffix != ".parquet":
        raise UsageError(f"--out {out}: verl reads parquet; name the file {out.with_suffix('.parquet').name}")
    check_data_names(tasks, options.data)
    write = WRITERS.get(out.suffix)
    if write is None:
        raise UsageError(f"--out {out}: must end in .parquet or .jsonl")
    shared = of_all_rows(tasks, options)
    rows = (ROWS[format](*each, shared) for task in tasks for each in prompted(task, options))
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(out.parent, f".{out.name}.", ".part") as folder:
        count = write(folder / out.name, rows)
        if not count:
            raise DataError(f"--task {','.join(tasks)}: the {options.split} data have no examples")
        os.replace(folder / out.name, out)
    return count


def of_all_rows(tasks: Sequence[str], options: ExportOptions) -> Row:
    """The fields that all rows share: `prefill`, the reasoning tag opened by the chat template, with a tokenizer;
    `tasks`, with several tasks. Raises UserError for a tokenizer that cannot be loaded."""
    shared: Row = {}
    if options.tokenizer is not None:
        model = GeneratorOptions(
            options.tokenizer,
            chat_template_kwargs=options.chat_template_kwargs,
            trust_remote_code=options.trust_remote_code,
        )
        shared["prefill"] = LocalModel(model).format.prefill
    elif options.chat_template_kwargs:
        raise UsageError("--chat-template-kwargs: needs --tokenizer, whose chat template takes them")
    if len(tasks) > 1:
        shared["tasks"] = list(map(_named, tasks))
    return shared


def _named(reference: str) -> str:
    """The name by which the reward finds the task again: for a file its absolute path."""
    return str(Path(reference).resolve()) if Path(reference).is_file() else reference


def prompted(reference: str, options: ExportOptions) -> Iterator[tuple[str, str, int, Prompt, Example]]:
    """The examples of a task with their prompts: (task, split, index, prompt, example), one at a time.

    An example holds only the documents that its prompt shows.
    """
    task, named = load_task(reference), _named(reference)
    template = task.prompt if options.system is None else replace(task.prompt, system=options.system)
    examples = task.load(requested_data(task, reference, options.data), options.split).examples
    demonstrations = task.demonstrations() if options.num_fewshot else ()
    for index, example in enumerate(examples[: options.limit]):
        prompt = render_prompt(
            example,
            template,
            num_docs=options.num_docs,
            demonstrations=demonstrations,
            num_fewshot=options.num_fewshot,
            seed=options.seed,
        )
        yield named, options.split, index, prompt, with_documents(example, options.num_docs)


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as the messages that chat templates take."""
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    return [*system, {"role": "user", "content": prompt.user}]


def trl_row(task: str, split: str, index: int, prompt: Prompt, example: Example, shared: Row) -> Row:
    """Columns of the TRL adapter."""
    prefill = {name: shared[name] for name in ("prefill",) if name in shared}
    return {"prompt": messages(prompt), "task": task, "example": example_json(example), **prefill}


def verl_row(task: str, split: str, index: int, prompt: Prompt, example: Example, shared: Row) -> Row:
    """Columns of verl: `data_source` is the task, `ground_truth` the example; `extra_info` has the shared fields."""
    return {
        "data_source": task,
        "prompt": messages(prompt),
        "ability": "grounded_qa",
        "reward_model": {"style": "rule", "ground_truth": example_json(example)},
        "extra_info": {"split": split, "index": index, "id": example.id, **shared},
    }


def openrlhf_row(task: str, split: str, index: int, prompt: Prompt, example: Example, shared: Row) -> Row:
    """`input` and `label` (a JSON string with the shared fields), for `--data.input_key` and `--data.label_key`."""
    label = json.dumps({"task": task, "example": example_json(example), **shared})
    return {"input": messages(prompt), "label": label}


ROWS: dict[str, Callable[[str, str, int, Prompt, Example, Row], Row]] = {
    "trl": trl_row,
    "verl": verl_row,
    "openrlhf": openrlhf_row,
}


def write_jsonl(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON lines; returns their number."""
    count = 0
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_parquet(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as a parquet file, `ROWS_AT_ONCE` at a time; returns their number."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("writing parquet files", "hf") from error
    waiting, count, writer = iter(rows), 0, None
    try:
        while some := list(islice(waiting, ROWS_AT_ONCE)):
            table = pyarrow.Table.from_pylist(some, schema=None if writer is None else writer.schema)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            count += len(some)
    finally:
        if writer is not None:
            writer.close()
    return count


WRITERS: dict[str, Callable[[Path, Iterable[Row]], int]] = {".jsonl": write_jsonl, ".parquet": write_parquet}
