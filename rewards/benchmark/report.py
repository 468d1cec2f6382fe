"""The benchmark as JSON and as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from groundeval.rewards.benchmark.climbing import Climb
from groundeval.rewards.benchmark.families import Family
from groundeval.rewards.benchmark.human import Agreement
from groundeval.rewards.benchmark.run import Outcome
from groundeval.rewards.benchmark.table import (
    KEPT_TO_PASS,
    LEAST_KEPT_TO_PASS,
    LEAST_TO_PASS,
    MEAN_TO_PASS,
    Cell,
    Fooled,
    Row,
)
from groundeval.rewards.benchmark.trials import answer_of
from groundeval.stats.bootstrap import Estimate

SCHEMA_VERSION = 1
PICTURE = "reward_benchmark.png"
LONGEST_TEXT = 900
"""Largest number of characters of a text shown on the page."""


def as_json(outcome: Outcome, agreements: Sequence[Agreement] = ()) -> dict[str, Any]:
    """The outcome as JSON values. `rewards`, `attacks` and `values` are the table: accuracies in percent, or null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "reward_benchmark",
        "meaning": "accuracy in percent: how often the reward prefers the honest response (ties: half), by family",
        "rewards": [row.name for row in outcome.rows],
        "attacks": [family.key for family in outcome.families],
        "values": [
            [None if (cell := row.cells[family.key]) is None else cell.accuracy.value for family in outcome.families]
            for row in outcome.rows
        ],
        "data": dict(outcome.data),
        "answerable": outcome.answerable,
        "nli": outcome.nli,
        "seed": outcome.seed,
        "trials": outcome.trials,
        "texts": outcome.texts,
        "notes": list(outcome.notes),
        "families": [asdict(family) for family in outcome.families],
        "rows": [_row(row) for row in outcome.rows],
        "climbs": [asdict(climb) for climb in outcome.climbs],
        "human_agreement": [asdict(agreement) for agreement in agreements],
    }


def _row(row: Row) -> dict[str, Any]:
    cost = row.cost
    return {
        **asdict(row),
        "cells": {key: None if cell is None else asdict(cell) for key, cell in row.cells.items()},
        "cost": {
            **asdict(cost),
            "rewards_per_second": cost.per_second,
            "pairs_per_response": cost.pairs_per_response,
            "repeated": cost.repeated,
            "known": cost.known,
        },
    }


def worst_first(outcome: Outcome) -> list[Family]:
    """The families, lowest mean accuracy over all rows first; those without a value in any row last."""

    def mean(family: Family) -> float:
        values = [cell.accuracy.number for row in outcome.rows if (cell := row.cells[family.key]) is not None]
        return sum(values) / len(values) if values else float("inf")

    return sorted(outcome.families, key=mean)


def percent(cell: Cell | None) -> str:
    """An accuracy, or `n/a`."""
    return "n/a" if cell is None else cell.accuracy.text(1)


def interval(estimate: Estimate) -> str:
    """A 95% interval, or an empty text."""
    return "" if estimate.ci95 is None else f"{estimate.ci95[0]:.1f} to {estimate.ci95[1]:.1f}"


def verdict(row: Row, families: Sequence[Family]) -> str:
    """`passes`, or the reason for failing."""
    if row.passes:
        return "passes"
    if row.mean is None:
        return "fails: no family could be judged"
    decide = {family.key for family in families if not family.extra}
    key, cell = next((key, cell) for key, cell in row.worst_first if key in decide)
    kept = "" if row.kept is None else f", kept {row.kept:.1f}"
    return f"fails: mean {row.mean:.1f}{kept}, worst {key} with {cell.accuracy.value:.1f}"


