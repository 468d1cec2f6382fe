"""Texts that models and strangers wrote, made safe to show: nothing that can deceive a reader is left in them.

Escaping for HTML is the template engine's work; this module handles the rest: characters that reorder or hide text,
texts of any length, and the marks of Markdown.
"""

from __future__ import annotations

import html
import re

CLIP = 20_000
"""Most characters of one text that are shown; the run folder has the whole text."""

_DECEIVING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Control characters but tab and newline, bidirectional controls and isolates, invisible characters, tags, lone
surrogates. Zero-width joiners are among them: some emoji and scripts fall apart, which is better than hidden text."""
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n"
"""ASCII characters that are shown unchanged."""
_WWW = re.compile(r"(?i)(www)\.")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def visible(text: str, limit: int = CLIP) -> str:
    """The text with deceiving characters written out (`\\u202e`), cut to `limit` characters with a note of the rest."""
    if len(text) <= limit and text.isascii() and not text.encode("ascii").translate(None, _PLAIN):
        return text
    cut = text if len(text) <= limit else text[:limit]
    shown = _DECEIVING.sub(_written_out, cut.replace("\r\n", "\n"))
    return shown if len(text) <= limit else f"{shown}\n… {len(text) - limit:,} more characters are in the run folder."


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str, limit: int = 120) -> str:
    """The text as one line of at most `limit` characters."""
    line = " ".join(visible(text[: 4 * limit], 4 * limit).split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1].rstrip() + "…"


def plotly(text: str, limit: int = 60) -> str:
    """The text as one line that plotly shows literally: plotly reads some HTML tags, links among them, and `%{...}`."""
    line = one_line(text, limit)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")


def markdown(text: str, limit: int = 120) -> str:
    """The text as one line of Markdown in which nothing is markup: no link, image, HTML or cell border."""
    escaped = html.escape(_MARKDOWN.sub(r"\\\1", one_line(text, limit)), quote=False)
    linked = escaped.replace("://", ":\\/\\/").replace("@", "&#64;")
    return _WWW.sub(r"\1\\.", linked)
