"""The page of one run: its numbers, what determined them, and the sample viewer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from groundeval.console.sanitize import one_line
from groundeval.leaderboard.entries import Entry
from groundeval.leaderboard.site import write_page
from groundeval.metrics.labels import Shown, arranged, by_group, counts
from groundeval.scoring.results import interval_of, value_of
from groundeval.storage.folder import leaves

_ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:[/\\]|\\\\")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another run of the same task, which the viewer can show beside this one."""

    id: str
    name: str


def write_run_page(site: Path, entry: Entry, others: Iterable[Entry], back: str) -> None:
    """Write `runs/ID.html`. `back`: the place in `index.html` that it links to."""
    peers = [Peer(each.id, name_of(each)) for each in others if each.id != entry.id and not each.reported]
    write_page(
        site / "runs" / f"{entry.id}.html",
        "run.html",
        root="../",
        entry=entry,
        name=name_of(entry),
        back=back,
        judge=judge,
        peers=peers,
        leading=shown(entry, whole=False),
        groups=list(by_group(shown(entry, whole=True))),
        value_of=value_of,
        interval_of=interval_of,
        counts=counts(),
        manifest=facts_of(entry),
    )


def facts_of(entry: Entry) -> list[tuple[str, list[tuple[str, str]]]]:
    """The settings that determined the run, in sections: texts, scores, versions."""
    sections = (("Texts", "generation"), ("Scores", "scoring"), ("Versions", "versions"))
    found = [(title, leaves({"": entry.manifest.get(name) or {}})) for title, name in sections]
    return [
        (title, facts)
        for title, told in found
        if (facts := [(place.lstrip("."), without_folders(str(value))) for place, value in told])
    ]


def shown(entry: Entry, *, whole: bool) -> Sequence[Shown]:
    """The entry's keys as tables show them."""
    return arranged(entry.metrics, entry.headline, (entry.profile,), whole=whole)


def numbers_of(entry: Entry) -> dict[str, str]:
    """The leading metrics with their intervals, by key, as text."""
    found = ((each.key, entry.metrics[each.key]) for each in shown(entry, whole=False))
    return {one_line(key, 60): f"{metric.text(1)} {metric.interval(1)}".strip() for key, metric in found}


def name_of(entry: Entry) -> str:
    """A run in one line: its system and what tells it from others of the same."""
    return f"{entry.system} ({', '.join(entry.details)})" if entry.details else entry.system


def judge(entry: Entry) -> str:
    """Short name of the NLI model of a row."""
    if entry.reported:
        return "as published"
    return f"{entry.nli or 'not used'}{' (proxy)' if entry.proxy else ''}"


def without_folders(text: str) -> str:
    """The last part of an absolute path: a run's place on its machine stays private."""
    return text.replace("\\", "/").rpartition("/")[2] if _ABSOLUTE.match(text) else text
