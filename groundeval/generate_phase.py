"""The first phase of a run: from a task's examples to generations on disk."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from groundeval.errors import BackendError, GroundevalError, UsageError
from groundeval.generation.interface import Completion, Generator, Prompt, Rendered
from groundeval.generation.prompts import fit_documents, render_prompt
from groundeval.manifest import circumstances, now
from groundeval.options import RunOptions
from groundeval.progress import progress, say
from groundeval.records import Example, Response
from groundeval.runs import Folder, Lines, content_id, folder_name, write_whole
from groundeval.tasks.examples import content_hash
from groundeval.tasks.oracle import with_oracle_documents
from groundeval.tasks.task import Dataset, Task

WINDOW = 16
"""Prompts that are generated and written together where the generator names no number of its own."""

GENERATIONS = "generations*.jsonl"


class Interrupted(GroundevalError):
    """The user or the system asked the run to stop; the same command goes on from there."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Job:
    """One task of a run, ready to generate: examples cut to the documents shown, and where everything goes."""

    task: Task
    reference: str
    """How the task was named: a registered name or a path."""
    dataset: Dataset
    examples: tuple[Example, ...]
    folder: Path
    identity: Mapping[str, Any]
    prompts: tuple[Prompt, ...]
    shown: Mapping[str, int]
    """Documents that each prompt shows, by sample id, where fewer than asked for fitted."""


def prepare(
    task: Task, reference: str, requested: str | None, dataset: Dataset, generator: Generator, options: RunOptions
) -> Job:
    """Render every prompt and find the run folder. Loads no model. Raises UserError for settings that cannot be met."""
    template = task.prompt if options.system is None else replace(task.prompt, system=options.system)
    identity: dict[str, Any] = {
        "task": task.name,
        "task_version": task.version,
        "task_reference": _absolute(reference),
        "data": {
            "requested": None if requested is None else _absolute(requested),
            "source": dataset.source,
            "sha256": dataset.sha256,
            "split": options.split,
        },
        "backend": options.backend,
        "generator": dict(generator.identity()),
        "prompt": {"template": template.name, "sha256": template.sha256},
        "num_docs": options.num_docs,
        "docs_field": options.docs_field,
        "oracle_docs": options.oracle_docs,
        "num_fewshot": options.num_fewshot,
        "seed": options.seed,
        "sampling": asdict(options.sampling),
    }
    demonstrations = task.demonstrations() if options.num_fewshot else ()
    if demonstrations:
        identity["demonstrations"] = content_hash(demonstrations)
    folder = (
        options.output_path
        / folder_name(options.generator.model)
        / folder_name(task.name)
        / content_id(_for_hash(identity))
    )
    selected = dataset.examples[: options.limit]
    if options.shard is not None:
        index, count = options.shard
        selected = selected[index - 1 :: count]
    if options.oracle_docs:
        selected = tuple(with_oracle_documents(example, options.num_docs) for example in selected)
    limit = _prompt_limit(generator, options)
    settings: dict[str, Any] = {
        "num_docs": options.num_docs,
        "demonstrations": demonstrations,
        "num_fewshot": options.num_fewshot,
        "seed": options.seed,
        "docs_field": options.docs_field,
    }
    prompts: list[Prompt] = []
    shown: dict[str, int] = {}
    for example in selected:
        if limit is None:
            prompts.append(render_prompt(example, template, **settings))
            continue
        fitted = fit_documents(
            example, template, length=lambda prompt: generator.render(prompt).tokens or 0, limit=limit, **settings
        )
        prompts.append(fitted.prompt)
        if fitted.dropped:
            shown[example.id] = fitted.kept
    judged = 0 if options.scoring.post_hoc == "none" else options.cite_docs
    cut = tuple(with_documents(each, max(judged, shown.get(each.id, options.num_docs))) for each in selected)
    return Job(task, reference, dataset, cut, folder, identity, tuple(prompts), shown)


def _absolute(reference: str) -> str:
    """A file by its whole path, so that a run folder can be scored from anywhere; a name stays a name."""
    return str(Path(reference).resolve()) if Path(reference).is_file() else reference


