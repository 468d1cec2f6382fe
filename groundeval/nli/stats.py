"""The counts of an NLI service and of each caller."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class NLIStats:
    """Counts of pairs; unique = cached + computed + failed once no pair waits."""

    asked: int = 0
    """Pairs asked, repetitions included."""
    unique: int = 0
    """Distinct pairs among them. Of an instant verifier a pair that comes again 65,536 pairs later counts again."""
    cached: int = 0
    """Unique pairs already known: from the cache on disk, or from another scope of this process."""
    computed: int = 0
    """Unique pairs that the model judged for this caller."""
    rechecked: int = 0
    """Computed pairs that were scored again, alone."""
    failed: int = 0
    """Pairs that the model could not judge (counted at each failure)."""

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Tally:
    """The counts of one caller, and the pairs it has asked before."""

    __slots__ = ("seen", "stats")

    def __init__(self) -> None:
        self.stats = NLIStats()
        self.seen: set[bytes] = set()
