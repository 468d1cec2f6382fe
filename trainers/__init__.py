"""Training on the same metric code that evaluates."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(
        f'this folder is the package groundeval.trainers and cannot be imported as "{__name__}": everything in it would '
        "exist twice. Write `import groundeval.trainers`, and keep the repository's root off sys.path."
    )
