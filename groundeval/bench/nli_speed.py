"""Speed of sequential NLI against the service, by scoring whole files of outputs in one run.

The sequential way is that of the original evaluators for each pair: tokenize, `generate` for this one pair, decode,
compare with `1`; in float32, as published. Repeated pairs are computed once on both sides, so that the ratios show only
batching and precision, and the cache where it is named.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.bench import nli_clients
from groundeval.bench.nli_clients import ServedSpeed, SeveralSpeed
from groundeval.bench.text_speed import CACHES
from groundeval.errors import UsageError
from groundeval.metrics.gold import with_answers
from groundeval.metrics.metric import Entailment
from groundeval.metrics.profiles import profile_named
from groundeval.nli import NLI, connect
from groundeval.records import Example, Pair, Response, Verdict
from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import score_predictions
from groundeval.scoring.plan import plan_scoring
from groundeval.scoring.scorer import Scorer
from groundeval.tasks import load_task
from groundeval.tasks.formats.examples import known_fields
from groundeval.tasks.formats.predictions import read_predictions

SEQUENTIAL, BATCHED, CACHED = "sequential", "batched", "from cache"


@dataclass(frozen=True, slots=True)
class Way:
    """A way of running the model."""

    name: str
    dtype: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """Time of scoring all files one way, and the counts of its verdicts."""

    way: str
    dtype: str
    seconds: float
    """Wall time of scoring: reading, text metrics, NLI, aggregates. The model is loaded before."""
    cpu_seconds: float
    """CPU time of this process, which depends little on other load."""
    load_seconds: float
    asked: int
    unique: int
    cached: int
    computed: int
    rechecked: int
    pairs_per_second: float
    """Distinct pairs judged per second of scoring."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of the verdicts on pairs judged both ways."""

    of: str
    against: str
    pairs: int
    percent: float


