"""Logs with a row for each step or event of a request: the rows of one trace become one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from groundeval.storage.json_records import Record
from groundeval.storage.spool import Spool
from groundeval.tasks.formats.outputs.roles import renamed

_LOOKED_AT = 200
_PARENTS = ("parent_id", "parent_span_id", "parent_run_id", "parent_observation_id", "parent_event_id")
_KINDS = ("type", "name", "event", "span_kind", "run_type", "kind")


def joined(records: Iterator[Record], tell: Callable[[str], None]) -> Iterator[Record]:
    """The records; of a log of steps, one for each trace: its root, with the other steps under their names.

    `tell` is told how many rows were joined. Such a log is read to its end first, since the steps of requests that were
    worked on at once lie between each other; what does not fit into memory waits in a temporary file.
    """
    first = list(islice(records, _LOOKED_AT))
    if not _are_steps(first):
        yield from chain(first, records)
        return
    rows = Spool[Record]()
    traces: dict[str, list[int]] = {}
    for record in chain(first, records):
        trace = _trace(record.data)
        if trace is not None:  # a header or a summary belongs to none
            traces.setdefault(trace, []).append(len(rows))
        rows.append(record)
    tell(f"{len(rows)} rows are steps of {len(traces)} requests, joined by their trace")
    for number, places in enumerate(traces.values(), 1):
        steps = [rows[place] for place in places]
        yield Record(steps[0].file, number, _record(steps), steps[0].in_memory)


def _are_steps(records: list[Record]) -> bool:
    """Whether rows share traces, and say which is above another or which event they are."""
    traces = Counter(trace for record in records if (trace := _trace(record.data)) is not None)
    return traces.total() * 2 > len(records) and max(traces.values(), default=0) > 1


def _trace(data: Mapping[str, Any]) -> str | None:
    """The trace that a row is a step of; None for a row that is none."""
    known = renamed(data)
    context = known.get("context")
    inner = renamed(context) if isinstance(context, Mapping) else {}
    trace = known.get("trace_id") or inner.get("trace_id")
    if trace is not None and any(name in known for name in _PARENTS):
        return str(trace)
    sample = known.get("sample_id")
    return str(sample) if sample is not None and "event_id" in known and "type" in known else None


def _record(steps: list[Record]) -> dict[str, Any]:
    """The root of a trace with the other steps; events, of which none is above the others, only under their names."""
    datas = [step.data for step in steps]
    known = [renamed(data) for data in datas]
    roots = [
        n for n, data in enumerate(known) if "event_id" not in data and not any(data.get(name) for name in _PARENTS)
    ]
    root = roots[0] if roots else None
    found: dict[str, Any] = {} if root is None else dict(datas[root])
    for number, data in enumerate(datas):
        if number == root:
            continue
        called = next((str(known[number][kind]) for kind in _KINDS if isinstance(known[number].get(kind), str)), "step")
        found[called if called not in found else f"{called} {number + 1}"] = data
    return found
