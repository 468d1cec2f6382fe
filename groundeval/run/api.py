"""The command line as two Python functions: `evaluate` a model on tasks, and `score` texts that exist already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from groundeval.errors import UsageError
from groundeval.generation.interface import SamplingParams
from groundeval.generation.prompts import DocsField
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.run.options import Phase, RunOptions, ScoringOptions
from groundeval.run.runner import TaskRun, run, score_predictions, score_run
from groundeval.run.score import ScoreResult
from groundeval.scoring.posthoc import PostHoc
from groundeval.tasks import Task, load_task
from groundeval.tasks.loading import EVERY_TASK


def evaluate(
    model: str,
    tasks: str | Sequence[str],
    *,
    backend: str = "hf",
    nli: str = "true",
    profiles: Sequence[str] = (),
    metrics: Sequence[str] = (),
    data: str | Mapping[str, str] | None = None,
    split: str = "test",
    num_docs: int = 5,
    docs_field: DocsField = "text",
    oracle_docs: bool = False,
    num_fewshot: int = 0,
    system: str | None = None,
    limit: int | None = None,
    shard: tuple[int, int] | None = None,
    phase: Phase = "all",
    seed: int = 42,
    sampling: SamplingParams | None = None,
    num_samples: int = 1,
    batch_size: int | None = None,
    dtype: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    apply_chat_template: bool | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    reasoning_tags: ReasoningTags | None = None,
    model_args: Mapping[str, Any] | None = None,
    nli_options: Mapping[str, Any] | None = None,
    metric_models: Mapping[str, str] | None = None,
    post_hoc: PostHoc = "none",
    post_hoc_encoder: str | None = None,
    cot: bool = False,
    output_path: str | Path = "runs",
    quiet: bool = True,
) -> list[TaskRun]:
    """Evaluate a model on tasks: the Python form of `groundeval run`, with a parameter for each of its flags.

    `data` is a file or `embedded`, for all tasks or by task name. Runs are resumed from `output_path`.
    `trust_remote_code` runs code that comes with the model, or with the NLI model. Works inside a
    running event loop (a notebook). Raises UserError before anything expensive starts, and BackendError if a task's
    backend failed; what was generated until then is kept.
    """
    by_task = {EVERY_TASK: data} if isinstance(data, str) else dict(data or {})
    options = RunOptions(
        generator=GeneratorOptions(
            model,
            revision=revision,
            dtype=dtype,
            batch_size=batch_size,
            trust_remote_code=trust_remote_code,
            apply_chat_template=apply_chat_template,
            chat_template_kwargs=chat_template_kwargs or {},
            reasoning_tags=reasoning_tags,
            model_args=model_args or {},
        ),
        backend=backend,
        scoring=ScoringOptions(
            profiles=tuple(profiles),
            metrics=tuple(metrics),
            nli=nli,
            nli_options={**(nli_options or {}), **({"trust_remote_code": True} if trust_remote_code else {})},
            metric_models=metric_models or {},
            post_hoc=post_hoc,
            post_hoc_encoder=post_hoc_encoder,
            cot=cot,
            quiet=quiet,
        ),
        sampling=replace(sampling or SamplingParams(), seed=seed),
        data=by_task,
        split=split,
        num_docs=num_docs,
        docs_field=docs_field,
        oracle_docs=oracle_docs,
        num_fewshot=num_fewshot,
        system=system,
        seed=seed,
        limit=limit,
        num_samples=num_samples,
        shard=shard,
        phase=phase,
        output_path=Path(output_path),
    )
    runs = run([tasks] if isinstance(tasks, str) else list(tasks), options)
    for each in runs:
        if each.error is not None:
            raise each.error
    return runs


def score(
    predictions: str | Path,
    task: str | Task | None = None,
    *,
    profiles: Sequence[str] = (),
    metrics: Sequence[str] = (),
    nli: str = "true",
    nli_options: Mapping[str, Any] | None = None,
    metric_models: Mapping[str, str] | None = None,
    num_docs: int | None = None,
    limit: int | None = None,
    reasoning_tags: ReasoningTags | None = None,
    cot: bool = False,
    post_hoc: PostHoc = "none",
    post_hoc_encoder: str | None = None,
    output_path: str | Path | None = None,
    quiet: bool = True,
) -> list[ScoreResult]:
    """Score a file of outputs, or a run folder again: the Python form of `groundeval score`. One result a profile.

    Works inside a running event loop (a notebook). Raises UserError before anything expensive starts.
    """
    options = ScoringOptions(
        profiles=tuple(profiles),
        metrics=tuple(metrics),
        nli=nli,
        nli_options=nli_options or {},
        metric_models=metric_models or {},
        post_hoc=post_hoc,
        post_hoc_encoder=post_hoc_encoder,
        reasoning_tags=reasoning_tags,
        cot=cot,
        quiet=quiet,
    )
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit}: must be 1 or more")
    if num_docs is not None and num_docs < 0:
        raise UsageError(f"--num-docs {num_docs}: must be 0 or more")
    if Path(predictions).is_dir():
        _refuse_for_runs(predictions, {"--num-docs": num_docs, "--limit": limit, "--output-path": output_path})
        return score_run(Path(predictions), options, task=None if task is None else _named(task).name)
    if task is None:
        raise UsageError(f"{predictions}: which task? Name it with --task, for instance --task asqa.")
    judged = _named(task)
    folder = None if output_path is None else Path(output_path)
    return score_predictions(predictions, judged, options, num_docs=num_docs, limit=limit, output_path=folder)


def _named(task: str | Task) -> Task:
    return task if isinstance(task, Task) else load_task(task)


def _refuse_for_runs(folder: str | Path, flags: Mapping[str, object]) -> None:
    """A run folder knows its samples and their documents, and keeps its own scores: nothing is ignored in silence."""
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise UsageError(
            f"{given[0]} does not go with a run folder ({folder}), which knows its samples and documents and keeps "
            "its scores.\n  Leave the flag out, or make another run with it."
        )
