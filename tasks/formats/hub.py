"""Fetching data files from the Hugging Face hub, tar members included."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from groundeval.errors import DataError
from groundeval.models.downloads import announce_file
from groundeval.models.hub import HubError, cache_folder, commit_of, hub_faults
from groundeval.scratch import scratch_folder


class Fetched(NamedTuple):
    """A file of the hub, on this machine."""

    path: Path
    name: str
    """`owner/dataset@commit/file`, for the manifest and for messages."""


class Unreachable(Exception):
    """The hub cannot provide the file; `str()` gives the file and the reason."""


class NotThere(Unreachable):
    """The hub has no such file."""


def plain_file(repositories: Sequence[str], file: str) -> Fetched:
    """A file of a data set that has been published under several names. Raises Unreachable if none has it."""
    absent: Unreachable | None = None
    for repository in repositories:
        try:
            return _downloaded(repository, file)
        except NotThere as error:
            absent = absent or error
    raise absent or Unreachable(f"no data set named for {file}")


def tar_member(repository: str, archive: str, member: str) -> Fetched:
    """One file of a tar archive on the hub, found by its name in any folder.

    Only this one regular file is written, under its bare name in groundeval's cache folder, so that nothing in an
    archive can end up elsewhere. Raises Unreachable, and DataError if the archive is damaged or lacks the file.
    """
    fetched = _downloaded(repository, archive)
    target = cache_folder() / "data" / fetched.name.replace("/", "--") / member
    if not target.is_file():
        _extract(fetched, member, target)
    return Fetched(target, f"{fetched.name}:{member}")


def _downloaded(repository: str, file: str) -> Fetched:
    try:
        with hub_faults():
            from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

            # Requesting the commit first fails at once without a connection; a download would retry for half a minute.
            commit = HfApi().dataset_info(repository, timeout=20).sha
            announce_file(repository, file, commit)
            path = Path(hf_hub_download(repository, file, repo_type="dataset", revision=commit))
    except HubError as error:
        if error.absent:
            raise NotThere(f"the hub has no {repository}/{file} ({error})") from error
        cached = try_to_load_from_cache(repository, file, repo_type="dataset")
        if not isinstance(cached, str):
            raise Unreachable(f"{repository}/{file} cannot be fetched from the hub ({error})") from error
        path = Path(cached)
    return Fetched(path, f"{repository}@{(commit_of(path) or 'unknown')[:12]}/{file}")


def _extract(archive: Fetched, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive.path) as tar:
            names = []
            for info in tar:
                names.append(info.name)
                content = tar.extractfile(info) if info.isreg() and Path(info.name).name == member else None
                if content is None:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with scratch_folder(target.parent, f".{target.name}.", ".part") as folder:
                    with (folder / target.name).open("wb") as part:
                        shutil.copyfileobj(content, part)
                    os.replace(folder / target.name, target)
                return
    except tarfile.TarError as error:
        raise DataError(
            f"{archive.name} is a damaged archive ({error}).\n  Delete {archive.path} and try again."
        ) from error
    raise DataError(f"{archive.name} has no file {member}; it has: {', '.join(sorted(names)[:20])}")
