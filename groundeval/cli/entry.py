"""The entry of the command `groundeval`: Ctrl-C is answered also while the command line is still being imported."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from groundeval.cli.app import main as run

        # It answers for itself from the moment in which a command begins.
        return run()
    except KeyboardInterrupt:
        print("interrupted: nothing was begun", file=sys.stderr)
        return 3
