"""The leaderboard as Markdown, CSV and JSON: all metrics of all rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from groundeval.console.sanitize import markdown, visible
from groundeval.leaderboard.collect import RejectedRun
from groundeval.leaderboard.columns import columns_of
from groundeval.leaderboard.entries import Entry

KIND = "groundeval leaderboard"
SCHEMA_VERSION = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(entries: Sequence[Entry], rejected: Sequence[RejectedRun]) -> str:
    """The whole leaderboard as JSON."""
    whole = {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "entries": [entry.facts() for entry in entries],
        "rejected": [{"folder": each.folder, "reason": each.reason} for each in rejected],
    }
    return json.dumps(whole, indent=1, ensure_ascii=True) + "\n"


def as_csv(entries: Sequence[Entry]) -> str:
    """One line per row and metric, for pivot tables."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(
        [
            "task", "profile", "nli", "system", "details", "reported", "proxy", "rank", "metric", "value", "low",
            "high", "stderr", "std", "n",
        ]
    )  # fmt: skip
    for entry in entries:
        for key, metric in entry.metrics.items():
            low, high = metric.ci95 or ("", "")
            lines.writerow(
                [
                    _cell(entry.task), entry.profile, _cell(entry.nli or ""), _cell(entry.system),
                    _cell("; ".join(entry.details)), int(entry.reported), int(entry.proxy), entry.rank or "",
                    _cell(key), _number(metric.value), low, high, _number(metric.stderr),
                    entry.std.get(key, ""), metric.n or "",
                ]
            )  # fmt: skip
    return out.getvalue()


def _number(value: float | None) -> float | str:
    return "" if value is None else value


def _cell(text: str) -> str:
    """A text that spreadsheets do not interpret as a formula."""
    shown = visible(text, 500)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def as_markdown(entries: Sequence[Entry]) -> str:
    """One table for each task and protocol, with the columns of the page."""
    return "\n".join(_markdown(entries)) + "\n"


def _markdown(entries: Sequence[Entry]) -> Iterator[str]:
    yield "# Leaderboard"
    yield ""
    yield "Values with 95% intervals. Rank: 1 + number of systems that are significantly better (paired, same samples,"
    yield "protocol and NLI model). Judged by a proxy: not comparable with scores by TRUE."
    for (task, profile), group in groupby(entries, lambda entry: (entry.task, entry.profile)):
        rows = list(group)
        columns = columns_of(rows)
        yield ""
        yield f"## {markdown(task)} ({markdown(profile)})"
        yield ""
        yield f"| rank | system | details | NLI model | n | {' | '.join(f'{c.group}: {c.name}' for c in columns)} |"
        yield f"|{'---|' * (5 + len(columns))}"
        for row in rows:
            cells = [
                "reported" if row.reported else str(row.rank or ""),
                markdown(row.system),
                markdown("; ".join(row.details), 300),
                _nli(row),
                "" if row.n is None else str(row.n),
                *(_value(row, column.key) for column in columns),
            ]
            yield f"| {' | '.join(cells)} |"


def _nli(row: Entry) -> str:
    if row.reported:
        return "as published"
    return f"{markdown(row.nli or 'not used')}{' (proxy)' if row.proxy else ''}"


def _value(row: Entry, key: str) -> str:
    metric = row.metrics.get(key)
    if metric is None:
        return ""
    interval = "" if metric.ci95 is None else f" ({metric.ci95[0]:.1f} to {metric.ci95[1]:.1f})"
    return f"{metric.text(1)}{interval}"
