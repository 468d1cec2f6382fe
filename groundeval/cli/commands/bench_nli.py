"""`groundeval bench nli`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from groundeval.bench.nli_quality import Quality
    from groundeval.stats.bootstrap import Estimate


def nli(
    data: Annotated[
        list[str],
        typer.Option(help="wice=PATH, expertqa=PATH, or FILE.jsonl (premise, hypothesis, label). Repeatable."),
    ],
    model: Annotated[
        list[str] | None, typer.Option(help="A verifier, as for --nli. Repeatable. Default: true.")
    ] = None,
    nli_args: Annotated[str | None, typer.Option(help="Options of the verifiers: NAME=VALUE,...")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Number of randomly sampled claims of each data set.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of samples, halves and intervals.")] = 0,
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for nli_quality.json and a plot for each data set.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Verifiers against human labels: balanced accuracy, ROC-AUC and F1 with intervals, in percent.

    A threshold is calibrated on a random half of the claims and reported on the other half. Published scores that lie
    beside the data become rows of their own. Verdicts are computed again, without the cache, so that pairs/s mean
    something.

    Examples:

      groundeval bench nli --model lexical --data wice=data/wice --data expertqa=data/expertqa

      groundeval bench nli --model true --model minicheck --data pairs.jsonl --out bench/

      groundeval bench nli --include-path my_verifier.py --model mine --data wice=data/wice
    """
    from dataclasses import asdict
    from json import dumps

    from groundeval.bench.nli_data import read_labelled
    from groundeval.bench.nli_plot import check_plotting, plot
    from groundeval.bench.nli_quality import measure
    from groundeval.cli.arguments import nli_options
    from groundeval.cli.tables import print_json
    from groundeval.console.progress import doing
    from groundeval.console.terminal import Terminal
    from groundeval.nli import connect
    from groundeval.registry import load_plugin
    from groundeval.storage.folder import check_writable, write_whole

    for path in include_path or ():
        load_plugin(path)
    if out is not None:
        check_plotting()
        check_writable(out)
    read = [read_labelled(each, limit=limit, seed=seed) for each in data]
    options = {"cache": False, **nli_options(nli_args)}
    with doing("judging labelled pairs"):
        results = measure([connect(spec, **options) for spec in model or ["true"]], read, seed=seed)
    rows = [quality for _, found in results for _, quality in found]
    machine = {"unit": "percent", "seed": seed, "limit": limit, "results": [asdict(row) for row in rows]}
    if out is not None:
        write_whole(out / "nli_quality.json", (dumps(machine, indent=2) + "\n").encode())
        for number, (labelled, found) in enumerate(results):
            twice = sum(other.name == labelled.name for other, _ in results) > 1
            plot(labelled, found, out / f"nli_{labelled.name}{f'_{number + 1}' if twice else ''}.png")
    if json:
        print_json(machine)
    else:
        Terminal().print(_quality_table(rows))


def _quality_table(rows: list[Quality]) -> Table:
    from rich.table import Table

    table = Table("data", "verifier", "measure", caption="percent; * by the calibrated threshold, on the other half")
    for column in ("value", "95% interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        first = (row.data, row.verifier)
        for name, estimate in _measures(row).items():
            table.add_row(*first, name, estimate.text(1), estimate.interval(1), str(estimate.n))
            first = ("", "")
        if row.calibrated is not None:
            threshold = row.calibrated.held_out.threshold
            table.add_row("", "", "calibrated threshold", f"{threshold:.2f}", "", str(row.calibrated.chosen_on))
        table.add_row("", "", "supported, by people", f"{row.supported:.1f}", "", str(row.claims))
        if row.failed:
            table.add_row("", "", "claims that could not be judged", "", "", str(row.failed))
        if row.pairs_per_second is not None:
            table.add_row("", "", "pairs/s", f"{row.pairs_per_second:,.1f}", "", str(row.pairs))
        table.add_section()
    return table


def _measures(row: Quality) -> dict[str, Estimate]:
    measures = {"balanced accuracy": row.own.balanced_accuracy, "F1": row.own.f1, "ROC-AUC": row.roc_auc}
    if row.calibrated is not None:
        measures["balanced accuracy*"] = row.calibrated.held_out.balanced_accuracy
        measures["F1*"] = row.calibrated.held_out.f1
    return measures