@dataclass(frozen=True, slots=True)
class NLISpeed:
    """The whole comparison."""

    model: str
    files: tuple[str, ...]
    profiles: tuple[str, ...]
    responses: int
    tokens_per_pair: float
    threads: int
    load: float
    """Load of this machine (1-minute average at the end of the run)."""
    timings: tuple[Timing, ...]
    ratios: Mapping[str, float | None]
    """Time of the slow way divided by that of the fast one; None if the fast one was not measured."""
    cpu_ratios: Mapping[str, float | None]
    """The same of CPU seconds."""
    agreements: tuple[Agreement, ...]
    rechecked_percent: float
    """Percentage of batched pairs that were rechecked, in the dtype with the higher percentage."""
    served: ServedSpeed | None = None
    """The same pairs through a server with several clients."""
    several: SeveralSpeed | None = None
    """The same pairs through one server and through several."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outputs:
    """A file of outputs and its task."""

    task: str
    file: Path


def outputs_from(specs: Sequence[str]) -> list[Outputs]:
    """`TASK=FILE` as outputs. Raises UsageError for another form and for a file that does not exist."""
    found = []
    for spec in specs:
        task, equals, file = spec.partition("=")
        if not equals:
            raise UsageError(f"{spec}: must be TASK=FILE, for instance asqa={spec}")
        load_task(task)
        if not Path(file).is_file():
            raise UsageError(f"{spec}: {file}: no such file")
        found.append(Outputs(task, Path(file)))
    return found


def measure(
    model: str,
    outputs: Sequence[Outputs],
    cache: Path,
    *,
    profiles: Sequence[str] = ("alce", "trust"),
    dtypes: Sequence[str] = ("float32", "bfloat16"),
    repeats: int = 1,
    options: Mapping[str, Any] | None = None,
    clients: int = 0,
    servers: int = 1,
    name: str | None = None,
) -> NLISpeed:
    """Score the outputs each way, `repeats` times in turn; report the median of each way.

    `model`: folder of a seq2seq model; `cache`: a new file for the cache on disk; `dtypes`: first the published dtype
    of the sequential way, last the service's default on this machine; `clients`: number of clients in the comparison
    with a server; 0 leaves it out; `servers`: how many are used as one, in a comparison with
    one alone; 1 leaves it out.
    """
    import torch

    ways = [Way(SEQUENTIAL, dtype, {"exact": "generate", "cache": False}) for dtype in dtypes]
    ways += [Way(BATCHED, dtype, {"cache": False}) for dtype in dtypes]
    given = dict(options or {})
    # The text side is imported and the files are in memory before anything is timed.
    pairs, responses = _pairs(outputs, profiles, connect("lexical"))
    _score(outputs, profiles, "lexical", {})
    timings: dict[tuple[str, str], list[Timing]] = {}
    verdicts: dict[tuple[str, str], dict[Pair, bool]] = {}
    for _ in range(repeats):
        for way in ways:
            with _handle(model, way, given) as nli:
                timings.setdefault((way.name, way.dtype), []).append(_time(model, nli, way, given, outputs, profiles))
                if (way.name, way.dtype) not in verdicts:
                    verdicts[way.name, way.dtype] = _verdicts(outputs, profiles, nli)
    cached = Way(CACHED, dtypes[-1], {"cache": str(cache)})
    with _handle(model, cached, given) as nli:
        _time(model, nli, cached, given, outputs, profiles)
    for _ in range(repeats):
        with _handle(model, cached, given) as nli:
            timing = _time(model, nli, cached, given, outputs, profiles)
        timings.setdefault((CACHED, dtypes[-1]), []).append(timing)
    middle = {key: _median(found) for key, found in timings.items()}
    notes = [f"{name or model}: verdicts are arbitrary, speed is not"] if name else []
    if middle[CACHED, dtypes[-1]].computed:
        del middle[CACHED, dtypes[-1]]
        notes.append("no cache on disk: the second run computed pairs again, so it has no ratio")
    batched = [middle[BATCHED, dtype] for dtype in dtypes]
    return NLISpeed(
        model=name or model,
        files=tuple(f"{each.task}={each.file.name}" for each in outputs),
        profiles=tuple(profiles),
        responses=responses,
        tokens_per_pair=_tokens(model, pairs),
        threads=torch.get_num_threads(),
        load=os.getloadavg()[0],
        timings=tuple(middle.values()),
        ratios=_ratios({key: timing.seconds for key, timing in middle.items()}, dtypes),
        cpu_ratios=_ratios({key: timing.cpu_seconds for key, timing in middle.items()}, dtypes),
        agreements=tuple(_agreement(verdicts, (BATCHED, dtype), (SEQUENTIAL, dtype)) for dtype in dtypes)
        + tuple(_agreement(verdicts, (BATCHED, dtype), (SEQUENTIAL, dtypes[0])) for dtype in dtypes[1:]),
        rechecked_percent=max(100 * timing.rechecked / max(1, timing.computed) for timing in batched),
        served=nli_clients.measure(
            model, pairs, clients=clients, options={**given, "dtype": dtypes[-1]}, repeats=repeats
        )
        if clients
        else None,
        several=nli_clients.measure_several(
            model, pairs, servers=servers, options={**given, "dtype": dtypes[-1]}, repeats=repeats
        )
        if servers > 1
        else None,
        notes=tuple(notes),
    )


def _ratios(seconds: Mapping[tuple[str, str], float], dtypes: Sequence[str]) -> dict[str, float | None]:
    def ratio(slow: tuple[str, str], fast: tuple[str, str]) -> float | None:
        return seconds[slow] / seconds[fast] if fast in seconds else None

    published, own = dtypes[0], dtypes[-1]
    found: dict[str, float | None] = {}
    if published != own:
        found[f"cold, {published} against {own}"] = ratio((SEQUENTIAL, published), (BATCHED, own))
    found |= {f"cold, both {dtype}": ratio((SEQUENTIAL, dtype), (BATCHED, dtype)) for dtype in dtypes}
    found[f"warm, {published} against the cache"] = ratio((SEQUENTIAL, published), (CACHED, own))
    return found


@contextmanager
def _handle(model: str, way: Way, given: Mapping[str, Any]) -> Iterator[NLI]:
    """A handle without remembered verdicts, closed at the end so that the next one starts afresh."""
    with connect(model, **_options(way, given)) as nli:
        yield nli


def _options(way: Way, given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, **way.options, "dtype": way.dtype}


def _time(
    model: str, nli: NLI, way: Way, given: Mapping[str, Any], outputs: Sequence[Outputs], profiles: Sequence[str]
) -> Timing:
    begun = time.perf_counter()
    if way.name == CACHED:
        # With all pairs in the cache no weights are needed.
        nli.identity()
    else:
        nli.load()
    loaded = time.perf_counter()
    for cache in CACHES:
        cache.cache_clear()
    cpu = time.process_time()
    # Scoring uses this same handle: there is one for each spec and set of options.
    _score(outputs, profiles, model, _options(way, given))
    seconds, cpu_seconds = time.perf_counter() - loaded, time.process_time() - cpu
    stats = nli.stats
    return Timing(
        way.name,
        way.dtype,
        seconds,
        cpu_seconds,
        loaded - begun,
        stats.asked,
        stats.unique,
        stats.cached,
        stats.computed,
        stats.rechecked,
        stats.unique / seconds,
    )


def _score(outputs: Sequence[Outputs], profiles: Sequence[str], nli: str, options: Mapping[str, Any]) -> None:
    for each in outputs:
        score_predictions(
            ScoreOptions(each.file, profiles=tuple(profiles), nli=nli, nli_options=dict(options)),
            load_task(each.task),
        )


def _median(timings: Sequence[Timing]) -> Timing:
    middle = median(timing.seconds for timing in timings)
    return min(timings, key=lambda timing: abs(timing.seconds - middle))


class _Listener:
    """Passes pairs on and records them with their verdicts."""

    def __init__(self, nli: Entailment) -> None:
        self.verdicts: dict[Pair, bool] = {}
        self._nli = nli

    async def verdict(self, premise: str, hypothesis: str) -> Verdict:
        """The verdict of the wrapped service."""
        verdict = await self._nli.verdict(premise, hypothesis)
        self.verdicts[Pair(premise, hypothesis)] = verdict.entailed
        return verdict


def _verdicts(outputs: Sequence[Outputs], profiles: Sequence[str], nli: NLI) -> dict[Pair, bool]:
    """All pairs of scoring, with their verdicts, which the handle knows if it has scored the outputs before."""
    listener = _Listener(nli)
    for each in outputs:
        kind = load_task(each.task).kind
        read = [(with_answers(example), output) for example, output in read_predictions(each.file)]
        fields = known_fields([example for example, _ in read])
        for profile in profiles:
            plan = plan_scoring(profile_named(profile), kind, fields)
            asking = replace(plan, metrics=tuple(metric for metric in plan.metrics if metric.asks_nli(plan.kind)))
            run_anywhere(partial(_ask, Scorer(asking, listener), read))
    return listener.verdicts


async def _ask(scorer: Scorer, read: Sequence[tuple[Example, str]]) -> None:
    async for _ in scorer.stream(Response.build(example, output) for example, output in read):
        pass


def _pairs(outputs: Sequence[Outputs], profiles: Sequence[str], nli: NLI) -> tuple[list[Pair], int]:
    """The pairs of scoring the outputs, and the number of outputs."""
    count = sum(1 for each in outputs for _ in read_predictions(each.file))
    return list(_verdicts(outputs, profiles, nli)), count


def pairs_of(outputs: Sequence[Outputs], profiles: Sequence[str]) -> list[Pair]:
    """The pairs of scoring the outputs with the lexical verifier."""
    return _pairs(outputs, profiles, connect("lexical"))[0]


def _tokens(model: str, pairs: Sequence[Pair]) -> float:
    from transformers import AutoTokenizer

    from groundeval.nli.spec import PREMISE_HYPOTHESIS

    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = [PREMISE_HYPOTHESIS.format(premise=pair.premise, hypothesis=pair.hypothesis) for pair in pairs]
    return sum(map(len, tokenizer(texts).input_ids)) / max(1, len(pairs))


def _agreement(
    verdicts: Mapping[tuple[str, str], Mapping[Pair, bool]], of: tuple[str, str], against: tuple[str, str]
) -> Agreement:
    ours, theirs = verdicts[of], verdicts[against]
    # Later pairs depend on earlier verdicts, so the two ways may have judged different pairs.
    both = [pair for pair in ours if pair in theirs]
    same = sum(ours[pair] == theirs[pair] for pair in both)
    return Agreement(", ".join(of), ", ".join(against), len(both), 100 * same / max(1, len(both)))