def with_documents(example: Example, count: int) -> Example:
    """The example with its first `count` documents: those that the model was shown, and no others are scored."""
    if example.docs is None or len(example.docs) <= count:
        return example
    return replace(example, docs=example.docs[:count])


def _for_hash(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Where the data lies and how the task was named do not determine the texts; what they contain does."""
    return {
        **{key: value for key, value in identity.items() if key != "task_reference"},
        "data": {key: value for key, value in identity["data"].items() if key in ("sha256", "split")},
    }


def _prompt_limit(generator: Generator, options: RunOptions) -> int | None:
    context = getattr(generator, "context_length", None)
    if context is None:
        return None
    limit = int(context) - options.sampling.max_new_tokens
    if limit < 1:
        raise UsageError(
            f"--gen-kwargs max_new_tokens={options.sampling.max_new_tokens}: the model's {context} tokens of context "
            "leave no room for a prompt"
        )
    return limit


def generate(job: Job, generator: Generator, options: RunOptions) -> None:
    """Generate what is missing, window by window, each written before the next begins.

    Raises Interrupted after SIGTERM or SIGINT once the current window is written, BackendError if the model fails, and
    BackendError at the end if some samples failed: they are recorded, and tried again by the same command.
    """
    part = f".{options.shard[0]}-of-{options.shard[1]}" if options.shard else ""
    quiet = options.scoring.quiet
    with Folder(job.folder).open(part.strip(".")) as folder:
        done = {each for each, record in stored_generations(job.folder).items() if record["status"] != "error"}
        missing = [prompt for prompt in job.prompts if prompt.id not in done]
        if not missing:
            return
        _write_manifest(folder, job, {})
        _write_prompts(job, generator, job.folder / f"prompts{part}.jsonl")
        if not quiet and len(missing) < len(job.prompts):
            say(f"{job.task.name}: {len(job.prompts) - len(missing)} of {len(job.prompts)} samples are there already")
        generator.load()
        lines = Lines(job.folder / f"generations{part}.jsonl")
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "samples": 0, "failed": 0}
        started = time.perf_counter()
        written = _windows(job, {prompt.id for prompt in missing}, generator, options, lines)
        done_before = len(job.prompts) - len(missing)
        what = f"{job.task.name}: generating"
        with progress(what, total=len(job.prompts), done=done_before, quiet=quiet) as advance:
            for record in written:
                counts["samples"] += 1
                counts["failed"] += record["status"] == "error"
                counts["prompt_tokens"] += record.get("prompt_tokens") or 0
                counts["completion_tokens"] += record.get("completion_tokens") or 0
                advance()
        seconds = time.perf_counter() - started
        _write_manifest(folder, job, {**counts, "seconds": round(seconds, 3), **_rates(counts, seconds)})
    if counts["failed"]:
        first = next(r["error"] for r in stored_generations(job.folder).values() if r["status"] == "error")
        raise BackendError(
            f"{job.task.name}: {counts['failed']} of {len(job.prompts)} samples failed; the first: {first}\n"
            "  The others are written. The same command tries these again; --phase score leaves them out."
        )


def _windows(
    job: Job, missing: set[str], generator: Generator, options: RunOptions, lines: Lines
) -> Iterator[dict[str, Any]]:
    """Windows lie at fixed places of the data set, so that a resumed run forms the batches of an undisturbed one."""
    size = getattr(generator, "window", None) or options.generator.batch_size or WINDOW
    examples = {example.id: example for example in job.examples}
    with stop_requests() as stop_requested:
        for start in range(0, len(job.prompts), size):
            window = [prompt for prompt in job.prompts[start : start + size] if prompt.id in missing]
            if not window:
                continue
            if stop_requested():
                raise Interrupted(f"{job.task.name}: stopped on request. The same command goes on from here.")
            rendered = {prompt.id: generator.render(prompt) for prompt in window}
            completions = _completed(window, generator, options)
            ordered = [as_record(examples[each.id], rendered[each.id], completions[each.id]) for each in window]
            for record in ordered:
                if record["id"] in job.shown:
                    record["documents_shown"] = job.shown[record["id"]]
            lines.append(ordered)
            yield from ordered


def _completed(window: Sequence[Prompt], generator: Generator, options: RunOptions) -> dict[str, Completion]:
    """The completions of a window by id. Whatever goes wrong in a backend is a BackendError: the run can be resumed."""
    try:
        found = {completion.id: completion for completion in generator.generate(window, options.sampling)}
    except GroundevalError:
        raise
    except Exception as error:
        raise BackendError(f"backend {options.backend} failed: {type(error).__name__}: {error}") from error
    missing = [prompt.id for prompt in window if prompt.id not in found]
    if missing:
        raise BackendError(f'backend {options.backend} gave no completion for sample "{missing[0]}"')
    return found


def as_record(example: Example, rendered: Rendered, completion: Completion) -> dict[str, Any]:
    """The line of `generations.jsonl`."""
    record: dict[str, Any] = {
        "id": completion.id,
        "prompt_sha256": rendered.sha256,
        "raw": completion.text,
        "prefill": rendered.prefill,
        "finish_reason": completion.finish_reason,
        "status": "error" if completion.error else "",
        "prompt_tokens": completion.prompt_tokens if completion.prompt_tokens is not None else rendered.tokens,
        "completion_tokens": completion.completion_tokens,
    }
    if completion.error:
        return {**record, "error": completion.error}
    return {**record, "status": as_response(example, record).status}


def as_response(example: Example, record: Mapping[str, Any]) -> Response:
    """The response that a line of `generations.jsonl` holds."""
    if record["status"] == "error":
        return Response.failed(example, record.get("error") or "generation failed")
    return Response.build(
        example, record["raw"], prefill=record.get("prefill") or "", finish_reason=record.get("finish_reason")
    )


def stored_generations(folder: Path) -> dict[str, dict[str, Any]]:
    """All generations of a run folder by sample id, of all shards; a later line replaces a failed earlier one."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(GENERATIONS)):
        for record in Lines(path).read():
            if record["id"] not in found or found[record["id"]]["status"] == "error":
                found[record["id"]] = record
    return found


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and the first Ctrl-C into a question that the loop asks between windows; a second Ctrl-C kills."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()
        say("stopping after this window; interrupt again to stop at once")

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rates(counts: Mapping[str, int], seconds: float) -> dict[str, float]:
    return {
        f"{kind}_tokens_per_second": round(counts[f"{kind}_tokens"] / seconds, 2) if seconds else 0.0
        for kind in ("prompt", "completion")
    }


def _write_manifest(folder: Folder, job: Job, throughput: Mapping[str, Any]) -> None:
    before = folder.read_json("manifest.json") or {}
    sessions = before.get("sessions", [])
    if throughput:
        sessions = [*sessions, {"ended": now(), **throughput}]
    folder.write_json(
        "manifest.json",
        {
            "schema_version": 1,
            "kind": "generation",
            "id": folder.path.name,
            "identity": job.identity,
            "data_notes": list(job.dataset.notes),
            "demonstrations": [example.id for example in job.task.demonstrations()]
            if job.identity["num_fewshot"]
            else [],
            "documents_dropped": len(job.shown),
            "created": before.get("created", now()),
            "circumstances": circumstances(),
            "sessions": sessions,
        },
    )


def _write_prompts(job: Job, generator: Generator, path: Path) -> None:
    """`prompts.jsonl` (a shard has its own), whole: what each sample was asked, its hash, and what it shows if cut."""

    def line(prompt: Prompt) -> dict[str, Any]:
        rendered = generator.render(prompt)
        record = {"id": prompt.id, "sha256": rendered.sha256, "tokens": rendered.tokens, "text": rendered.text}
        shown = {"documents_shown": job.shown[prompt.id]} if prompt.id in job.shown else {}
        return {**record, **shown}

    mine = {prompt.id for prompt in job.prompts}
    kept = [record for record in Lines(path).read() if record["id"] not in mine]
    records = [*kept, *map(line, job.prompts)]
    write_whole(path, "".join(json.dumps(record, ensure_ascii=True) + "\n" for record in records).encode())
