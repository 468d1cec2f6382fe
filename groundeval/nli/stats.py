"""The counts of an NLI service and of each asker."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class NLIStats:
    """What was asked of a service and what it cost: unique = cached + computed + failed, once nothing waits."""

    asked: int = 0
    """Questions, repeated ones included."""
    unique: int = 0
    """Different pairs among them."""
    cached: int = 0
    """Unique pairs known already: from the cache on disk, or because another scope of this process had asked."""
    computed: int = 0
    """Unique pairs that the model judged for this asker."""
    rechecked: int = 0
    """Computed pairs that were scored a second time, alone."""
    failed: int = 0
    """Pairs that the model could not judge (counted again when asked and failed again)."""

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Tally:
    """The counts of one asker, and which pairs it has asked before."""

    __slots__ = ("seen", "stats")

    def __init__(self) -> None:
        self.stats = NLIStats()
        self.seen: set[bytes] = set()
