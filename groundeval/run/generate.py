"""The first phase of a run: from prompts to generations on disk."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, pairwise
from operator import eq
from pathlib import Path
from typing import Any

from groundeval.aio import stop_requests
from groundeval.console.progress import Advance, doing, progress, say
from groundeval.errors import BackendError, DataError, GroundevalError, Interrupted, option
from groundeval.generation.interface import Completion, Generator
from groundeval.generation.prompts import choose_demonstrations
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Example, Prompt, Rendered
from groundeval.run.options import RunOptions
from groundeval.run.prepare import Asked, Job
from groundeval.scoring.cut_answers import cut_answers
from groundeval.storage.environment import environment, now
from groundeval.storage.folder import Folder, Lines
from groundeval.storage.generations import Generations, as_response, is_cut, unopened_thoughts
from groundeval.storage.id_index import IdIndex
from groundeval.storage.manifest import longest_answer, sessions_of

SECONDS_BETWEEN_WRITES = 0.5
"""Of answers that do not depend on each other, such as a server's."""
WINDOW = 16
"""Prompts that are generated and written together where the generator names no number of its own."""


def generate(job: Job, generator: Generator, options: RunOptions) -> None:
    """Generate what is missing, window by window, each written before the next begins; shows progress.

    Raises Interrupted after SIGTERM or SIGINT once the current window is written, BackendError if the model fails, and
    BackendError at the end if some samples failed: they are recorded, and tried again by the same command.
    """
    part = f".{options.shard[0]}-of-{options.shard[1]}" if options.shard else ""
    quiet = options.quiet
    total = len(job.asked)
    with Folder(job.folder).open(part.strip(".")) as folder:
        stored = Generations(job.folder)
        missing = without_text(job, stored)
        done_before = total - sum(missing)
        prompts = job.folder / f"prompts{part}.jsonl"
        if done_before == total:
            if not total:
                # A shard without samples still leaves its files, so that it counts as done.
                _write_manifest(folder, job, stored, {})
            if not total or not _has_prompts(job):
                _write_prompts(job, prompts)
            return
        _write_manifest(folder, job, stored, {})
        _write_prompts(job, prompts)
        if not quiet and done_before:
            say(f"{job.task.name}: {done_before} of {total} samples exist already")
        with doing(f"{job.task.name}: loading {options.model}", quiet=quiet):
            generator.load()
        lines = Lines(job.folder / f"generations{part}.jsonl", checksums=True)
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "samples": 0, "failed": 0, "cut": 0}
        started = time.perf_counter()
        what = f"{job.task.name}: generating"
        try:
            with progress(what, total=total, done=done_before, quiet=quiet) as advance:
                for record in _windows(job, missing, generator, options, lines, advance):
                    counts["samples"] += 1
                    counts["failed"] += record["status"] == "error"
                    counts["cut"] += is_cut(record)
                    counts["prompt_tokens"] += record.get("prompt_tokens") or 0
                    counts["completion_tokens"] += record.get("completion_tokens") or 0
            if hasattr(generator, "generate_windows"):
                _put_in_order(lines, job)
        finally:
            # Interrupted and failed generations have used tokens too.
            if counts["samples"]:
                seconds = time.perf_counter() - started
                spent = {**counts, "seconds": round(seconds, 3), **_rates(counts, seconds)}
                stored = Generations(job.folder)
                _write_manifest(folder, job, stored, {**spent, **_engine(generator, options)})
    unknown = unopened_thoughts(stored, job.tags)
    if unknown is not None and not quiet:
        say(f"warning: {job.task.name}: {unknown}")
    if options.phase == "generate" and not quiet:
        # Otherwise scoring, which follows, reports it.
        longest = longest_answer(options.backend, job.identity["sampling"])
        for note in cut_answers(stored.answers_cut, stored.texts, longest):
            say(f"note: {job.task.name}: {note}")
    if counts["failed"]:
        first = next(record["error"] for record in stored if record["status"] == "error")
        raise BackendError(
            f"{job.task.name}: {counts['failed']} of {total} samples failed; the first: {first}\n"
            f"  The others are written. The same command tries these again; {option('phase', 'score')} leaves them out."
        )


def without_text(job: Job, stored: Generations) -> bytearray:
    """For each sample of a job 1 if it has no text yet, or has failed; else 0."""
    return bytearray(not stored.has_text(prompt.id) for prompt in job.prompts)


