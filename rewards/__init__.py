"""Reward recipes built on the metric functions, and adapters to trainers."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(
        f'this folder is the package groundeval.rewards and cannot be imported as "{__name__}": everything in it would '
        "exist twice. Write `import groundeval.rewards`, and keep the repository's root off sys.path."
    )
