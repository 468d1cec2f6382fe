"""The options of a Ray cluster: its address, how many actors work there, and what each of them occupies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from groundeval.errors import UsageError, excerpt, option, unknown

ADDRESS = re.compile(r"auto|(?:ray://)?(?:[\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """A Ray cluster and the share of it that a pool of actors takes."""

    address: str | None = None
    """`host:port` or `ray://host:port` of a running cluster, `auto` for one on this machine; None: one is started here
    for this process, and ends with it."""
    actors: int | None = None
    """Copies of the engine; None: one for each of the cluster's GPUs, or 2 where there are none."""
    cpus: float = 1
    """CPUs that each actor reserves; also the number of threads of its engine."""
    gpus: float | None = None
    """GPUs that each actor reserves, also a part of one; None: one where the cluster has any and the engine uses it."""

    @classmethod
    def of(cls, address: str | None, given: Mapping[str, Any]) -> ClusterOptions:
        """From `--ray-address` and the entries of `--ray`. Raises UsageError for an unknown entry or a bad value."""
        known = [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise unknown(f"{option('ray')} entry", name, known)
        found = cls(**{"address": address, **given})
        found._check()
        return found

    def _check(self) -> None:
        port = ADDRESS.fullmatch(str(self.address)) if self.address is not None else None
        if self.address is not None and (port is None or int(port[1] or 1) not in range(1, 65536)):
            raise UsageError(
                f"{option('ray_address', self.address)}: allowed are host:port, ray://host:port and auto (a cluster "
                "on this machine)"
            )
        whole = self.actors is None or (type(self.actors) is int and self.actors >= 1)
        for name, holds, allowed in (
            ("actors", whole, "a whole number of 1 or more"),
            ("cpus", _is_amount(self.cpus) and self.cpus > 0, "a number above 0"),
            ("gpus", self.gpus is None or _is_amount(self.gpus), "a number of 0 or more, whole if above 1"),
        ):
            if not holds:
                raise UsageError(f"{option('ray')}: {name}={excerpt(getattr(self, name))}; allowed: {allowed}")


def _is_amount(value: object) -> bool:
    """Whether Ray can reserve so much: any part of one, or whole ones."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= 1 or (1 < value < 1e6 and value == int(value))
