"""The whole pipeline: generate and score tasks with a model, or score texts that exist already."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from groundeval.console.progress import doing
from groundeval.console.tally import counted
from groundeval.errors import DataError, GroundevalError, Interrupted, UsageError, option, unknown
from groundeval.generation import interface
from groundeval.generation.interface import GENERATORS, Generator
from groundeval.generation.sampling import check_sampling
from groundeval.run.generate import generate, without_text
from groundeval.run.options import RunOptions
from groundeval.run.outcome import ScoreResult, ScoreResults, TaskRun, TaskRuns
from groundeval.run.preflight import check_disk, check_generator, check_lengths, check_scorers
from groundeval.run.prepare import MODEL_NAME, Job, prepare
from groundeval.run.rescore import note_on_fewer_documents
from groundeval.run.responses import ResponseSet
from groundeval.run.score import check_scoring_names, open_nli, plans_for, score_responses
from groundeval.scoring.reasoning_notes import note_on_named_tags
from groundeval.storage.folder import DiskFull
from groundeval.storage.generations import GENERATIONS, Generations, as_response
from groundeval.storage.manifest import longest_answer
from groundeval.storage.spool import Numbers
from groundeval.tasks import Task, load_task
from groundeval.tasks.loading import check_data_names, requested_data

MOST_NAMED = 5
"""Number of run folders that an error suggests."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run of one model that has passed all checks: prompts are rendered, nothing is generated yet."""

    generator: Generator
    jobs: tuple[Job, ...]
    options: RunOptions


def run(*options: RunOptions) -> TaskRuns:
    """Generate and score tasks, with one model for each of the options.

    Everything that a user can get wrong is checked for all models and tasks before the first token is generated. A
    model is loaded once and freed before the NLI model is loaded. A task whose model cannot be loaded, whose backend
    fails, or that cannot be scored, does not stop the other tasks and models; the error is in its
    TaskRun.
    """
    for each in options:
        # Of all models, before data are read for the first. Making a generator loads nothing.
        check_names(each)
        open_generator(each)
    return TaskRuns(each for prepared in [prepare_run(each) for each in options] for each in execute(prepared))


def prepare_run(options: RunOptions) -> Prepared:
    """Check all that can be checked without generating, and render the prompts. Raises UserError."""
    tasks = check_names(options)
    generator = open_generator(options)
    jobs = tuple(_job(task, name, generator, options) for name, task in zip(options.tasks, tasks, strict=True))
    for job in jobs:
        check_lengths(job, options.quiet)
    missing = [without_text(job, Generations(job.folder)) for job in jobs]
    if options.phase != "score":
        with doing(f"checking {options.model}", quiet=options.quiet):
            check_generator(generator, missing)
    if options.phase != "generate":
        plans = [plan for job in jobs for plan in plans_for(job.task, job.fields, options)]
        with doing("checking what will score", quiet=options.quiet):
            check_scorers(plans, open_nli(plans, options), options)
    # Last, since it makes the folder for what is written.
    check_disk(jobs, missing, options)
    return Prepared(generator, jobs, options)


def execute(prepared: Prepared) -> TaskRuns:
    """Generate, free the model, then score."""
    generator, jobs, options = prepared.generator, prepared.jobs, prepared.options
    failed: dict[str, GroundevalError] = {}
    try:
        if options.phase != "score":
            for job in jobs:
                _attempt(job, lambda job: generate(job, generator, options), failed)
    finally:
        generator.close()
    scored: dict[str, tuple[ScoreResult, ...]] = {}
    if options.phase != "generate":
        for job in jobs:
            if job.task.name not in failed:
                _attempt(job, lambda job: scored.update({job.task.name: tuple(_score_job(job, options))}), failed)
    model = options.model
    return TaskRuns(
        TaskRun(model, job.task.name, job.folder, scored.get(job.task.name, ()), failed.get(job.task.name))
        for job in jobs
    )


