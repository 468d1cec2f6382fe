"""Rank correlation of metrics with human utility ratings.

Reads the human evaluation that ALCE published (Gao et al. 2023): outputs of several systems for the same questions,
each with a utility from 1 to 5 and, for each gold answer, whether the output contains it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from groundeval.errors import DataError, excerpt, no_such
from groundeval.metrics.metric import METRICS, Context, Values
from groundeval.metrics.profiles import ALCE
from groundeval.records import Example, Response
from groundeval.stats.bootstrap import RESAMPLES
from groundeval.storage.json_records import Record, read_records
from groundeval.tasks.formats.fields import example_from

METRICS_WITH_GOLD = ("str_em", "rouge")
"""Metrics computed if a file with the gold answers of the questions is given."""


@dataclass(frozen=True, slots=True)
class Rated:
    """An output with its human utility rating."""

    question: str
    values: Mapping[str, float]
    utility: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation of one metric with human utility."""

    data: str
    metric: str
    rho: float
    """Spearman's."""
    rho_ci95: tuple[float, float]
    tau: float
    """Kendall's tau-b."""
    tau_ci95: tuple[float, float]
    outputs: int
    questions: int


def agreement(file: Path, gold: Path | None = None, *, seed: int = 0, resamples: int = RESAMPLES) -> list[Agreement]:
    """The agreement of every metric with the human utility in a file, by data set.

    `correctness` is the share of gold answers in an output, by the file, `length` its number of words. With `gold`,
    ASQA records with `qa_pairs`, the string metrics of profile `alce` are computed on the outputs too, by the code that
    scores runs. Intervals resample questions, since several systems answered the same ones. Raises UserError for
    unusable files.
    """
    known = {} if gold is None else _gold(gold)
    found = []
    for data, rated in _read(file, known):
        if len(rated) < 3:
            raise DataError(f"{file}, {data}: {len(rated)} rated outputs are too few for a correlation")
        for metric in dict.fromkeys(name for each in rated for name in each.values):
            having = [each for each in rated if metric in each.values]
            if len(having) == len(rated):
                found.append(correlation(data, metric, having, seed, resamples))
    return found


def correlation(data: str, metric: str, rated: Sequence[Rated], seed: int = 0, resamples: int = RESAMPLES) -> Agreement:
    """The rank correlation of one metric with the utility of rated outputs, with intervals over their questions."""
    values = np.array([each.values[metric] for each in rated])
    utility = np.array([each.utility for each in rated])
    places: dict[str, list[int]] = {}
    for place, each in enumerate(rated):
        places.setdefault(each.question, []).append(place)
    groups = [np.array(group) for group in places.values()]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([groups[index] for index in rng.integers(0, len(groups), len(groups))])
        drawn.append((rho(values[rows], utility[rows]), tau(values[rows], utility[rows])))
    rhos, taus = (np.array(column)[~np.isnan(column)] for column in zip(*drawn, strict=True))
    return Agreement(
        data,
        metric,
        rho(values, utility),
        _bounds(rhos),
        tau(values, utility),
        _bounds(taus),
        len(rated),
        len(groups),
    )


def rho(values: Any, utility: Any) -> float:
    """Spearman's rank correlation; NaN if one side is constant."""
    from scipy.stats import rankdata

    first, second = rankdata(values), rankdata(utility)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def tau(values: Any, utility: Any) -> float:
    """Kendall's tau-b; NaN if one side is constant."""
    from scipy.stats import kendalltau

    return math.nan if np.ptp(values) == 0 or np.ptp(utility) == 0 else float(kendalltau(values, utility).statistic)


def _bounds(drawn: Any) -> tuple[float, float]:
    if len(drawn) < 2:
        return math.nan, math.nan
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _read(file: Path, gold: Mapping[str, Example]) -> Iterator[tuple[str, list[Rated]]]:
    form = 'it must be {"asqa": {RUN: {ID: {"output": ..., "utility_score": 1-5, ...}}}}, as ALCE publishes it'
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise no_such(file, given=f"--human {file}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"--human {file} cannot be read as JSON: {error}\n  {form}") from error
    if not isinstance(content, dict) or not all(isinstance(runs, dict) for runs in content.values()):
        raise DataError(f"--human {file}: {form}")
    for data, runs in content.items():
        rated = []
        for run, outputs in runs.items():
            for identifier, record in outputs.items() if isinstance(outputs, dict) else ():
                if isinstance(record, dict) and "utility_score" in record:
                    where = f"--human {file}, {data}/{run}/{identifier}"
                    rated.append(_rated(record, where, gold.get(identifier) if data == "asqa" else None))
        yield data, rated


def _rated(record: Mapping[str, Any], where: str, example: Example | None) -> Rated:
    output, utility = record.get("output"), record.get("utility_score")
    held = record.get("automatic_correctness_scores")
    if not isinstance(output, str) or isinstance(utility, bool) or not isinstance(utility, int | float):
        raise DataError(f'{where}: "output" must be a text and "utility_score" a number, not {excerpt(utility)}')
    values: dict[str, float] = {"length": float(len(output.split()))}
    if isinstance(held, list) and held:
        values["correctness"] = fmean(map(float, held))
    if example is not None:
        values.update(_scored(example, output))
    return Rated(str(record.get("question", where)), values, float(utility))


def _scored(example: Example, output: str) -> dict[str, float]:
    response, values = Response.build(example, output), Values()
    for name in METRICS_WITH_GOLD:
        metric = METRICS.get(name)
        assert metric.score is not None
        result = metric.score(response, Context(ALCE, "em"))
        assert isinstance(result, dict)
        values |= result
    return {name: value for name, value in values.items() if value is not None}


def _gold(file: Path) -> dict[str, Example]:
    """Examples by id, from records with `sample_id`, `qa_pairs`, and the question as `question` or
    `ambiguous_question`."""
    found = {}
    for record in read_records(file, name=f"--human-gold {file}"):
        fields = {"question": record.data.get("ambiguous_question"), **record.data}
        kept: dict[str, Any] = {
            name: fields[name] for name in ("question", "sample_id", "qa_pairs", "annotations") if name in fields
        }
        example = example_from(Record(record.file, record.number, kept), str(record.number - 1))
        found[example.id] = example
    return found
