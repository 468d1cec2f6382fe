"""The folder of a site: only an empty or new folder, or an earlier site with nothing else in it, is written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from groundeval.errors import DataError, UsageError, no_such
from groundeval.leaderboard.files import KIND
from groundeval.scratch import scratch_folder
from groundeval.storage.folder import read_json

MARK = "leaderboard.json"
"""The file that marks a folder as a site that may be replaced."""
PARTS = (MARK, "leaderboard.csv", "leaderboard.md", "index.html", "assets", "data", "documents", "runs", "compare")
"""All files and folders of a site."""


def check_replaceable(out: Path, sources: Sequence[Path]) -> None:
    """Raises UsageError if replacing the folder could lose anything but an earlier site."""
    if out.is_symlink():
        raise UsageError(f"--out {out}: is a link; name the folder itself")
    for source in sources:
        if source.resolve().is_relative_to(out.resolve()):
            raise UsageError(f"--out {out}: {source} lies in it, and would be replaced with it")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not is_site(out))):
        raise UsageError(f"--out {out}: already exists and is not a leaderboard; give an empty or a new folder")


def is_site(folder: Path) -> bool:
    """Whether a site was written there, and nothing else is in it."""
    if any(path.name not in PARTS for path in folder.iterdir()):
        return False
    try:
        found = read_json(folder / MARK)
    except DataError:
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


def check_site(site: Path) -> None:
    """Raises UsageError for a folder that `leaderboard build` did not write."""
    if not (site / MARK).is_file() or not (site / "index.html").is_file():
        raise UsageError(f"{site}: not a leaderboard. Build one first: groundeval leaderboard build runs/ --out {site}")


@contextmanager
def put_in_place(out: Path) -> Iterator[Path]:
    """A folder to write a site into; it replaces `out` once all is written, not before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(out.parent, f".{out.name}.", ".building") as temporary:
        site = temporary / "site"
        site.mkdir()
        yield site
        if out.exists():
            # Removing a large site takes long: it is moved away, so that there is always a whole one.
            os.replace(out, temporary / "before")
        os.replace(site, out)


def given_files(paths: Sequence[Path]) -> list[Path]:
    """The files named by `--data`, and those in the folders named. Raises UsageError for one that is not there."""
    missing = [path for path in paths if not path.is_file() and not path.is_dir()]
    if missing:
        raise no_such(missing[0], given=f"--data {missing[0]}")
    named = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return [file for file in named if file.is_file()]
