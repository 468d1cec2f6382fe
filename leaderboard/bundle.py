"""Files shared by all pages: styles, scripts, and two libraries from their Python packages."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

from groundeval.errors import DataError, MissingExtra
from groundeval.extras import require

OWN = Path(__file__).parent / "assets"
EXTRA = "leaderboard"

_EXPORT = re.compile(r"\bexport\s*\{([^}]*)\}\s*;?")


def write_own_assets(folder: Path) -> None:
    """Write our own styles and scripts: all that the sample viewer needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(OWN.iterdir()):
        shutil.copyfile(path, folder / path.name)


def write_assets(folder: Path) -> None:
    """Write styles, scripts and libraries. Raises MissingExtra if a library's package is not installed."""
    require(EXTRA, "The leaderboard")
    write_own_assets(folder)
    shutil.copyfile(_package("plotly") / "package_data" / "plotly.min.js", folder / "plotly.min.js")
    tables = _package("itables") / "html"
    shutil.copyfile(tables / "dt_bundle.css", folder / "datatables.css")
    bundle = (tables / "dt_bundle.js").read_text(encoding="utf-8")
    (folder / "datatables.js").write_text(as_classic_script(bundle, "DataTable"), encoding="utf-8")


def as_classic_script(module: str, name: str) -> str:
    """A JavaScript module without imports as a script that stores its default export in a global variable.

    Browsers load only scripts from a local folder, not modules. Raises DataError for a module without such an export.
    """
    found = list(_EXPORT.finditer(module))
    names = [part.split() for match in found for part in match[1].split(",")]
    default = next((words[0] for words in names if words[1:] == ["as", "default"]), None)
    if len(found) != 1 or default is None:
        raise DataError("the table library's bundle has no default export: this version of itables is not supported")
    start, end = found[0].span()
    return f"(function(){{{module[:start]}\nwindow.{name}={default};\n{module[end:]}\n}})();\n"


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingExtra("The leaderboard", EXTRA)
    return Path(spec.origin).parent