def _windows(
    job: Job, missing: bytearray, generator: Generator, options: RunOptions, lines: Lines, advance: Advance
) -> Iterator[dict[str, Any]]:
    """Generate in windows at fixed places of the data set: a resumed run forms the batches of an uninterrupted one.

    Every answer is counted as it comes, and written with its window; those of an independent generator need not wait.
    """
    size = _window(generator, options)
    starts = range(0, len(missing), size)
    rows = ([row for row in range(start, min(start + size, len(missing))) if missing[row]] for start in starts)
    windows = ([job.asked[row] for row in each] for each in rows if each)
    with stop_requests("the answers under way") as stop_requested, _watched(generator, advance):
        if hasattr(generator, "generate_windows"):
            yield from _side_by_side(windows, job, generator, options, lines, advance, stop_requested)
            return
        for window in windows:
            if stop_requested():
                raise Interrupted(f"{job.task.name}: stopped on request. The same command resumes.")
            writer = _Writer(job, window, lines)
            try:
                _complete(writer.prompts, generator, options, writer, advance)
            except KeyboardInterrupt:
                writer.write()
                raise Interrupted(
                    f"{job.task.name}: stopped at once; {len(writer.found)} of {len(window)} answers of the last "
                    "window are kept. The same command resumes."
                ) from None
            except GroundevalError:
                if getattr(generator, "independent", False):
                    writer.write()
                raise
            writer.write()
            yield from writer.written


def _put_in_order(lines: Lines, job: Job) -> None:
    """Put lines that were written as they came into the order of the data: the bytes of a run that takes turns."""
    if all(map(eq, (record["id"] for record in lines.read()), (prompt.id for prompt in job.prompts))):
        return
    places = IdIndex(prompt.id for prompt in job.prompts)
    rows = (places.get(record["id"]) for record in lines.read())
    # Samples of a larger --limit, which are not of this job, stay behind.
    found = array("q", (len(places) if row is None else row for row in rows))
    if any(before > after for before, after in pairwise(found)):
        lines.reorder(array("q", sorted(range(len(found)), key=found.__getitem__)))


def _side_by_side(
    windows: Iterator[Sequence[Asked]],
    job: Job,
    generator: Any,
    options: RunOptions,
    lines: Lines,
    advance: Advance,
    stop_requested: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """Generate several windows at a time; each is written when it is done."""
    under_way: dict[str, _Writer] = {}

    def until_stopped() -> Iterator[Sequence[Prompt]]:
        for window in windows:
            if stop_requested():
                return
            writer = _Writer(job, window, lines)
            under_way[writer.prompts[0].id] = writer
            yield writer.prompts

    try:
        for prompts, completions in generator.generate_windows(until_stopped(), options.sampling):
            writer = under_way.pop(prompts[0].id)
            writer.found.update((completion.id, completion) for completion in completions)
            _check_complete(prompts, writer.found, options)
            writer.write()
            for record in writer.written:
                advance()
                advance.tokens(record["completion_tokens"] or 0)
                yield record
    except KeyboardInterrupt:
        raise Interrupted(
            f"{job.task.name}: stopped at once; the batches under way are lost. The same command resumes."
        ) from None
    if stop_requested():
        raise Interrupted(f"{job.task.name}: stopped on request. The same command resumes.")


@contextmanager
def _watched(generator: Generator, advance: Advance) -> Iterator[None]:
    """Count tokens as they are generated, before an answer is complete, if the generator reports them."""
    if hasattr(generator, "on_tokens"):
        generator.on_tokens = advance.tokens
    try:
        yield
    finally:
        if hasattr(generator, "on_tokens"):
            generator.on_tokens = None


class _Writer:
    """The completions of a window, and their lines, each written once."""

    def __init__(self, job: Job, window: Sequence[Asked], lines: Lines) -> None:
        self.prompts = [replace(asked.prompt, ids=asked.rendered.ids) for asked in window]
        self.found: dict[str, Completion] = {}
        self.written: list[dict[str, Any]] = []
        self._job, self._window, self._lines = job, window, lines
        self._ids: set[str] = set()
        self._last = time.monotonic()

    def write_now_and_then(self) -> None:
        """Write the completions that have arrived, if the last write is some time ago."""
        if time.monotonic() - self._last > SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write the lines of those completions that have none yet, in the order of the data."""
        new = {each: completion for each, completion in self.found.items() if each not in self._ids}
        records = [
            {**as_record(asked.rendered, new[asked.prompt.id], self._job.tags), **_fewer_shown(asked)}
            for asked in self._window
            if asked.prompt.id in new
        ]
        self._lines.append(records)
        self._ids |= set(new)
        self.written += records
        self._last = time.monotonic()


def _window(generator: Generator, options: RunOptions) -> int:
    size: int = getattr(generator, "window", None) or options.batch_size or WINDOW
    return size


def _complete(
    window: Sequence[Prompt], generator: Generator, options: RunOptions, writer: _Writer, advance: Advance
) -> None:
    """Put the completions of a window into `writer` as they arrive.

    Whatever goes wrong in a backend is a BackendError: the run can be resumed.
    """
    found = writer.found
    independent = getattr(generator, "independent", False)
    counts_tokens = hasattr(generator, "on_tokens")
    try:
        for completion in generator.generate(window, options.sampling):
            found[completion.id] = completion
            advance()
            if not counts_tokens:
                advance.tokens(completion.completion_tokens or 0)
            if independent:
                writer.write_now_and_then()
    except GroundevalError:
        raise
    except Exception as error:
        raise BackendError(f"backend {options.backend} failed: {type(error).__name__}: {error}") from error
    _check_complete(window, found, options)


def _check_complete(window: Sequence[Prompt], found: Mapping[str, Completion], options: RunOptions) -> None:
    missing = [prompt.id for prompt in window if prompt.id not in found]
    if missing:
        raise BackendError(f'backend {options.backend} gave no completion for sample "{missing[0]}"')


def _fewer_shown(asked: Asked) -> dict[str, Any]:
    """The field of a line that says how many documents its prompt shows, where not all fitted."""
    return {} if asked.shown is None else {"documents_shown": asked.shown}


def as_record(rendered: Rendered, completion: Completion, tags: ReasoningTags | None) -> dict[str, Any]:
    """The line of `generations.jsonl`; `tags` as `Response.build` takes them."""
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
    # The status is read off the text alone.
    return {**record, "status": as_response(_ANY_EXAMPLE, record, tags).status}


_ANY_EXAMPLE = Example("", "")


def _rates(counts: Mapping[str, int], seconds: float) -> dict[str, float]:
    return {
        f"{kind}_tokens_per_second": round(counts[f"{kind}_tokens"] / seconds, 2) if seconds else 0.0
        for kind in ("prompt", "completion")
    }


def _engine(generator: Generator, options: RunOptions) -> dict[str, Any]:
    """The settings that rates depend on besides hardware. A server's address is left out: it may hold credentials."""
    given = {name: value for name, value in options.model_args.items() if name != "base_url"}
    told = getattr(generator, "request", None)
    workers = getattr(generator, "workers", None)
    return {
        "window": _window(generator, options),
        "model_args": given,
        **({} if told is None else {"request": dict(told)}),
        **({} if workers is None else {"workers": dict(workers)}),
    }


def _write_manifest(folder: Folder, job: Job, stored: Generations, throughput: Mapping[str, Any]) -> None:
    before = folder.read_json("manifest.json")
    sessions = sessions_of(before)
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
            "demonstrations": [example.id for example in _demonstrations(job)],
            "documents_dropped": job.dropped,
            "answers_cut": stored.answers_cut,
            "longest_prompt_tokens": job.longest_prompt,
            "created": before.get("created", now()) if isinstance(before, dict) else now(),
            "environment": environment(),
            "sessions": sessions,
        },
    )


