"""Announcing the size of downloads from the hub before they start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from groundeval.console.progress import say
from groundeval.console.tally import size
from groundeval.models.hub import is_online, use_cache_if_unreachable

_SECONDS = 10.0
"""Timeout of the request for file sizes, in seconds; after it the download starts without an announcement."""
_SMALL = 20e6
"""Size in bytes below which a download is not announced."""
_LOADED = (".json", ".jinja", ".txt", ".model", ".py")
_SAFE, _OTHER = ".safetensors", ".bin"
_KNOWN_AS = ("adapter_", "model", "pytorch_model")


def announce_model(repository: str, revision: str | None = None, *, only: str | None = None) -> None:
    """Say how large a model of the hub is, where files of it lack in the cache; `only`: one file of it is loaded.

    Says nothing of folders, of what is cached, and where the hub does not answer: then loading says what is wrong.
    """
    if repository not in _said and lacks(repository, revision):
        use_cache_if_unreachable()
        _announce(repository, revision, "model", only)


def will_be_downloaded(repository: str) -> bool:
    """Whether using a model of the hub downloads it: it is not here, and the hub answers.

    Asked by a caller that says so itself: `announce_model` then leaves it at that.
    """
    if not lacks(repository):
        return False
    use_cache_if_unreachable()
    if not is_online():
        return False
    _said.add(repository)
    return True


_said = set[str]()
"""Models whose download has been announced."""


def announce_file(repository: str, file: str, revision: str | None = None) -> None:
    """Say how large a file of a data set of the hub is, unless it is in the cache."""
    _announce(repository, revision, "dataset", file)


def lacks(repository: str, revision: str | None = None) -> bool:
    """Whether a name can only be a model of the hub whose weights are not in the cache."""
    try:
        return not Path(repository).expanduser().exists() and not is_cached(repository, revision)
    except ValueError:  # no name that the hub could have
        return False


def is_cached(repository: str, revision: str | None = None) -> bool:
    """Whether weights of a model are in the hub's cache; the hub is not asked."""
    from huggingface_hub import try_to_load_from_cache

    names = [f"{stem}{ending}" for stem in ("model.safetensors", "pytorch_model.bin") for ending in ("", ".index.json")]
    return any(isinstance(try_to_load_from_cache(repository, name, revision=revision), str) for name in names)


@lru_cache(maxsize=64)
def _announce(repository: str, revision: str | None, kind: Literal["model", "dataset"], only: str | None) -> None:
    try:
        missing = dict(_missing(repository, revision, kind, only))
    except Exception:  # any failure of the hub is found, and explained, by the download itself
        return
    total = sum(missing.values())
    if total >= _SMALL:
        files = f"{len(missing)} files" if len(missing) > 1 else next(iter(missing))
        say(f"downloading {repository}: {size(total)} ({files})")


def _missing(
    repository: str, revision: str | None, kind: Literal["model", "dataset"], only: str | None
) -> Iterable[tuple[str, int]]:
    """The files that will be downloaded, with their sizes in bytes."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    found: Any = HfApi().repo_info(repository, revision=revision, repo_type=kind, files_metadata=True, timeout=_SECONDS)
    files = {each.rfilename: int(each.size or 0) for each in found.siblings or ()}
    wanted = [only] if only is not None else loaded_files(list(files))
    for name in wanted:
        cached = try_to_load_from_cache(repository, name, revision=revision or found.sha, repo_type=kind)
        if name in files and not isinstance(cached, str):
            yield name, files[name]


def loaded_files(names: Sequence[str]) -> list[str]:
    """Of the files of a model's repository, those that loading it reads: its weights once, and what is small."""
    top = [name for name in names if "/" not in name]
    weights = [name for name in top if name.startswith(_KNOWN_AS)]
    ending = _SAFE if any(name.endswith(_SAFE) for name in weights) else _OTHER
    return [name for name in top if name.endswith(_LOADED) or (name in weights and name.endswith(ending))]