def _attempt(job: Job, work: Callable[[Job], None], failed: dict[str, GroundevalError]) -> None:
    """Run `work` on one job. Errors are recorded, so that a model that cannot be loaded does not stop the others.

    A request to stop ends the whole run, and so does a full disk, which all jobs write to.
    """
    try:
        work(job)
    except (Interrupted, DiskFull):
        raise
    except GroundevalError as error:
        failed[job.task.name] = error


def open_generator(options: RunOptions) -> Generator:
    """The generator that the options name, not yet loaded. Raises UsageError for sampling that it cannot do."""
    generator = interface.open_generator(options.backend, options.generator)
    check_sampling(options.sampling, has_defaults=getattr(generator, "has_defaults", False))
    return generator


def check_names(options: RunOptions) -> list[Task]:
    """Look up all that the options name before data or models are read; gives the tasks. Raises UsageError."""
    if not options.tasks:
        raise UsageError(f"{option('tasks')}: names no task")
    tasks = [load_task(reference) for reference in options.tasks]
    for index, task in enumerate(tasks):
        if any(task.name == other.name for other in tasks[:index]):
            raise UsageError(f"{option('tasks')}: {task.name} is named twice")
    check_data_names(options.tasks, options.sources)
    for task in tasks:
        check_scoring_names(task, options)
    engine = options.backend.removeprefix("ray:")
    if engine not in GENERATORS:
        raise unknown("backend", engine, GENERATORS.names())
    return tasks


def _job(task: Task, reference: str, generator: Generator, options: RunOptions) -> Job:
    requested = requested_data(task, reference, options.sources)
    with doing(f"{task.name}: reading data", quiet=options.quiet):
        dataset = task.load(requested, options.split)
    if not dataset.examples:
        raise DataError(f"task {task.name}: {dataset.source} has no examples")
    with doing(f"{task.name}: rendering {counted(len(dataset.examples), 'prompt')}", quiet=options.quiet):
        return prepare(task, reference, requested, dataset, generator, options)


def _score_job(job: Job, options: RunOptions) -> ScoreResults:
    stored = Generations(job.folder)
    numbers = Numbers(stored.number(prompt.id) for prompt in job.prompts)
    if -1 in numbers:
        first = job.prompts[numbers.index(-1)].id
        raise DataError(
            f"{job.folder}: {numbers.count(-1)} of {len(numbers)} samples lack a generation (first: {first}).\n"
            f"  Generate them first: {option('phase', 'generate')}, or {option('phase', 'all')}."
            + ("" if len(stored) else _other_runs(job, options))
        )
    stored.forget_ids()
    notes = list(job.dataset.notes)
    if job.tags is not None and job.identity.get("reasoning_tags_from") == MODEL_NAME:
        notes.append(note_on_named_tags(job.tags))
    longest = longest_answer(options.backend, job.identity["sampling"])
    responses = ResponseSet(
        job.task,
        job.examples,
        lambda row: as_response(job.examples[row], stored[numbers[row]], job.tags),
        job.fields,
        (*notes, *note_on_fewer_documents(stored, numbers)),
        job.folder,
        longest_answer=longest,
        num_samples=options.num_samples,
        content=job.content,
    )
    return score_responses(responses, options)


def _other_runs(job: Job, options: RunOptions) -> str:
    """A hint naming run folders of the same task: the machine that generated may have named the folder differently."""
    found = sorted(
        path.parent
        for path in options.folder.glob(f"*/{job.folder.parent.name}/*/manifest.json")
        if path.parent != job.folder and next(path.parent.glob(GENERATIONS), None) is not None
    )
    # The same model's first.
    found.sort(key=lambda folder: folder.parent != job.folder.parent)
    if not found:
        return ""
    # A data file has to be named again: no file is read just because a manifest names it.
    requested = job.identity["data"]["requested"]
    flags = [] if requested is None else ["--data", str(requested)]
    named = "".join(f"\n    groundeval score {shlex.join([str(each), *flags])}" for each in found[:MOST_NAMED])
    more = f"\n    ... and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return (
        "\n  Were they generated elsewhere, on another device or in another dtype? A run folder is scored "
        f"as it is:{named}{more}"
    )
