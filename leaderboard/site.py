"""Pages from templates. All content is made visible, then escaped by the template engine."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from groundeval.console.sanitize import one_line, visible

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Content security policy of every page: only the site's own script files run, and nothing is fetched. Inline styles
are allowed because plotly positions its text with them."""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["line"] = one_line
    environment.filters["breakable"] = breakable
    environment.globals["policy"] = POLICY
    return environment


def breakable(text: str) -> Markup:
    """A name as HTML that a narrow column may break after `_`, `/` and `-`, and not in the middle of a word."""
    return Markup(re.sub(r"([_/-])(?=\w)", r"\1<wbr>", str(escape(text))))


def write_page(path: Path, template: str, **values: Any) -> None:
    """Render a template into a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page = _environment().get_template(template).render(**values)
    path.write_text(page, encoding="utf-8", newline="\n")
