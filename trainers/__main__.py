"""`accelerate launch -m groundeval.trainers RECIPE [flags]`: `groundeval train` in one of several processes."""

from __future__ import annotations

import sys

from groundeval.cli.app import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
