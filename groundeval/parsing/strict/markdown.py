"""The visible text of Markdown, one block per line: parsed by markdown-it, written with as few marks as possible.

Headings begin with `# `, list items with `- `; the cells of a table row are joined by colons; paragraphs are separated
by a blank line. Emphasis, links and escapes leave their text, images nothing, struck-out text the mark `HIDDEN`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from groundeval.parsing.strict.citations import numbers, read_citations
from groundeval.parsing.strict.disowned import may_deny
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.sources import SOURCE
from groundeval.parsing.strict.splitting import STARTER

HEADING, ITEM = "# ", "- "
_MARKS = re.compile(r"[*_`~|#\\\n]")
_MARKED_START = re.compile(r"\s*(?:(?:[-+>]|\(?\d{1,2}[.)])\s|[\[{]\s*[\"{\[])")
_SOURCES = re.compile(rf"(?i)(?:{SOURCE}|citations?|cites?|cited)(?: ?(?:no|nr|id|number)s?)?[.:#]?")
"""The head of a column of sources."""
_NARROWEST = 30
"""The least number of characters to which text is filled."""
_STOPS = (".", "!", "?", "。", "।", "؟")
_ENDINGS = (*_STOPS, ":", ";", ")", "]", "】", "}")
_NUMBER = re.compile(r"\d{1,3}(?:\s*[,;-]\s*\d{1,3})*")
_MORE_THAN = re.compile(r"(?m)^([ \t]*)>(?=[ \t]*[~≈$€£]?\d)")
"""`> 4,207 metres` means "more than"; it is not a quotation."""
_TIMES = re.compile(r"(?<=\d)\*(?=\d)")
_ROMAN_LIST = re.compile(r"(?ms)^[ \t]*(?:I|i)[.)][ \t]+\S.*^[ \t]*(?:II|ii)[.)][ \t]+\S")
_ROMAN_MARK = re.compile(r"(?m)^([ \t]*)[IVXivx]{1,5}[.)][ \t]+(?=\S)")
_CITING_WORDS = """
    citation citations cite cites source sources doc docs document documents ref refs reference references evidence
    passage passages support supports cited_documents source_ids doc_ids
"""
_CITING = frozenset(_CITING_WORDS.split())
_IDENTIFYING = _CITING | frozenset(("id", "number", "index", "no", "n"))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return parser.disable(["reference", "code", "entity", "html_block", "html_inline", "autolink"], ignoreInvalid=True)


def has_layout(text: str) -> bool:
    """Whether the text may render differently from its source."""
    is_linked = "](" in text or "![" in text
    return is_linked or _MARKED_START.match(text) is not None or _MARKS.search(text) is not None


def laid_out(text: str) -> str:
    """The text as blocks, one per line; JSON, alone or in a code block, is read as the statements it holds."""
    if (values := _json(text) or _json_records(text)) is not None:
        return "\n".join(values)
    if _ROMAN_LIST.search(text):
        text = _ROMAN_MARK.sub(r"\1- ", text)
    lines = list(_lines(_parser().parse(_TIMES.sub(r"\\*", _MORE_THAN.sub(r"\1\\>", text)))))
    return "\n".join(lines).strip("\n")


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    items = 0
    heading = header = False
    row: list[str] | None = None
    columns: list[str] = []
    for token in tokens:
        kind = token.type
        if kind == "list_item_open":
            items += 1
        elif kind in ("bullet_list_close", "ordered_list_close"):
            yield ""
        elif kind in ("heading_open", "heading_close"):
            heading = kind == "heading_open"
        elif kind in ("thead_open", "thead_close"):
            header = kind == "thead_open"
        elif kind == "tr_open":
            row = []
        elif kind == "tr_close" and row is not None:
            columns, cells = (row, row) if header else (columns, _with_sources(row, columns))
            yield (HEADING if header else ITEM) + ": ".join(cell for cell in cells if cell)
            row = None
        elif kind == "table_close" or (kind == "paragraph_close" and not token.hidden):
            yield ""
        elif kind == "inline":
            written = list(_inline_lines(_rejoined(token.children or [])))
            if row is not None:
                row.append(" ".join(written))
                continue
            for text in written:
                opening = HEADING if heading else ITEM if items else ""
                yield text if text.startswith(HEADING) else opening + text
                items = 0
        elif kind in ("fence", "code_block"):
            yield from _json(token.content) or token.content.splitlines()
            yield ""


def _with_sources(row: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The cells of a row; a bare number in a column of sources cites."""
    headed = [*columns, *[""] * (len(row) - len(columns))]
    return [
        f"[{cell}]" if _NUMBER.fullmatch(cell) and _SOURCES.fullmatch(head) else cell
        for cell, head in zip(row, headed, strict=False)
    ]


