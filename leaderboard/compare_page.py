"""A comparison as files: Markdown, JSON and a page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from groundeval.comparison.compare import Comparison
from groundeval.comparison.markdown import as_markdown, fraction, number, rank_title
from groundeval.leaderboard.bundle import OWN
from groundeval.leaderboard.site import write_page


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write compare.md, compare.json, compare.html and the page's styles into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.md").write_text(as_markdown(comparison), encoding="utf-8")
    (folder / "compare.json").write_text(json.dumps(comparison.as_json(), indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(OWN / "site.css", folder / "site.css")
    write_page(
        folder / "compare.html",
        "compare.html",
        comparison=comparison,
        fraction=fraction,
        number=number,
        rank=rank_title(comparison),
    )
