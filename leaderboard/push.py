"""`leaderboard push`: upload the site as a static Space, or as a dataset for browsing and download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from groundeval.errors import BackendError, DataError, MissingExtra, UsageError
from groundeval.leaderboard.files import KIND
from groundeval.leaderboard.place import MARK, check_site
from groundeval.scratch import temporary_folder
from groundeval.storage.folder import read_json

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Kind = Literal["space", "dataset"]

_CARDS: dict[str, str] = {
    "space": "---\ntitle: {title}\nemoji: 📚\ncolorFrom: blue\ncolorTo: gray\nsdk: static\n---\n\n{about}\n",
    "dataset": "---\npretty_name: {title}\ntags:\n- leaderboard\n- grounded-question-answering\n---\n\n{about}\n",
}
_TITLE = "Grounded question answering leaderboard"
_ABOUT = (
    "A leaderboard of systems that answer from documents with citations, or refuse. Open `index.html`; all numbers "
    "are in `leaderboard.json`, `leaderboard.csv` and `leaderboard.md`."
)
_FRESH = {".gitattributes", "README.md"}
"""The files of an empty repository."""
_TEMPLATE = {"index.html", "style.css"}
"""The files that the hub adds to a new static Space in its first commit."""
_FIRST = "initial commit"


def push(
    site: Path,
    repo: str,
    *,
    kind: Kind = "space",
    private: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
) -> str:
    """Upload a site; files that it no longer has are deleted there. Returns the address of the commit.

    `repo` is `owner/name`; it is created if it does not exist. `endpoint` and `token` default to huggingface_hub's own
    settings (HF_ENDPOINT, HF_TOKEN or the stored login). Raises UsageError for a folder that is not a site, an
    invalid name, and a repository that holds anything but an earlier site, BackendError if the hub refuses or is
    unreachable.
    """
    check_site(site)
    if kind not in _CARDS:
        raise UsageError(f"--to {kind}: allowed are {', '.join(_CARDS)}")
    try:
        from huggingface_hub import CommitOperationAdd, HfApi
        from huggingface_hub.errors import HFValidationError

        # The base of all errors of the HTTP library behind the client, httpx or httpx2: all versions have it here.
        from huggingface_hub.errors import HTTPError as HubError  # type: ignore[attr-defined]
    except ImportError as error:
        raise MissingExtra("leaderboard push", "leaderboard") from error
    api = HfApi(endpoint=endpoint, token=token)
    card = _CARDS[kind].format(title=_TITLE, about=_ABOUT)
    try:
        if api.repo_exists(repo, repo_type=kind):
            _check_replaceable(api, repo, kind)
        api.create_repo(
            repo, repo_type=kind, private=private, exist_ok=True, space_sdk="static" if kind == "space" else None
        )
        # First, so that an interrupted push leaves a leaderboard or nothing.
        done = api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=site,
            commit_message="Update the leaderboard",
            delete_patterns=["runs/**", "documents/**", "compare/**"],
        )
        api.create_commit(
            repo,
            [CommitOperationAdd("README.md", card.encode())],
            repo_type=kind,
            commit_message="Describe the leaderboard",
        )
    except HFValidationError as error:
        raise UsageError(f"{repo}: not the name of a repository (owner/name): {error}") from None
    except (HubError, OSError) as error:
        raise BackendError(f"the hub refused or cannot be reached: {error}") from error
    return str(done.commit_url)


def _check_replaceable(api: HfApi, repo: str, kind: Kind) -> None:
    """Raises UsageError if an upload could overwrite or delete anything but an earlier site."""
    others = sorted({*api.list_repo_files(repo, repo_type=kind)} - _FRESH)
    if not others:
        return
    if _TEMPLATE.issuperset(others):
        commits = api.list_repo_commits(repo, repo_type=kind)
        if [commit.title for commit in commits] == [_FIRST]:
            return
    if MARK in others:
        with temporary_folder("push") as folder:
            path = api.hf_hub_download(repo, MARK, repo_type=kind, local_dir=folder)
            if _is_ours(Path(path)):
                return
    raise UsageError(
        f"{repo}: already exists and holds no leaderboard but {', '.join(others[:3])}"
        f"{', ...' if len(others) > 3 else ''}, which an upload could overwrite or delete.\n"
        "  Choose a new repository, or an empty one."
    )


def _is_ours(path: Path) -> bool:
    try:
        found = read_json(path)
    except DataError:
        return False
    return isinstance(found, dict) and found.get("kind") == KIND
