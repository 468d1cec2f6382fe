"""The second phase of a run: from texts to per-sample values, evidence and results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import replace
from typing import Any

from groundeval.aio import run_anywhere, stop_requests
from groundeval.console.progress import doing, progress
from groundeval.errors import DataError, Interrupted, UsageError, option, what_happened
from groundeval.extras import require
from groundeval.metrics.metric import code_of_metrics
from groundeval.metrics.profiles import profile_named
from groundeval.models.metric_models import OptionalModels
from groundeval.nli import NLI, connect
from groundeval.nli.handles import options_from, resolve
from groundeval.records import Response
from groundeval.run.options import ScoringOptions
from groundeval.run.outcome import ScoreResult, ScoreResults
from groundeval.run.responses import ResponseSet, encoder_of, read_alone, sample_hash, with_citations
from groundeval.run.reward_metrics import reward_metric
from groundeval.run.stored_scores import Stored, put_in_order, recall
from groundeval.scoring.notes import ResponseNotes
from groundeval.scoring.plan import OVERALL, Plan, every_field, plan_scoring
from groundeval.scoring.results import Results
from groundeval.scoring.scorer import ScoredSample, Scorer
from groundeval.scoring.table import ScoreTable, corpus_estimates, outside_range
from groundeval.stats.bootstrap import Estimate, summarize
from groundeval.stats.repeats import best_of, questions_of, summarize_repeats
from groundeval.storage.environment import environment
from groundeval.storage.folder import Folder, Lines, as_line, check_writable, content_id
from groundeval.storage.spool import Lazy, Numbers, each_of
from groundeval.tasks.formats.examples import ContentHashes
from groundeval.tasks.task import Task

SCORING_VERSION = 2
"""Raised when a change to the code changes numbers, so that old scores are not taken for new ones."""

_SECONDS_BETWEEN_WRITES = 0.5


def plans_for(task: Task, fields: frozenset[str], options: ScoringOptions) -> list[Plan]:
    """The plan of each profile: what will be computed. Raises UserError for unknown names and missing fields."""
    names = options.profiles or (task.profile,)
    if len(set(names)) < len(names):
        raise UsageError(f"{option('profiles', ','.join(names))}: a profile is named twice")
    rewards = [reward_metric(name, task, fields, options) for name in options.rewards]
    plans = [
        plan_scoring(
            profile_named(name),
            task.kind,
            fields,
            asked=options.metrics,
            task_metrics=task.metrics if name == task.profile else None,
            cot=options.cot,
        ).and_also([each.metric for each in rewards], [each.identity for each in rewards])
        for name in names
    ]
    for metric in (metric for plan in plans for metric in plan.metrics if metric.extra):
        require(metric.extra or "", f'metric "{metric.name}"')
    return plans


def check_scoring_names(task: Task, options: ScoringOptions) -> None:
    """Look up every name that says how a task is scored; reads no data and loads nothing. Raises UserError."""
    resolve(options.nli, options_from(options.verifier_options))
    OptionalModels(options.metric_models)
    plans_for(task, every_field(), options)


def open_nli(plans: Sequence[Plan], options: ScoringOptions) -> NLI | None:
    """The verifier that the plans need, not yet loaded; None where no metric uses one."""
    return connect(options.nli, **options.verifier_options) if any(plan.asks_nli for plan in plans) else None


def score_responses(responses: ResponseSet, options: ScoringOptions, *, keep_samples: bool = False) -> ScoreResults:
    """Score responses under every requested profile. Scores already in the run folder are not computed again.

    `keep_samples`: the results hold the evidence of each sample, where there is no folder that holds it.
    """
    responses = with_citations(replace(responses, at=read_alone(responses.at, responses.examples)), options)
    OptionalModels(options.metric_models)
    plans = plans_for(responses.task, responses.fields, options)
    nli = open_nli(plans, options)
    if responses.folder is not None:
        check_writable(responses.folder)
    if nli is not None:
        # Its weights are loaded by the first pair that is not in the cache.
        nli.check()
    if responses.content is None and (responses.folder is not None or keep_samples):
        # Once for all profiles: it reads every example.
        responses = replace(responses, content=ContentHashes(responses.examples))

    def scored(plan: Plan) -> ScoreResult:
        scope = nli.scope() if nli is not None and plan.asks_nli else None
        return _score_under(plan, responses, scope, options, keep_samples)

    return ScoreResults(map(scored, plans))


def _score_under(
    plan: Plan,
    responses: ResponseSet,
    nli: NLI | None,
    options: ScoringOptions,
    keep_samples: bool,
) -> ScoreResult:
    encoder = encoder_of(options)
    identity = {
        **_identity(plan, responses.task, nli),
        "metric_models": dict(options.metric_models),
        "post_hoc": options.post_hoc if encoder is None else {"encoder": dict(encoder.identity)},
        "origin": dict(responses.origin),
    }
    run_folder = responses.folder
    examples_sha256 = None if responses.content is None else responses.content.together
    folder = None if run_folder is None else Folder(run_folder / "scores" / content_id(identity), run_folder)
    with nullcontext() if folder is None else folder.open():
        table, notes = ScoreTable(plan.columns, len(responses.examples)), ResponseNotes(plan)
        stored = Stored()
        lines = None if folder is None else folder.lines("scores.jsonl")
        if folder is not None and lines is not None:
            # The identity names the model; whether it ran here or on a server is not part of it.
            around = {**environment(), "nli": None if nli is None else nli.name}
            about = {"kind": "scores", "identity": identity, "examples_sha256": examples_sha256}
            folder.write_json("manifest.json", {**about, "environment": around})
            stored = recall(lines, responses, table, notes)
        models = OptionalModels(options.metric_models)
        scorer = Scorer(plan, nli, models)
        detail = nli.told if nli is not None and not nli.traits.instant else None
        kept: dict[str, Mapping[str, Any]] | None = {} if keep_samples and folder is None else None
        scored = run_anywhere(
            lambda: _score_pending(scorer, responses, table, notes, lines, kept, options.quiet, detail)
        )
        with doing(f"{responses.task.name}: intervals ({plan.profile.name})", quiet=options.quiet):
            results = _results(plan, responses, table, notes, nli, models)
        if folder is not None and lines is not None:
            stored.rows.extend(scored)
            put_in_order(lines, stored, len(responses.examples))
            folder.write("results.json", results.as_bytes())
    pairs = nli.stats.as_dict() if nli is not None else dict.fromkeys(("asked", "unique", "cached", "computed"), 0)
    return ScoreResult(
        results,
        pairs,
        None if folder is None else folder.path,
        identity,
        examples_sha256 if kept is not None else None,
        each_of(responses.examples, lambda example: example.id),
        kept,
    )


def _identity(plan: Plan, task: Task, nli: NLI | None) -> dict[str, Any]:
    code = code_of_metrics(plan.metrics)
    return {
        "scoring_version": SCORING_VERSION,
        "task_version": task.version,
        "profile": plan.profile.name,
        "kind": plan.kind,
        "metrics": [metric.name for metric in plan.metrics if not metric.name.startswith("reward:")],
        "keys": list(plan.reported),
        "cot": plan.cot,
        **({"code": code} if code else {}),
        **({"rewards": [dict(each) for each in plan.rewards]} if plan.rewards else {}),
        "nli": None if nli is None else {"name": nli.name, **nli.identity()},
    }


async def _score_pending(
    scorer: Scorer,
    responses: ResponseSet,
    table: ScoreTable,
    notes: ResponseNotes,
    lines: Lines | None,
    kept: dict[str, Mapping[str, Any]] | None,
    quiet: bool,
    detail: Callable[[], str] | None,
) -> Numbers:
    """Score the samples that have no values, and write or keep their lines as they finish; returns the positions of the
    lines in that order."""
    finished = Numbers()
    waiting: list[bytes] = []
    under_way: dict[str, int] = {}
    written = time.monotonic()

    def pending() -> Iterator[Response]:
        for row in range(total):
            if row not in table:
                response = responses.at(row)
                under_way[response.example.id] = row
                notes.add(response, row)
                yield response

    def write() -> None:
        nonlocal written
        if lines is not None and waiting:
            lines.append_lines(waiting)
            waiting.clear()
        written = time.monotonic()

    what = f"{responses.task.name}: scoring ({scorer.plan.profile.name})"
    total = len(responses.examples)
    with (
        stop_requests("the scores under way") as stop_requested,
        progress(what, total=total, done=sum(table.statuses().values()), quiet=quiet, detail=detail) as advance,
    ):
        try:
            async with aclosing(scorer.stream(pending())) as stream:
                async for some in stream:
                    for response, found in some:
                        row = under_way.pop(found.id)
                        scored, line = found, None
                        if lines is not None and responses.content is not None:
                            scored, line = _with_line(response, found, responses.content[row])
                        table.add(row, scored.status, scored.values, scored.error)
                        if kept is not None:
                            kept[scored.id] = scored.record()
                        if line is not None:
                            waiting.append(line)
                            finished.append(row)
                        advance()
                    if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                        write()
                    if stop_requested():
                        raise Interrupted(f"{responses.task.name}: stopped on request. The same command resumes.")
        finally:
            write()
    return finished


def _with_line(response: Response, scored: ScoredSample, example: str) -> tuple[ScoredSample, bytes]:
    """A sample with its line of `scores.jsonl`; `example`: the hash of its example.

    One whose evidence cannot be written has failed.
    """
    digest = {"sample_sha256": sample_hash(response, example)}
    try:
        return scored, as_line({**scored.record(), **digest})
    except (TypeError, ValueError, RecursionError) as error:
        failed = ScoredSample(scored.id, "error", {}, error=f"its scores cannot be written: {what_happened(error)}")
        return failed, as_line({**failed.record(), **digest})


def _results(
    plan: Plan, responses: ResponseSet, table: ScoreTable, notes: ResponseNotes, nli: NLI | None, models: OptionalModels
) -> Results:
    columns, examples = table.columns(), responses.examples
    best: Mapping[str, Estimate] = {}
    if responses.num_samples == 1:
        n, estimates = int(table.scored.sum()), summarize(columns, plan.aggregates)
    else:
        questions = questions_of(examples[row].id for row in table.scored.nonzero()[0].tolist())
        values = {name: column[:] for name, column in columns.items()}
        n, estimates = len(set(questions)), summarize_repeats(values, plan.aggregates, questions)
        best = best_of(values, plan.aggregates, questions)
    if any(metric.corpus for metric in plan.metrics):
        estimates |= corpus_estimates(plan, Lazy(len(examples), responses.at), models)
    statuses = table.statuses()
    failure = table.first_error()
    first = "no text was generated" if failure is None else f"{examples[failure[0]].id}: {failure[1]}"
    failed = statuses.get("error", 0)
    if failed and failed == sum(statuses.values()):
        raise DataError(
            f"{responses.task.name}: no sample could be scored: all {failed} failed, there is nothing to average.\n"
            f"  The first: {first}"
        )
    lost: list[str] = []
    if failed:
        rest = len(examples) - failed
        lost.append(
            f"{failed} of {len(examples)} samples failed: the numbers are over the other {rest}; the first: {first}"
        )
    outside = outside_range(plan, columns, lambda row: examples[int(table.scored.nonzero()[0][row])].id)
    return Results(
        task=responses.task.name,
        task_version=responses.task.version,
        profile=plan.profile.name,
        nli=None if nli is None else str(nli.identity()["name"]),
        nli_identity=None if nli is None else nli.identity(),
        n=n,
        statuses=statuses,
        headline=[key for key in responses.task.headline if key in estimates]
        or [key for key in OVERALL if key in estimates],
        metrics={key: estimates[key] for key in plan.reported if key in estimates},
        num_samples=responses.num_samples,
        best_of=dict(best),
        notes=[
            *responses.notes,
            *responses.warnings,
            *plan.notes,
            *notes.told(responses.longest_answer),
            *outside,
            *lost,
        ],
        warnings=[*responses.warnings, *lost],
    )
