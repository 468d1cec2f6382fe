"""Data for SFT and DPO in TRL's format: the best of several answers by a reward, or reference responses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from groundeval.console.progress import doing
from groundeval.errors import DataError, UsageError
from groundeval.generation.prompts import render_prompt
from groundeval.nli import connect
from groundeval.records import Example, Prompt
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder
from groundeval.run.options import RunOptions
from groundeval.run.prepare import Job
from groundeval.run.runner import execute, prepare_run
from groundeval.storage.folder import Lines, check_writable
from groundeval.storage.generations import as_response, stored_generations
from groundeval.tasks import Task, load_task
from groundeval.tasks.formats.examples import with_documents
from groundeval.tasks.loading import requested_data
from groundeval.tasks.located import with_located_answers
from groundeval.trainers.data.targets import reference_target, worse_target

Form = Literal["sft", "dpo"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer to a prompt, judged."""

    prompt: Prompt
    text: str
    """The text, tags included."""
    rewarded: Rewarded
    cut_off: bool
    """Whether it ended at the length limit."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """Counts of the rows written."""

    rows: int
    questions: int


def best_of_n(
    tasks: Sequence[str],
    options: RunOptions,
    reward: Rewarder,
    form: Form,
    output: Path,
    *,
    min_reward: float | None = None,
    min_margin: float = 0.0,
) -> Distilled:
    """Sample `options.num_samples` answers to every question and write the best (SFT), or the best and the worst (DPO).

    `min_reward`: least reward of the best answer. `min_margin`: DPO pairs whose rewards differ by no more than this are
    left out. An answer that was cut off is never the better one. The same call resumes generation. The reward's
    requirements and the output file are checked first. Raises UserError if that fails, BackendError if the generator or
    the verifier fails, DataError if no row is left.
    """
    check_output(output)
    prepared = prepare_run(replace(options, tasks=tuple(tasks), phase="generate"))
    check_reward(reward, prepared.jobs)
    for run in execute(prepared):
        if run.error is not None:
            raise run.error
    rows: list[Row] = []
    questions = 0
    for job in prepared.jobs:
        with doing(f"{job.task.name}: rewarding {len(job.prompts)} answers", quiet=options.quiet):
            judged = _judged(job, reward)
        for answers in _by_question(judged):
            questions += 1
            rows += _chosen(job.reference, answers, form, min_reward, min_margin)
    return _written(rows, questions, output)


def reference_data(
    tasks: Sequence[str],
    options: RunOptions,
    form: Form,
    output: Path,
    *,
    tagged: bool,
) -> Distilled:
    """Write reference responses built from gold data; for DPO with responses wrong by construction. Needs no model.

    `tagged`: with a line of reasoning, in <think> and <answer>. Raises DataError if no row is left.
    """
    check_output(output)
    rows: list[Row] = []
    questions = 0
    for reference in tasks:
        task = load_task(reference)
        dataset = task.load(requested_data(task, reference, options.sources), options.split)
        shown = [with_documents(each, options.num_docs) for each in dataset.examples[: options.limit]]
        with doing(f"{task.name}: finding the gold answers in the documents", quiet=options.quiet):
            located = list(with_located_answers(task, shown, options.nli, options.verifier_options))
        for example in located:
            questions += 1
            rows += _reference(reference, task, example, options, form, tagged=tagged)
    return _written(rows, questions, output)


def check_output(output: Path) -> None:
    """Raises UsageError, before anything expensive starts, for a file that cannot be written."""
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name the JSONL file to write")
    try:
        check_writable(output.parent)
    except UsageError as error:
        what = str(error).partition("\n")[0]
        raise UsageError(f"{output}: {what}\n  Choose another file.") from None


def check_reward(reward: Rewarder, jobs: Sequence[Job]) -> None:
    """Check that examples have the fields a reward needs, and that its verifier is available. Raises UserError or
    BackendError."""
    # Check all of them, not only up to the first that needs a verifier.
    asks = [reward.for_task(job.reference).check_data(job.examples) for job in jobs]
    if any(asks):
        connect(reward.nli, **reward.nli_options).check()


def _judged(job: Job, reward: Rewarder) -> list[Answered]:
    stored = stored_generations(job.folder)
    there = [
        (prompt, example) for prompt, example in zip(job.prompts, job.examples, strict=True) if prompt.id in stored
    ]
    responses = [as_response(example, stored[prompt.id], job.tags) for prompt, example in there]
    rewarded = reward.for_task(job.reference)(responses)
    return [
        Answered(prompt, response.raw, each, response.finish_reason == "length")
        for (prompt, _), response, each in zip(there, responses, rewarded, strict=True)
    ]


def _by_question(answers: Iterable[Answered]) -> list[list[Answered]]:
    """The answers to each question; draws of one question share the prompt's text and the id before `#`."""
    groups: dict[tuple[str, str], list[Answered]] = {}
    for answer in answers:
        question = answer.prompt.id.rpartition("#")[0] or answer.prompt.id
        groups.setdefault((question, answer.prompt.user), []).append(answer)
    return list(groups.values())


def _chosen(
    task: str, answers: Sequence[Answered], form: Form, min_reward: float | None, min_margin: float
) -> Iterator[Row]:
    scored = [(each.rewarded.total, each) for each in answers if each.rewarded.total is not None]
    whole = [(total, each) for total, each in scored if not each.cut_off]
    if not whole:
        return
    best, better = max(whole, key=lambda pair: pair[0])
    if min_reward is not None and best < min_reward:
        return
    about = {"task": task, "id": better.prompt.id, "reward": best}
    if form == "sft":
        yield {"prompt": _messages(better.prompt), "completion": _answer(better.text), **about}
        return
    least, worse = min(scored, key=lambda pair: pair[0])
    if best - least > min_margin:
        pair = {"chosen": _answer(better.text), "rejected": _answer(worse.text)}
        yield {"prompt": _messages(better.prompt), **pair, **about, "reward_rejected": least}


def _reference(
    reference: str, task: Task, example: Example, options: RunOptions, form: Form, *, tagged: bool
) -> Iterator[Row]:
    template = task.prompt if options.system is None else replace(task.prompt, system=options.system)
    prompt = render_prompt(
        example,
        template,
        num_docs=options.num_docs,
        demonstrations=task.demonstrations() if options.num_fewshot else (),
        num_fewshot=options.num_fewshot,
        seed=options.seed,
        docs_field=options.docs_field,
    )
    chosen = reference_target(example, task, tagged=tagged)
    about = {"task": reference, "id": example.id}
    if form == "sft":
        yield {"prompt": _messages(prompt), "completion": _answer(chosen), **about}
        return
    rejected = worse_target(example, task, tagged=tagged)
    if rejected is not None and rejected != chosen:
        yield {"prompt": _messages(prompt), "chosen": _answer(chosen), "rejected": _answer(rejected), **about}


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    user = {"role": "user", "content": prompt.user}
    return [user] if prompt.system is None else [{"role": "system", "content": prompt.system}, user]


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _written(rows: Sequence[Row], questions: int, output: Path) -> Distilled:
    if not rows:
        raise DataError(
            f"no row is left of {questions} questions: no answer reaches --min-reward, or none is better than "
            "another.\n  Draw more answers (--num-samples), or lower --min-reward and --min-margin."
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    Lines(output).rewrite(rows)
    return Distilled(len(rows), questions)
