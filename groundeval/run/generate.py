"""The first phase of a run: from prompts to generations on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundeval.aio import Interrupted, stop_requests
from groundeval.console.progress import Advance, doing, progress, say
from groundeval.errors import BackendError, DataError, GroundevalError, option
from groundeval.generation.interface import Completion, Generator
from groundeval.generation.prompts import choose_demonstrations
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Example, Prompt, Rendered
from groundeval.run.options import RunOptions
from groundeval.run.prepare import Job
from groundeval.scoring.cut_answers import cut_answers
from groundeval.storage.environment import environment, now
from groundeval.storage.folder import Folder, Lines
from groundeval.storage.generations import answers_cut, as_response, stored_generations, unopened_thoughts
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
    with Folder(job.folder).open(part.strip(".")) as folder:
        missing = missing_prompts(job)
        prompts = job.folder / f"prompts{part}.jsonl"
        if not missing:
            if not job.prompts:
                # A shard without samples still leaves its files, so that it counts as done.
                _write_manifest(folder, job, {})
            if not job.prompts or not _has_prompts(job):
                _write_prompts(job, generator, prompts)
            return
        _write_manifest(folder, job, {})
        _write_prompts(job, generator, prompts)
        if not quiet and len(missing) < len(job.prompts):
            say(f"{job.task.name}: {len(job.prompts) - len(missing)} of {len(job.prompts)} samples exist already")
        with doing(f"{job.task.name}: loading {options.model}", quiet=quiet):
            generator.load()
        lines = Lines(job.folder / f"generations{part}.jsonl", checksums=True)
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "samples": 0, "failed": 0, "cut": 0}
        started = time.perf_counter()
        done_before = len(job.prompts) - len(missing)
        what = f"{job.task.name}: generating"
        try:
            with progress(what, total=len(job.prompts), done=done_before, quiet=quiet) as advance:
                for record in _windows(job, {prompt.id for prompt in missing}, generator, options, lines, advance):
                    counts["samples"] += 1
                    counts["failed"] += record["status"] == "error"
                    counts["cut"] += answers_cut([record])
                    counts["prompt_tokens"] += record.get("prompt_tokens") or 0
                    counts["completion_tokens"] += record.get("completion_tokens") or 0
        finally:
            # Interrupted and failed generations have used tokens too.
            if counts["samples"]:
                seconds = time.perf_counter() - started
                spent = {**counts, "seconds": round(seconds, 3), **_rates(counts, seconds)}
                _write_manifest(folder, job, {**spent, **_engine(generator, options)})
    if hasattr(generator, "generate_windows"):
        _put_in_order(lines, job)
    stored = stored_generations(job.folder)
    unknown = unopened_thoughts(stored.values(), job.tags)
    if unknown is not None and not quiet:
        say(f"warning: {job.task.name}: {unknown}")
    if options.phase == "generate" and not quiet:
        # Otherwise scoring, which follows, reports it.
        texts = [record for record in stored.values() if record["status"] != "error"]
        longest = longest_answer(options.backend, job.identity["sampling"])
        for note in cut_answers(answers_cut(texts), len(texts), longest):
            say(f"note: {job.task.name}: {note}")
    if counts["failed"]:
        first = next(r["error"] for r in stored.values() if r["status"] == "error")
        raise BackendError(
            f"{job.task.name}: {counts['failed']} of {len(job.prompts)} samples failed; the first: {first}\n"
            f"  The others are written. The same command tries these again; {option('phase', 'score')} leaves them out."
        )


def missing_prompts(job: Job) -> list[Prompt]:
    """The prompts of a job that have no text yet, failed ones included."""
    done = {each for each, record in stored_generations(job.folder).items() if record["status"] != "error"}
    return [prompt for prompt in job.prompts if prompt.id not in done]


def _windows(
    job: Job, missing: set[str], generator: Generator, options: RunOptions, lines: Lines, advance: Advance
) -> Iterator[dict[str, Any]]:
    """Generate in windows at fixed places of the data set: a resumed run forms the batches of an uninterrupted one.

    Every answer is counted as it comes, and written with its window; those of an independent generator need not wait.
    """
    size = _window(generator, options)
    examples = {example.id: example for example in job.examples}
    starts = range(0, len(job.prompts), size)
    parts = ([prompt for prompt in job.prompts[start : start + size] if prompt.id in missing] for start in starts)
    windows = (window for window in parts if window)
    with stop_requests("the answers under way") as stop_requested, _watched(generator, advance):
        if hasattr(generator, "generate_windows"):
            yield from _side_by_side(windows, job, examples, generator, options, lines, advance, stop_requested)
            return
        for window in windows:
            if stop_requested():
                raise Interrupted(f"{job.task.name}: stopped on request. The same command resumes.")
            rendered = {prompt.id: generator.render(prompt) for prompt in window}
            writer = _Writer(job, window, examples, rendered, lines)
            try:
                _complete(window, generator, options, writer, advance)
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
    place = {prompt.id: number for number, prompt in enumerate(job.prompts)}
    # Samples of a larger --limit, which are not of this job, stay behind.
    found = [place.get(record["id"], len(place)) for record in lines.read()]
    order = sorted(range(len(found)), key=found.__getitem__)
    if order != list(range(len(found))):
        lines.reorder(order)


def _side_by_side(
    windows: Iterator[Sequence[Prompt]],
    job: Job,
    examples: Mapping[str, Example],
    generator: Any,
    options: RunOptions,
    lines: Lines,
    advance: Advance,
    stop_requested: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """Generate several windows at a time; each is written when it is done."""

    def until_stopped() -> Iterator[Sequence[Prompt]]:
        for window in windows:
            if stop_requested():
                return
            yield window

    try:
        for window, completions in generator.generate_windows(until_stopped(), options.sampling):
            rendered = {prompt.id: generator.render(prompt) for prompt in window}
            writer = _Writer(job, window, examples, rendered, lines)
            writer.found.update((completion.id, completion) for completion in completions)
            _check_complete(window, writer.found, options)
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

    def __init__(
        self,
        job: Job,
        window: Sequence[Prompt],
        examples: Mapping[str, Example],
        rendered: Mapping[str, Rendered],
        lines: Lines,
    ) -> None:
        self.found: dict[str, Completion] = {}
        self.written: list[dict[str, Any]] = []
        self._job, self._window, self._examples, self._rendered, self._lines = job, window, examples, rendered, lines
        self._ids: set[str] = set()
        self._last = time.monotonic()

    def write_now_and_then(self) -> None:
        """Write the completions that have arrived, if the last write is some time ago."""
        if time.monotonic() - self._last > SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write the lines of those completions that have none yet, in the order of the data."""
        new = {each: completion for each, completion in self.found.items() if each not in self._ids}
        records = _records(self._job, self._window, self._examples, self._rendered, new)
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


