"""The counts of an NLI service in Prometheus' text format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from groundeval.nli.service import NLI


def exposition(nli: NLI, identity: Mapping[str, Any], requests: Mapping[int, int], seconds: float) -> str:
    """The text that `/metrics` answers.

    `requests` are the requests for verdicts by status code; `seconds` is what those with status 200 took together.
    """
    totals = nli.stats
    labels = {key: identity[key] for key in ("name", "revision", "dtype") if identity.get(key) is not None}
    lines = [
        *_counter("pairs_asked", "Pairs asked for, repeated ones included.", totals.asked),
        *_counter("pairs_unique", "Pairs that were not known in memory and not waiting already.", totals.unique),
        *_counter("pairs_cached", "Unique pairs found in the cache on disk.", totals.cached),
        *_counter("pairs_computed", "Unique pairs that the model judged.", totals.computed),
        *_counter("pairs_rechecked", "Computed pairs that were scored a second time, alone.", totals.rechecked),
        *_counter("pairs_failed", "Pairs that the model could not judge.", totals.failed),
        *_counter("batches", "Batches that the model judged.", nli.batches),
        *_counter("model_seconds", "Seconds that the model spent on batches.", nli.model_seconds),
        *_head("pairs_waiting", "gauge", "Pairs in the queue or with the model."),
        _line("pairs_waiting", nli.waiting),
        *_head("requests_total", "counter", "Requests for verdicts, by status code."),
        *(_line("requests_total", count, {"code": code}) for code, count in sorted(requests.items())),
        *_head("request_seconds", "summary", "Time from a request's arrival to its verdicts."),
        _line("request_seconds_sum", seconds),
        _line("request_seconds_count", requests.get(200, 0)),
        *_head("model_info", "gauge", "The model that is served; absent while it is being loaded."),
        *([_line("model_info", 1, labels)] if labels else []),
    ]
    return "\n".join(lines) + "\n"


def _counter(name: str, says: str, value: float) -> list[str]:
    return [*_head(f"{name}_total", "counter", says), _line(f"{name}_total", value)]


def _head(name: str, kind: str, says: str) -> list[str]:
    return [f"# HELP groundeval_nli_{name} {says}", f"# TYPE groundeval_nli_{name} {kind}"]


def _line(name: str, value: float, labels: Mapping[str, Any] | None = None) -> str:
    # A JSON string has the escapes that the format wants: backslash, quote, line feed.
    inner = ",".join(f"{key}={json.dumps(str(each), ensure_ascii=False)}" for key, each in (labels or {}).items())
    return f"groundeval_nli_{name}{'{' + inner + '}' if inner else ''} {value}"
