"""Checks before the first token is generated, beyond flags and data: scorers, prompt lengths, disk space."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence

from groundeval.console.progress import say
from groundeval.console.tally import counted
from groundeval.errors import UsageError, option
from groundeval.generation.interface import Generator
from groundeval.models.metric_models import METRIC_MODELS, OptionalModels
from groundeval.nli import NLI
from groundeval.parsing.statements import sentences
from groundeval.run.options import RunOptions, ScoringOptions
from groundeval.run.prepare import Job
from groundeval.run.responses import encoder_of
from groundeval.scoring.plan import Plan
from groundeval.storage.folder import check_writable

TOKEN_BYTES = 6
"""Of a generated token on disk, escapes included."""
LINE_BYTES = 600
"""Of a line of `generations.jsonl` beside its text."""
EVIDENCE = 4
"""Bytes of `scores.jsonl` for each byte of an answer: statements, hypotheses, verdicts."""


def check_scorers(plans: Sequence[Plan], nli: NLI | None, options: ScoringOptions) -> None:
    """Check the scorers without loading weights, which may not fit into memory beside the generator.

    Raises UserError or BackendError.
    """
    sentences("Is the tokenizer's data there? It is.")
    models = OptionalModels(options.metric_models)
    for name in dict.fromkeys(metric.name for plan in plans for metric in plan.metrics):
        if name in METRIC_MODELS:
            models.check(name)
    encoder = encoder_of(options)
    if encoder is not None:
        encoder.check()
    if nli is not None:
        nli.check()


def check_lengths(job: Job, quiet: bool) -> None:
    """Say how long the longest prompt is, and which do not fit even without documents. Raises UsageError if none fits.

    Those that do not fit are recorded as failed, one by one.
    """
    if not quiet and job.longest_prompt is not None:
        say(f"{job.task.name}: {counted(len(job.asked), 'prompt')}, the longest of {job.longest_prompt} tokens")
    if job.unfitting and job.unfitting == len(job.asked):
        raise UsageError(
            f"{job.task.name}: no prompt leaves room for the answer, not even without documents.\n"
            f"  Allow shorter answers ({option('sampling', max_new_tokens=100)}), fewer demonstrations, or more "
            "max_model_len."
        )
    if job.unfitting:
        say(f"note: {job.task.name}: {job.unfitting} prompts do not fit, not even without documents")


def check_generator(generator: Generator, missing: Iterable[bytearray]) -> None:
    """Run a generator's own cheap checks, unless it has nothing left to generate: no job's samples are `missing`.

    Raises UserError.
    """
    check = getattr(generator, "check", None)
    if callable(check) and any(map(any, missing)):
        check()


def check_disk(jobs: Sequence[Job], missing: Sequence[bytearray], options: RunOptions) -> None:
    """Raises UsageError if the folder cannot be written to, or the disk has less room than the run may take.

    `missing`: of each job, 1 for each sample without a text.
    """
    check_writable(options.folder)
    needed = sum(bytes_to_write(job, each, options) for job, each in zip(jobs, missing, strict=True))
    free = shutil.disk_usage(options.folder).free
    if needed > free:
        raise UsageError(
            f"{option('output_path', options.output_path)}: this run may write {_megabytes(needed)}, and "
            f"{_megabytes(free)} are free there.\n"
            f"  Make room, choose another {option('output_path')}, or take fewer samples ({option('limit')})."
        )


def bytes_to_write(job: Job, missing: bytearray, options: RunOptions) -> int:
    """Upper estimate of the bytes still to be written for a job."""
    answer = options.sampling.max_new_tokens * TOKEN_BYTES
    size = 0
    if options.phase != "score":
        size += (job.prompt_bytes if any(missing) else 0) + sum(missing) * (2 * LINE_BYTES + answer)
    if options.phase != "generate":
        size += len(job.asked) * (LINE_BYTES + EVIDENCE * answer) * max(1, len(options.profiles))
    return size


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
