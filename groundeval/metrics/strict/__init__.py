"""Metrics that only profile `strict` has (docs/metrics.md); importing this package registers them."""

from __future__ import annotations

from groundeval.metrics.strict import citation, correctness, grounded, outcome, score  # noqa: F401
