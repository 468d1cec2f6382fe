"""Tables, tests and plots of the learning example: `docs/learning/`, from the folder of its run.

    python examples/learning/summary.py RUN docs/learning

The arms and comparisons below were fixed before the run. A run that is not finished gives what it has.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundeval import score
from groundeval.comparison.compare import compare, open_run
from groundeval.comparison.saved_scores import ScoredRun
from groundeval.parsing.citations import citations
from groundeval.registry import load_plugin
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.stats.bootstrap import Aggregate, mean_of
from groundeval.stats.paired import Answers, Difference, paired_differences
from groundeval.storage.folder import Lines, read_json
from groundeval.tasks import load_task

ARMS = {
    "start": "no training",
    "sft": "SFT only",
    "both": "SFT, both rewards",
    "stage2_alone": "SFT, stage 2",
    "sft_again": "SFT only, second seed",
    "both_again": "SFT, both rewards, second seed",
    "stage2": "SFT, stage 1, stage 2",
    "stage1_alone": "SFT, stage 1",
    "strict": "SFT, strict reward",
}
"""The last stage of every arm."""

PATHS = {
    "both": ("both",),
    "stage2_alone": ("stage2_alone",),
    "both_again": ("both_again",),
    "stage2": ("stage1", "stage2"),
    "stage1_alone": ("stage1_alone",),
    "strict": ("strict",),
}
"""The GRPO stages of an arm."""

COMPARED = (
    ("start", "sft"),
    ("sft", "both"),
    ("sft_again", "both_again"),
    ("sft", "stage2_alone"),
    ("sft", "stage2"),
    ("sft", "stage1_alone"),
    ("sft", "strict"),
    ("stage2_alone", "both"),
    ("stage2_alone", "stage2"),
)
PRIMARY = ("sft", "both", "small", "grounding")
"""The one comparison and metric that the result is judged by, with the trend of the arm's reward over its steps: both
two-sided, at 5% and 1%. All others are described."""
METRICS = ("answered_citation_f1", "macro_f1", "calib_str_em_f1", "trust_score", "answered_ratio", "regular_length")
JUDGES = ("lexical", "encoder", "small")
TRENDS = ("reward", "answerable", "unanswerable", "strict", "refused", "words", "citations")
TASK = "short_asqa"
STRICT = "strict_grounded"
GROUNDING = "grounding"
"""The mean of citation F1 and refusal F1."""
PERMUTATIONS = 20_000
OWN = ("stage", "step", "output", "finish_reason", "reward", "components", "scored")
"""Fields of a logged completion that are not the example's."""


def held_out(run: Path) -> dict[str, dict[str, Any]]:
    """For every judge and arm the scores of its last weights: `metrics` and the folder of `scores`."""
    ended = {each["name"]: each.get("kept", each["steps"]) for each in read_json(run / "stages.json") or []}
    found: dict[str, dict[str, Any]] = {judge: {} for judge in JUDGES}
    for line in Lines(run / "evaluations.jsonl").read():
        if line["stage"] in ARMS and line["step"] == {**ended, "start": 0}.get(line["stage"]) and line["nli"] in found:
            found[line["nli"]][line["stage"]] = line
    return found


