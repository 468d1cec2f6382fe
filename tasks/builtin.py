"""The tasks that ship with groundeval; importing this module registers them."""

from __future__ import annotations

from groundeval.tasks import (  # noqa: F401
    asqa,
    eli5,
    qampari,
    trust_asqa,
    trust_eli5,
    trust_expertqa,
    trust_qampari,
)