def _demonstrations(job: Job) -> tuple[Example, ...]:
    """Those that the prompts show, of all that the task has."""
    count, seed = job.identity["num_fewshot"], job.identity["seed"]
    if not count:
        return ()
    return choose_demonstrations(job.task.demonstrations(), count, seed=seed, closed_book=job.identity["num_docs"] == 0)


def _write_prompts(job: Job, path: Path) -> None:
    """`prompts.jsonl` (a shard has its own), whole: what each sample was asked, its hash, and what it shows if cut."""

    def line(asked: Asked) -> dict[str, Any]:
        rendered = asked.rendered
        record = {"id": asked.prompt.id, "sha256": rendered.sha256, "tokens": rendered.tokens, "text": rendered.text}
        return {**record, **_fewer_shown(asked)}

    Lines(path).rewrite(chain(_prompts_of_others(job, path), map(line, job.asked)))


def _prompts_of_others(job: Job, path: Path) -> Iterator[dict[str, Any]]:
    """The prompts in a file that are not of this job: those of a run with a larger --limit."""
    if not path.exists():
        return
    mine = IdIndex(prompt.id for prompt in job.prompts)
    try:
        kept = array("q", (place for place, record in Lines(path).placed() if record["id"] not in mine))
    except (DataError, KeyError, TypeError):
        # Damaged: what this run asks is written again, the prompts of another --limit are not known here.
        return
    following = iter(kept)
    wanted = next(following, None)
    for place, record in Lines(path).placed() if kept else ():
        if place == wanted:
            yield record
            wanted = next(following, None)


def _has_prompts(job: Job) -> bool:
    """Whether the folder holds every prompt of the job, each with the hash of its text. Damaged files are removed."""
    rows = IdIndex(prompt.id for prompt in job.prompts)
    there = bytearray(len(job.asked))
    for path in job.folder.glob("prompts*.jsonl"):
        try:
            found = [rows.get(record["id"]) for record in Lines(path).read() if _is_prompt(record)]
        except (DataError, KeyError):
            if path.is_dir():
                raise DataError(f"{path} is a folder. Remove it: the prompts are written there.") from None
            path.unlink()
            continue
        for row in found:
            if row is not None:
                there[row] = 1
    return all(there)


def _is_prompt(record: Mapping[str, Any]) -> bool:
    text = record.get("text")
    return (
        isinstance(record.get("id"), str)
        and isinstance(text, str)
        and Rendered(text, None).sha256 == record.get("sha256")
    )
