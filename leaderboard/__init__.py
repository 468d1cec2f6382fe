"""Tables, plots and pages from run folders."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(f'this folder is the package groundeval.leaderboard: import it as that, not as "{__name__}"')