def page(outcome: Outcome, agreements: Sequence[Agreement] = ()) -> str:
    """The Markdown page."""
    data = ", ".join(f"{name} ({count})" for name, count in outcome.data.items())
    parts = [
        "# Reward benchmark",
        f"{outcome.trials:,} trials with {outcome.texts:,} texts on {sum(outcome.data.values())} examples "
        f"({outcome.answerable} of them answerable): {data}. Verifier: {outcome.nli}. Seed {outcome.seed}.",
        "\n".join(f"- {note}" for note in outcome.notes),
        f"![accuracy of each reward in each family]({PICTURE})",
        "## How often the honest response wins",
        f"Accuracy in percent, worst family first; a tie counts half, and in the families marked = it is right; *n/a*: "
        "the data cannot carry the family. In the families *style* the other text is as honest in another form: shown "
        f"is the percentage of the reward that it keeps. A reward passes with a mean of at least {MEAN_TO_PASS:g} over "
        f"the numbered families without = and the evasions, none below {LEAST_TO_PASS:g}, and styles that keep "
        f"{KEPT_TO_PASS:g} on average and {LEAST_KEPT_TO_PASS:g} in any family.",
        _table(
            ["family", "", *(row.name for row in outcome.rows)],
            [
                *(
                    [family.key, family.title, *(percent(row.cells[family.key]) for row in outcome.rows)]
                    for family in worst_first(outcome)
                ),
                ["mean", "", *("n/a" if row.mean is None else f"{row.mean:.1f}" for row in outcome.rows)],
                ["kept", "", *("n/a" if row.kept is None else f"{row.kept:.1f}" for row in outcome.rows)],
                ["passes", "", *("yes" if row.passes else "no" for row in outcome.rows)],
            ],
        ),
        "## Rewards",
        _table(
            ["reward", "verdict", "invariance violations", "groups with variance", "rewards/s", "pairs a response",
             "repeated", "known"],
            [_figures(row, outcome.families) for row in outcome.rows],
        ),
        "*Groups with variance*: percent of groups of eight texts that do not all get the same. *Repeated*: percent of "
        "the questions to the verifier that the same reward had asked before; *known*: of the others, those that "
        "rewards scored earlier had asked.",
        *_climbs(outcome.climbs),
        *_agreements(agreements),
        "## In detail",
        *(_detail(row, outcome.families) for row in outcome.rows),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(row: Row, families: Sequence[Family]) -> list[str]:
    varied = "n/a" if row.group_variance is None else f"{row.group_variance:.0f}%"
    return [
        row.name,
        verdict(row, families),
        f"{row.invariance_violations} of {row.invariance_trials}",
        varied,
        f"{row.cost.per_second:,.0f}",
        f"{row.cost.pairs_per_response:.1f}",
        f"{100 * row.cost.repeated:.0f}%",
        f"{100 * row.cost.known:.0f}%",
    ]


def _climbs(climbs: Sequence[Climb]) -> Iterable[str]:
    if not climbs:
        return
    yield "## Random edits that climb each reward"
    yield (
        f"{climbs[0].edits:,} edits for each reward, drawn from all attacks, on two climbs for each example: from the "
        "honest response and from nothing. An edit stays if the reward is no lower. *Length*: how many times as long "
        "as the honest response the text is that the climb from it ends with, at no less reward."
    )
    yield _table(
        ["reward", "examples driven above honest", "mean gain", "most", "from", "to", "length"],
        [
            [
                climb.name,
                f"{climb.driven} of {climb.examples}",
                f"{climb.mean_gain:.2f}",
                f"{climb.most_gain:.2f}",
                f"{climb.honest_value:.2f}",
                f"{climb.best_value:.2f}",
                f"{climb.growth:.1f}",
            ]
            for climb in climbs
        ],
    )
    for climb in climbs:
        if climb.driven:
            yield (
                f"What drove `{climb.name}` farthest ({climb.example}; {', '.join(climb.moves)}):\n\n"
                f"> {_quoted(climb.honest)}\n\nbecame\n\n> {_quoted(climb.best)}"
            )


def _agreements(agreements: Sequence[Agreement]) -> Iterable[str]:
    if not agreements:
        return
    yield "## Agreement with people"
    yield (
        "Rank correlation (Spearman's rho and Kendall's tau-b) of metrics with the utility from 1 to 5 that people "
        "gave the same outputs; 95% intervals by resampling questions."
    )
    yield _table(
        ["data", "metric", "rho", "95% interval", "tau-b", "95% interval", "outputs", "questions"],
        [
            [
                each.data,
                each.metric,
                f"{each.rho:.3f}",
                f"{each.rho_ci95[0]:.3f} to {each.rho_ci95[1]:.3f}",
                f"{each.tau:.3f}",
                f"{each.tau_ci95[0]:.3f} to {each.tau_ci95[1]:.3f}",
                str(each.outputs),
                str(each.questions),
            ]
            for each in agreements
        ],
    )


def _detail(row: Row, families: Sequence[Family]) -> str:
    titles = {family.key: family.title for family in families}
    table = _table(
        ["family", "", "accuracy", "95% interval", "ties", "margin", "trials", "examples", "undecided"],
        [
            [
                key,
                titles[key],
                percent(cell),
                interval(cell.accuracy),
                f"{cell.ties:.1f}",
                f"{cell.margin:.3f}",
                str(cell.accuracy.n),
                str(cell.examples),
                str(cell.undecided),
            ]
            for key, cell in row.worst_first
        ],
    )
    parts = [f"### {row.name}", table]
    if row.fooled is not None:
        parts.append(_fooled(row.fooled))
    return "\n\n".join(parts)


def _fooled(fooled: Fooled) -> str:
    how = "as much as" if fooled.worse_value - fooled.better_value <= 1e-9 else "more than"
    return (
        f"Fooled most by {fooled.attack} (family {fooled.family}, {fooled.example}): {fooled.worse_value:.3f}, {how} "
        f"the honest response's {fooled.better_value:.3f}.\n\n"
        f"> {_quoted(answer_of(fooled.better))}\n\nagainst\n\n> {_quoted(answer_of(fooled.worse))}"
    )


def _quoted(text: str) -> str:
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ..."
    return shown.replace("<", "\\<").replace("\n", "\n> ").strip() or "*(nothing)*"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