def _rejoined(children: Sequence[Token]) -> Sequence[Token]:
    """The tokens of a paragraph; where it is filled to one width, its lines go on, and a blank stands for their ends.

    It is filled if the first word of each line had no room in the one before, and if it ends like a sentence. A line
    that ends like one, or stands before a word with which sentences begin, is one of its own, as models write them. So
    is one that ends in hidden text, which belongs to what it follows, whatever lines come after.
    """
    ends = [place for place, child in enumerate(children) if child.type == "softbreak"]
    if not ends:
        return children
    lines = "".join("\n" if child.type == "softbreak" else child.content for child in children).split("\n")
    width = max(map(len, lines))
    if width < _NARROWEST or not lines[-1].rstrip('"”)]*_ ').endswith(_STOPS):
        return children
    if any(len(line) + 1 + len(after.split(" ", 1)[0]) <= width for line, after in pairwise(lines)):
        return children
    goes_on = {
        place
        for place, (line, after) in zip(ends, pairwise(lines), strict=True)
        if not line.rstrip().endswith((*_ENDINGS, HIDDEN)) and not STARTER.match(after)
    }
    return [Token("text", "", 0, content=" ") if n in goes_on else child for n, child in enumerate(children)]


def _inline_lines(children: Iterable[Token]) -> Iterator[str]:
    """The lines of an inline text; a line that is bold from end to end is a heading."""
    line, bold, struck, outside, strong = "", 0, 0, "", ""
    for child in [*children, Token("softbreak", "br", 0)]:
        if child.type in ("softbreak", "hardbreak"):
            if line.strip():
                is_heading = (
                    bool(strong.strip()) and not outside.strip(" :\t") and not line.rstrip().endswith((".", "!", "?"))
                )
                yield (HEADING if is_heading else "") + line.strip()
            line = outside = strong = ""
        elif child.type in ("strong_open", "strong_close"):
            bold += child.nesting
        elif child.type in ("s_open", "s_close"):
            struck += child.nesting
            line += HIDDEN if child.type == "s_open" else ""
        elif child.type == "image":
            line += HIDDEN if child.content.strip() else ""
        elif child.type in ("link_open", "link_close"):
            line, outside, strong = _linked(line, child, outside, strong)
        elif not struck and child.content:
            line += child.content
            if bold:
                strong += child.content
            else:
                outside += child.content


_LINK = "\ue002"


def _linked(line: str, child: Token, outside: str, strong: str) -> tuple[str, str, str]:
    """Read a link whose text is a number as a citation: `[1](https://...)` as `[1]`."""
    if child.type == "link_open":
        return line + _LINK, outside, strong
    before, _, label = line.rpartition(_LINK)
    number = re.fullmatch(r"\s*\[?(" + _NUMBER.pattern + r")\]?\s*", label)
    return before + (f"[{number[1]}]" if number else label), outside, strong


def _json(text: str) -> list[str] | None:
    """The lines of a JSON object or array; None if the text is neither."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in ("{}", "[]") or '"' not in stripped:
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return list(_json_lines(value)) or ["null"]


def _json_records(text: str) -> list[str] | None:
    """The lines of JSON objects, one to a line of the text, or None if some line is none."""
    records = [line for line in text.splitlines() if line.strip()]
    if len(records) < 2 or not all(line.strip().startswith("{") for line in records):
        return None
    read = [_json(line) for line in records]
    return None if None in read else [_as_item(line) for lines in read for line in lines or ()]


def _as_item(line: str) -> str:
    return line if line.startswith(HEADING) else ITEM + line.removeprefix(ITEM)


def _numbers_in(value: Any) -> list[int]:
    """The document numbers that a JSON value holds, and nothing else; empty if it holds any other text."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, str):
        return [*(numbers(value.strip("[]() ")) or ())]
    if isinstance(value, dict):
        return [*chain.from_iterable(_numbers_in(each) for key, each in value.items() if key.lower() in _IDENTIFYING)]
    found = [_numbers_in(each) for each in value]
    return [*chain.from_iterable(found)] if all(found) else []


def _json_lines(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict):
        cited, said = "", []
        for key, each in value.items():
            name = key.replace("_", " ")
            if key.lower() in _CITING and (found := _numbers_in(each)):
                cited += "".join(f"[{number}]" for number in found)
            elif isinstance(each, (dict, list, str)) and may_deny(name):
                said += [HEADING + name, *_json_lines(each, depth + 1), HEADING]
            elif isinstance(each, (dict, list)):
                said += list(_json_lines(each, depth + 1))
            elif isinstance(each, bool):
                said.append(name if each else f"not {name}")
            elif each is not None:
                said.append(str(each))
        last = max((place for place, line in enumerate(said) if not line.startswith(HEADING)), default=None)
        if last is not None and cited and read_citations(said[last]).marks:
            said.append(f"Sources: {cited}")
        elif last is not None and cited:
            said[last] = f"{said[last]} {cited}"
        yield from said
    elif isinstance(value, list):
        for each in value:
            yield from map(_as_item, _json_lines(each, depth + 1))
    elif value is not None:
        yield str(value)