def comparisons(run: Path, scored: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The fixed comparisons by every judge: paired differences with intervals; p corrected within each comparison."""
    for judge, arms in scored.items():
        for first, second in COMPARED:
            if {first, second} <= {*arms}:
                opened = [open_run(run / arms[each]["scores"]) for each in (first, second)]
                [pair] = compare(opened).pairs
                named = {"judge": judge, "from": first, "to": second}
                for each in pair.metrics:
                    if each.key in METRICS:
                        values = {"before": each.first, "after": each.second, "difference": each.difference}
                        tests = {"ci95": each.ci95, "p": each.p, "p_holm": each.p_holm}
                        yield {**named, "metric": each.key, **values, **tests}
                yield {**named, "metric": GROUNDING, **grounding(*opened)}
                strict = [strictly(run / arms[each]["folder"], judge) for each in (first, second)]
                yield {**named, "metric": STRICT, **against(*strict)}


def grounding(first: ScoredRun, second: ScoredRun) -> dict[str, Any]:
    """The paired difference of the mean of citation F1 and refusal F1, in percent."""
    citing, refusing = (first.aggregates[key] for key in ("answered_citation_f1", "macro_f1"))
    both = Aggregate(lambda table: (citing.value(table) + refusing.value(table)) / 2)
    asked = [*map(first.question_of, first.scored)]
    return told(paired_differences(first.answers(asked), second.answers(asked), {GROUNDING: both})[GROUNDING])


@cache
def strictly(folder: Path, judge: str) -> NDArray[np.float64]:
    """What `strict_grounded` gives the held-out outputs in a run folder, in the order of the data."""
    examples = {each.id: each for each in load_task(TASK).load().examples}
    written = list(Lines(folder / "generations.jsonl").read())
    rollouts = [Rollout(TASK, example_json(examples[each["id"]]), each["raw"]) for each in written]
    totals = Rewarder({STRICT: 1.0}, {STRICT: {}}, judge, {})(rollouts)
    return np.array([each.total or 0.0 for each in totals])


def outputs(run: Path, arms: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Every held-out output of every arm."""
    for arm in ARMS:
        if arm in arms:
            for each in Lines(run / arms[arm]["folder"] / "generations.jsonl").read():
                yield {"arm": arm, "id": each["id"], "output": each["raw"]}


def against(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, Any]:
    """The paired difference of two means, in percent."""
    places = np.arange(len(first))
    before, after = (Answers({STRICT: each}, places) for each in (first, second))
    return told(paired_differences(before, after, {STRICT: mean_of(STRICT)})[STRICT])


def told(found: Difference) -> dict[str, Any]:
    """A difference as the results hold it; it is tested alone."""
    values = {"before": found.first, "after": found.second, "difference": found.value}
    return {**values, "ci95": found.ci95, "p": found.p, "p_holm": None}


def steps(run: Path, stage: str) -> list[dict[str, Any]]:
    """Every step of a stage, from its logged completions: means of its reward, also by kind of question, of what
    `strict_grounded` would have given, of refusals, of words, of citations in an answer; the seconds of its phases."""
    logged = {
        each["step"]: each
        for each in Lines(run / "metrics.jsonl").read()
        if each["stage"] == stage and "reward" in each
    }
    by_step: dict[int, list[dict[str, Any]]] = {}
    for file in sorted(run.glob(f"stages/*-{stage}/completions/*.jsonl")):
        [result] = score(file, TASK, profiles=["trust"], nli="lexical")
        for record, sample in zip(Lines(file).read(), result.samples(), strict=True):
            by_step.setdefault(record["step"], []).append({**record, "scored": sample})
    rewarder = Rewarder({STRICT: 1.0}, {STRICT: {}}, "lexical", {})
    rows = []
    for number, (step, records) in enumerate(sorted(by_step.items()), 1):
        rollouts = [
            Rollout(TASK, json.dumps({k: v for k, v in each.items() if k not in OWN}), each["output"])
            for each in records
        ]
        values = [each["scored"].values for each in records]
        answers = [each["output"] for each, of in zip(records, values, strict=True) if not of["refused"]]
        rows.append(
            {
                "stage": stage,
                "step": number,
                "reward": fmean(each["reward"] for each in records),
                "strict": fmean(each.total or 0.0 for each in rewarder(rollouts)),
                **rewards_by_kind(records, values),
                "refused": fmean(each["refused"] for each in values),
                "words": fmean(each["length"] for each in values),
                "citations": fmean(len(citations(each)) for each in answers) if answers else None,
                **{k: v for k, v in logged.get(step + 1, {}).items() if k.startswith("seconds/")},
            }
        )
    return rows


def rewards_by_kind(records: Sequence[dict[str, Any]], values: Sequence[Any]) -> dict[str, float | None]:
    """The mean reward of the step's answerable questions, and of the others; None without such questions."""
    found: dict[str, float | None] = {}
    for kind in ("answerable", "unanswerable"):
        of = [each["reward"] for each, value in zip(records, values, strict=True) if value[kind]]
        found[kind] = fmean(of) if of else None
    return found


def trend(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Slope of a value over the steps (per ten), and the p of a two-sided permutation test of it; None for fewer than
    three values."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 3:
        return None
    x, y = (np.array(each, dtype=float) for each in zip(*known, strict=True))
    x -= x.mean()
    rng = np.random.default_rng(0)
    slope = float(x @ y / (x @ x))
    drawn = np.array([x @ rng.permutation(y) for _ in range(PERMUTATIONS)]) / (x @ x)
    p = (1 + int((np.abs(drawn) >= abs(slope) - 1e-12).sum())) / (1 + PERMUTATIONS)
    tenth = max(1, min(10, len(y) // 3))
    return {
        "n": len(y),
        "first": fmean(y[:tenth]),
        "last": fmean(y[-tenth:]),
        "over": tenth,
        "slope_per_10": 10 * slope,
        "p": p,
    }


def main() -> None:
    """Write `results.json`, `steps.jsonl`, `outputs.jsonl` and the plots; print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    for plugin in ("short_asqa", "encoder_judge", "small_nli"):
        load_plugin(Path(__file__).parent / f"{plugin}.py")
    given.output.mkdir(parents=True, exist_ok=True)
    scored = held_out(given.run)
    rows = [row for stage in dict.fromkeys(sum(PATHS.values(), ())) for row in steps(given.run, stage)]
    trends = {
        stage: {name: trend([row[name] for row in rows if row["stage"] == stage]) for name in TRENDS}
        for stage in dict.fromkeys(row["stage"] for row in rows)
    }
    compared = list(comparisons(given.run, scored))
    results = {
        "arms": ARMS,
        "held_out": {
            judge: {
                arm: {"n": line["n"], **{key: line["metrics"][key] for key in METRICS}} for arm, line in arms.items()
            }
            for judge, arms in scored.items()
        },
        "comparisons": compared,
        "trends": trends,
    }
    (given.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    Lines(given.output / "steps.jsonl").rewrite(rows)
    Lines(given.output / "outputs.jsonl").rewrite(list(outputs(given.run, scored[JUDGES[0]])))
    print("\n".join(table(scored, compared, trends)))
    draw(given.output, rows, scored)


COLUMNS = (
    "arm",
    "answered",
    "words",
    "EM F1",
    "refusal F1",
    f"citation F1 by {', '.join(JUDGES)}",
    "mean of both",
    "gain",
)


def table(
    scored: dict[str, dict[str, Any]], compared: Sequence[dict[str, Any]], trends: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Every arm: its held-out scores, its gain over its SFT, and the reward in its last stage."""
    yield f"| {' | '.join((*COLUMNS, 'reward in training'))} |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    gains = {each["to"]: each for each in compared if each["from"].startswith("sft") and is_primary(each)}
    for arm, name in ARMS.items():
        lines = [scored[judge].get(arm) for judge in JUDGES]
        cited = [percent(line, "answered_citation_f1") for line in lines]
        plain = [percent(lines[0], key) for key in ("answered_ratio", "regular_length", "calib_str_em_f1", "macro_f1")]
        both = percent(lines[-1], "answered_citation_f1", "macro_f1")
        stage = PATHS.get(arm, (None,))[-1]
        cells = [*plain, " / ".join(cited), both, gain(gains.get(arm)), rise(trends.get(stage or "", {}).get("reward"))]
        yield f"| {name} | {' | '.join(cells)} |"


def is_primary(row: dict[str, Any]) -> bool:
    """Whether a comparison is by the judge and the metric of the result."""
    return (row["judge"], row["metric"]) == PRIMARY[2:]


def percent(line: dict[str, Any] | None, *keys: str) -> str:
    """The mean of metrics of an evaluation; `-` without one."""
    values = [] if line is None else [line["metrics"][key]["value"] for key in keys]
    return f"{fmean(values):.1f}" if values and None not in values else "-"


def gain(row: dict[str, Any] | None) -> str:
    """A difference with its interval and p."""
    if row is None or row["difference"] is None or row["ci95"] is None:
        return "-"
    low, high = row["ci95"]
    return f"{row['difference']:+.1f} ({low:+.1f} to {high:+.1f}), p {p_value(row['p'])}"


def rise(found: dict[str, Any] | None) -> str:
    """Means of the first and the last steps, and the p of the trend over all."""
    return "-" if found is None else f"{found['first']:.2f} to {found['last']:.2f}, p {p_value(found['p'])}"


def p_value(p: float) -> str:
    """A p to four places, which is as many as the permutations tell apart."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def draw(folder: Path, rows: Sequence[dict[str, Any]], scored: dict[str, dict[str, Any]]) -> None:
    """Three plots: rewards by step, what else changes by step, held-out scores with intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = {arm: [row for stage in stages for row in rows if row["stage"] == stage] for arm, stages in PATHS.items()}
    titles = {kind: f"reward, {kind} questions" for kind in ("answerable", "unanswerable")}
    plots = {"rewards": ("reward", *titles), "behaviour": ("refused", "words", "citations")}
    for name, keys in plots.items():
        figure, axes = pyplot.subplots(1, len(keys), figsize=(4.4 * len(keys), 3.6), layout="constrained")
        for axis, key in zip(axes, keys, strict=True):
            for arm, found in curves.items():
                if found:
                    values = np.array([np.nan if row[key] is None else row[key] for row in found], dtype=float)
                    [line] = axis.plot(range(1, len(values) + 1), values, alpha=0.25, lw=0.8)
                    smooth = [known_mean(values[max(0, at - 4) : at + 5]) for at in range(len(values))]
                    axis.plot(range(1, len(values) + 1), smooth, color=line.get_color(), label=ARMS[arm])
            axis.set_title(titles.get(key, key), fontsize="medium")
            axis.set_xlabel("GRPO step")
        axes[0].legend(fontsize="x-small")
        figure.savefig(folder / f"{name}.png", dpi=110)
        pyplot.close(figure)
    shown = ("answered_citation_f1", "macro_f1", "trust_score")
    figure, axes = pyplot.subplots(1, len(shown), figsize=(13.2, 3.8), layout="constrained", sharey=True)
    arms = [arm for arm in ARMS if arm in scored[JUDGES[0]]]
    for axis, key in zip(axes, shown, strict=True):
        for offset, judge in enumerate(JUDGES):
            for place, arm in enumerate(arms):
                metric = scored[judge].get(arm, {"metrics": {}})["metrics"].get(key)
                if metric and metric["value"] is not None and metric["ci95"]:
                    low, high = metric["ci95"]
                    at = place + (offset - 1) * 0.2
                    axis.plot([low, high], [at, at], color=f"C{offset}", lw=1)
                    axis.plot(metric["value"], at, "o", color=f"C{offset}", ms=4, label=judge if place == 0 else None)
        axis.set_title(f"held-out {key}", fontsize="medium")
    axes[0].set_yticks(range(len(arms)), [ARMS[arm] for arm in arms], fontsize="small")
    axes[0].invert_yaxis()
    axes[0].legend(fontsize="x-small")
    figure.savefig(folder / "held_out.png", dpi=110)
    pyplot.close(figure)


def known_mean(values: NDArray[np.float64]) -> float:
    """The mean of the known values; NaN without one."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


if __name__ == "__main__":
    main()
