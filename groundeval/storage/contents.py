"""What a folder holds that can be scored, for messages about one that is neither a run nor a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from groundeval.storage.any_records import has_known_name
from groundeval.storage.generations import GENERATIONS

_DEPTH, _MOST = 3, 10_000
"""Levels and files that are looked through."""


def runs_below(folder: Path, most: int) -> list[Path]:
    """The first run folders below a folder, by their manifests and answers."""
    manifests = (path for path in _files(folder) if path.name == "manifest.json")
    return list(islice((path.parent for path in manifests if any(path.parent.glob(GENERATIONS))), most))


def files_below(folder: Path, most: int) -> list[Path]:
    """The first files below a folder whose names are those of formats that can be read, the nearest first."""
    return sorted(filter(has_known_name, _files(folder)), key=lambda path: (len(path.parts), path))[:most]


def _files(folder: Path) -> Iterator[Path]:
    return islice(_walked(folder), _MOST)


def _walked(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [] if depth == _DEPTH else sorted(each for each in folders if not each.startswith("."))
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))