def _records(
    job: Job,
    window: Sequence[Prompt],
    examples: Mapping[str, Example],
    rendered: Mapping[str, Rendered],
    found: Mapping[str, Completion],
) -> list[dict[str, Any]]:
    """The lines of those prompts of a window that have a completion, in the order of the data."""
    records = []
    for each in (prompt.id for prompt in window if prompt.id in found):
        record = as_record(examples[each], rendered[each], found[each], job.tags)
        shown = {"documents_shown": job.shown[each]} if each in job.shown else {}
        records.append({**record, **shown})
    return records


def as_record(
    example: Example, rendered: Rendered, completion: Completion, tags: ReasoningTags | None
) -> dict[str, Any]:
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
    return {**record, "status": as_response(example, record, tags).status}


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


def _write_manifest(folder: Folder, job: Job, throughput: Mapping[str, Any]) -> None:
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
            "documents_dropped": len(job.shown),
            "answers_cut": answers_cut(stored_generations(job.folder).values()),
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


def _write_prompts(job: Job, generator: Generator, path: Path) -> None:
    """`prompts.jsonl` (a shard has its own), whole: what each sample was asked, its hash, and what it shows if cut."""

    def line(prompt: Prompt) -> dict[str, Any]:
        rendered = generator.render(prompt)
        record = {"id": prompt.id, "sha256": rendered.sha256, "tokens": rendered.tokens, "text": rendered.text}
        shown = {"documents_shown": job.shown[prompt.id]} if prompt.id in job.shown else {}
        return {**record, **shown}

    mine = {prompt.id for prompt in job.prompts}
    try:
        kept = [record for record in Lines(path).read() if record["id"] not in mine]
    except (DataError, KeyError, TypeError):
        # Damaged: what this run asks is written again, the prompts of another --limit are not known here.
        kept = []
    records = [*kept, *map(line, job.prompts)]
    Lines(path).rewrite(records)


def _has_prompts(job: Job) -> bool:
    """Whether the folder holds every prompt of the job, each with the hash of its text. Damaged files are removed."""
    stored: dict[str, Any] = {}
    for path in job.folder.glob("prompts*.jsonl"):
        try:
            stored |= {record["id"]: record for record in Lines(path).read() if _is_prompt(record)}
        except (DataError, KeyError):
            if path.is_dir():
                raise DataError(f"{path} is a folder. Remove it: the prompts are written there.") from None
            path.unlink()
    return all(prompt.id in stored for prompt in job.prompts)


def _is_prompt(record: Mapping[str, Any]) -> bool:
    text = record.get("text")
    return (
        isinstance(record.get("id"), str)
        and isinstance(text, str)
        and Rendered(text, None).sha256 == record.get("sha256")
    )
