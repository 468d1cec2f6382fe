"""The visible text of an output with HTML in it: tags resolved by an HTML5 parser (lexbor), as in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from groundeval.parsing.strict.marks import HIDDEN

_SHOWN_WORDS = """
    a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd
    details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr html i ins kbd label li main
    mark nav ol p pre q rp rt ruby samp section small span strong sub summary sup table tbody td tfoot th thead time
    tr tt u ul var wbr body form fieldset legend
"""
_SHOWN = frozenset(_SHOWN_WORDS.split())
"""Elements whose content a browser shows. Of other HTML elements it shows nothing, or something else."""
_HIDING_WORDS = """
    script style template noscript title head textarea select option datalist object iframe canvas audio video svg
    math meta link input button progress meter noframes noembed area map param embed frame frameset applet dialog
    del s strike img picture source track base
"""
_HIDING = frozenset(_HIDING_WORDS.split())
_BLOCKS_WORDS = """
    address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul
"""
_BLOCKS = frozenset(_BLOCKS_WORDS.split())
_OPENING = {"li": "- ", "blockquote": "> ", **{f"h{level}": f"{'#' * level} " for level in range(1, 7)}}
_PAIRED = frozenset("abiqsu")
"""One-letter elements: without an end tag, `a <b> c` is not markup."""
_TAG = re.compile(r"<(?:!|\?|/?([a-zA-Z][\w:-]*)([^<>]*))")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_SWITCHES = frozenset(("open", "hidden", "reversed", "inert", "nowrap", "disabled"))
"""Attributes without a value that shown and hidden elements may have."""
_CITING = re.compile(
    r"(?is)<(cite|ref|citation|source|doc|document|footnote|fn|passage)"
    r"(?:\s+(?:id|n|no|number|index|doc|document|source|ref|name|target)\s*=\s*[\"']?[a-z_-]{0,10}(?P<named>\d{1,3})[\"']?\s*(?P<empty>/)?)?\s*>"
    r"(?(empty)|(?P<inside>[^<>]*?)</\1\s*>)"
)
_CITING_ATTRIBUTE = re.compile(
    r"(?is)<([a-z]\w*)\s+(?:data-)?(?:docs?|documents?|sources?|cites?|citations?|refs?|passages?)\s*=\s*"
    r"[\"']?(\d{1,3}(?:\s*,\s*\d{1,3})*)[\"']?\s*>([^<>]*)</\1\s*>"
)
"""An element that says what its text is taken from: `<claim doc="2">...</claim>`."""
"""An element that names a source by its number: `<ref>2</ref>`, `<cite id="2">...</cite>`, `<source id="2"/>`."""
_NUMBERED = re.compile(r"\s*\[?(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]?\s*")
_NO_SIZE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0*(?:\.0\d*)?(?![\d.])|z-index\s*:\s*-"
    r"|font-size\s*:\s*[0-2](?:\.\d+)?(?:px|pt)"
    r"|(?:font-size|font|(?:max-)?(?:height|width)|line-height|scale)\s*:\s*0*(?:\.\d+)?(?:px|pt|em|rem"
    r"|%)?(?![\d.a-z%])"
    r"|(?:left|top|text-indent|right|bottom|margin(?:-left|-top)?)\s*:\s*-\d{3,}|clip(?:-path)?\s*:"
    r"|(?<![-\w])color\s*:|transform\s*:|text-decoration[^;]*line-through|filter\s*:|content-visibility",
    re.IGNORECASE,
)
"""Styles that hide text. Any colour counts, since it may be that of the background."""
_FOR_MACHINES = re.compile(
    r"(?:^|[\s_-])(?:sr-only|screen-reader\S*|visually-?hidden|hidden|invisible|d-none|offscreen|opacity-0"
    r"|text-transparent)"
    r"(?:$|\s)",
    re.IGNORECASE,
)
_SAYS = ("alt", "title", "aria-label", "placeholder", "value", "content", "data-content", "summary", "label")
_RAISED = str.maketrans("0123456789+-−()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾")
_DEGREE_LETTERS = ("o", "º", "°")
_LOWERED = str.maketrans("0123456789+-−()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎")


def has_markup(text: str) -> bool:
    """Whether the text holds an HTML tag, comment or character reference."""
    if "<" in text and (_CITING.search(text) is not None or _CITING_ATTRIBUTE.search(text) is not None):
        return True
    return ("<" in text and any(_is_tag(found, _closed(text)) for found in _TAG.finditer(text))) or bool(
        "&" in text and _ENTITY.search(text)
    )


def shown(text: str) -> str:
    """The text as a browser shows it, blocks on lines of their own; what it hides leaves the mark `HIDDEN`.

    Text that is not an HTML tag (`a <b and c> d`) stays. List items, quotes and headings get Markdown's marks.
    """
    text = _CITING_ATTRIBUTE.sub(_attributed, _CITING.sub(_cited, text))
    closed = _closed(text)
    escaped = _TAG.sub(lambda found: found[0] if _is_tag(found, closed) else "&lt;" + found[0][1:], text)
    root = LexborHTMLParser(f"<body>{_keep_lines(escaped)}").root
    if root is None:
        return HIDDEN
    laid = re.sub(r"\n+(?=- )", "\n", "".join(_pieces(root)))
    return re.sub(r"\n{3,}", "\n\n", laid).replace("\ue003", "\n").strip("\n")


def _cited(found: re.Match[str]) -> str:
    """The text of an element with the number of its source in brackets; without a source it is unchanged."""
    inside = found["inside"] or ""
    if number := _NUMBERED.fullmatch(inside):
        return f"[{number[1]}]"
    return found[0] if found["named"] is None else f"{inside}[{found['named']}]"


def _attributed(found: re.Match[str]) -> str:
    """The text of an element as a sentence of its own, which cites what the element names."""
    said = found[3].rstrip()
    return f"{said}[{found[2]}] " if said.endswith((".", "!", "?")) else f"{said} [{found[2]}]. "


def _keep_lines(text: str) -> str:
    return text.replace("\n", "\ue003")


@lru_cache(maxsize=64)
def _closed(text: str) -> frozenset[str]:
    """The elements that have an end tag."""
    return frozenset(name.lower() for name in re.findall(r"</([a-zA-Z][\w:-]*)\s*>", text))


def _is_tag(found: re.Match[str], closed: frozenset[str]) -> bool:
    name = found[1]
    if name is None:
        return True
    if attributes := found[2].strip(" /\t\n\ue003"):
        return "=" in attributes or not _SWITCHES.isdisjoint(attributes.lower().split())
    if name.lower() in _PAIRED:
        return name.lower() in closed
    # A browser shows the content of elements that it does not know.
    return name.lower() in _SHOWN or name.lower() in _HIDING or name.lower() in closed


def _pieces(node: Any) -> Iterator[str]:
    child = node.child
    while child is not None:
        yield from _piece(child)
        child = child.next


def _piece(node: Any) -> Iterator[str]:
    tag = node.tag or "-"
    if tag == "-text":
        yield node.text(deep=False)
        return
    if tag in ("-comment", "-doctype", "!doctype") or tag.startswith("-"):
        yield HIDDEN if node.html and any(map(str.isalnum, node.html[4:-3])) else ""
        return
    inside = "".join(_pieces(node))
    if tag == "head" and not inside:
        return
    attributes = {name: value or "" for name, value in node.attributes.items()}
    if _is_hidden(tag, attributes) or (not inside.strip() and any(attributes.get(name) for name in _SAYS)):
        yield HIDDEN if inside.strip() or any(attributes.get(name) for name in _SAYS) else ""
    elif tag in ("sup", "sub") and re.fullmatch(r"[\d+\-−()]+(?:,\s?\d+)*", inside.strip()):
        yield inside.strip().translate(_RAISED if tag == "sup" else _LOWERED)
    elif tag == "sup" and inside.strip() in _DEGREE_LETTERS:
        yield "°"
    elif tag in ("td", "th"):
        yield f"{inside.strip()}: " if node.next is not None else inside.strip()
    elif tag in _BLOCKS or (tag not in _SHOWN and _stands_alone(node)):
        yield "\n\n" if tag == "p" else "\n"
        yield _OPENING.get(tag, "") + inside
        yield "\n\n" if tag == "p" else "\n"
    else:
        yield inside


def _stands_alone(node: Any) -> bool:
    """Whether an unknown element has only blanks, line ends or other elements around it: a record, not a word."""
    return all(
        beside is None or (beside.tag or "-") != "-text" or not beside.text(deep=False).strip(" \t\n\ue003")
        for beside in (node.prev, node.next)
    )


def _is_hidden(tag: str, attributes: dict[str, str]) -> bool:
    if tag in _HIDING or (tag not in _SHOWN and tag not in ("html", "body") and "hidden" in attributes):
        return True
    if "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true":
        return True
    if tag == "font" and (attributes.get("size", "").strip().lstrip("+-0") == "" and "size" in attributes):
        return True
    if any(attributes.get(side, "").strip().rstrip("px%") in ("0", "1") for side in ("width", "height")):
        return True
    if tag == "font" and "color" in attributes:
        return True
    style, kind = attributes.get("style", ""), attributes.get("class", "")
    return bool((style and _NO_SIZE.search(style)) or (kind and _FOR_MACHINES.search(kind)))
