"""Training on the same metric code that evaluates."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(f'this folder is the package groundeval.trainers: import it as that, not as "{__name__}"')
