"""Numbers reported in papers, as separate rows: not measured here, never ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from groundeval.errors import DataError, excerpt
from groundeval.leaderboard.entries import Entry, page_name
from groundeval.stats.bootstrap import Estimate
from groundeval.storage.folder import content_id, read_json

SHIPPED = Path(__file__).parent / "reported"

CORRECTNESS_F1 = {
    "trust_asqa": "calib_str_em_f1",
    "trust_qampari": "calib_qampari_em_f1",
    "trust_eli5": "calib_claims_nli_f1",
    "trust_expertqa": "calib_claims_nli_f1",
}
"""The key of a paper's F1 of answer correctness (`f1_ac`) in each task."""
SAME_AS = {"f1_gr": "macro_f1", "f1_gc": "answered_citation_f1"}
"""The keys of a paper's grounded refusal and grounded citation."""


class ReportedRow(BaseModel):
    """One system on one task."""

    model_config = ConfigDict(extra="forbid")

    model: str
    method: str = ""
    task: str
    num_docs: int | None = None
    metrics: dict[str, float]
    std: dict[str, float] = {}
    """Standard deviation over seeds, if the paper gives it."""
    where: str = ""
    """Table or figure."""


class ReportedFile(BaseModel):
    """A file of reported numbers."""

    model_config = ConfigDict(extra="forbid")

    source: str
    protocol: str
    """The profile that the numbers belong to."""
    note: str = ""
    rows: list[ReportedRow]


def read_reported(path: Path) -> ReportedFile:
    """A file of reported numbers. Raises DataError, which names the field, for a faulty one."""
    found = read_json(path)
    if found is None:
        raise DataError(f"{path}: no such file")
    try:
        return ReportedFile.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole file"
        raise DataError(f"{path}: {field}: {first['msg']}, found {excerpt(first['input'])}") from None


def reported_entries(file: ReportedFile, headlines: Mapping[str, tuple[str, ...]]) -> Iterator[Entry]:
    """The rows of a file. `headlines`: the headline keys of known tasks."""
    for number, row in enumerate(file.rows):
        metrics = {
            _key(name, row.task): Estimate(value=value, stderr=None, ci95=None, n=0)
            for name, value in row.metrics.items()
        }
        facts = {"source": file.source, "row": number, **row.model_dump()}
        docs = [] if row.num_docs is None else [f"{row.num_docs} docs"]
        yield Entry(
            id=page_name(row.model, row.task, "reported", content_id(facts)),
            system=row.model,
            details=tuple(part for part in (row.method, *docs) if part),
            task=row.task,
            profile=file.protocol,
            nli=None,
            proxy=False,
            reported=True,
            paper=file.source,
            where=row.where,
            n=None,
            statuses={},
            headline=tuple(key for key in headlines.get(row.task, ()) if key in metrics),
            metrics=metrics,
            std={_key(name, row.task): value for name, value in row.std.items()},
            notes=(file.note,) if file.note else (),
        )


ROUNDING = 0.06
"""Percentage points by which a number in a figure may differ from the same number in a table."""


def without_repeats(entries: Sequence[Entry]) -> list[Entry]:
    """The rows without those that give the numbers of another row less exactly: a figure's beside its table's.

    Rows of one system whose numbers differ by more than rounding are different results, and stay.
    """
    kept: list[Entry] = []
    for entry in entries:
        same = next((each for each in kept if _repeats(each, entry)), None)
        if same is None:
            kept.append(entry)
        elif _digits(entry) > _digits(same):
            kept[kept.index(same)] = entry
    return kept


def _repeats(first: Entry, second: Entry) -> bool:
    if (first.system, first.details, first.task, first.profile) != (
        second.system, second.details, second.task, second.profile,
    ):  # fmt: skip
        return False
    shared = first.metrics.keys() & second.metrics.keys()
    gaps = [abs(first.metrics[key].number - second.metrics[key].number) for key in shared]
    return bool(shared) and max(gaps) <= ROUNDING


def _digits(entry: Entry) -> int:
    return sum(len(f"{metric.number:g}") for metric in entry.metrics.values())


def _key(name: str, task: str) -> str:
    if name == "f1_ac":
        return CORRECTNESS_F1.get(task, name)
    return SAME_AS.get(name, name)
