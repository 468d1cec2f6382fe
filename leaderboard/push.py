"""`leaderboard push`: the site as a static Space, or as a dataset whose files can be browsed and downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from groundeval.errors import BackendError, MissingExtra, UsageError
from groundeval.leaderboard.serve import check_site

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
    settings (HF_ENDPOINT, HF_TOKEN or the stored login). Raises UsageError for a folder that is no site or a name that
    is none, BackendError where the hub refuses or cannot be reached.
    """
    check_site(site)
    if kind not in _CARDS:
        raise UsageError(f"--to {kind}: allowed are {', '.join(_CARDS)}")
    try:
        from huggingface_hub import CommitOperationAdd, HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtra("leaderboard push", "leaderboard") from error
    api = HfApi(endpoint=endpoint, token=token)
    card = _CARDS[kind].format(title=_TITLE, about=_ABOUT)
    try:
        api.create_repo(
            repo, repo_type=kind, private=private, exist_ok=True, space_sdk="static" if kind == "space" else None
        )
        api.create_commit(
            repo,
            [CommitOperationAdd("README.md", card.encode())],
            repo_type=kind,
            commit_message="Describe the leaderboard",
        )
        done = api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=site,
            commit_message="Update the leaderboard",
            delete_patterns=["runs/**", "documents/**"],
        )
    except HFValidationError as error:
        raise UsageError(f"{repo}: not the name of a repository (owner/name): {error}") from None
    except (HfHubHTTPError, OSError) as error:
        raise BackendError(f"the hub refused or cannot be reached: {error}") from error
    return str(done.commit_url)
