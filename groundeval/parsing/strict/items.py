"""Splitting a list answer into items under profile `strict`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.above import Above
from groundeval.parsing.strict.carriers import carries, without_carriers
from groundeval.parsing.strict.citations import Cited, read_citations
from groundeval.parsing.strict.denial import has_denial_sign, is_denied, told_of
from groundeval.parsing.strict.markdown import HEADING, ITEM
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.source_lists import NOTE, SOURCES_HEADING, SOURCES_LINE, with_source_list
from groundeval.parsing.strict.splitting import spans
from groundeval.parsing.strict.statements import (
    HEADING_WORDS,
    LABEL,
    LIST_MARK,
    enclosed,
    introduced,
    introduces,
    lines_of,
)
from groundeval.parsing.strict.words import words

_ITEM_END = re.compile(r",(?!\d{3}(?!\d))|[;\n、，；/|]|\s[·•∙・+→]\s")
_JOINING = re.compile(
    r"(?:(?:and|or|und|et|y|as well as|plus|along with|together with|followed by|then|finally|lastly|also)\b|&)\s*"
    r"(?:(?:then|finally|lastly|also)\b\s*)?",
    re.IGNORECASE,
)
_DASH = re.compile(r"\s*[–—-]\s+")
_ADVERBIAL = re.compile(r"(?i)(?:in|on|at|by|during|after|before|from|since)\b[^,]{1,40}$")
"""What a sentence may begin with before a comma: `In October 1671`."""
_SMALL = re.compile(r"\s+[a-zà-ÿ]+['’]?[ -][^\W_]")
_ORDINAL = re.compile(
    r"(?i)(?:first|second|third|fourth|fifth|sixth|last|next|final)(?:ly)?|then|also|in addition|moreover|furthermore"
)
"""Words that count the items of a list."""


@remembered(1_024)
def items(text: str) -> tuple[Part, ...]:
    """The items of a list answer, separated by commas, semicolons, slashes, line ends, and the `and` before the last.

    A line with several is one item if it cites once, at its end. An item without a citation shares those of the next
    in its line. Sentences that list nothing are asides.
    """
    lines = lines_of(text)
    is_one = sum(bool(line.strip()) for line in lines) == 1
    found: list[Part] = []
    waiting: tuple[int, ...] = ()
    in_sources = hidden = False
    above = Above()
    for line in lines:
        if not line.strip():
            above.blank()
            continue
        mark = LIST_MARK.match(line)
        bare = line[mark.end() :] if mark else line
        cited = _without_lead(without_carriers(read_citations(bare)))
        everything = tuple(index for _, each in cited.marks for index in each)
        said = cited.plain.strip()
        if (
            everything
            and said.endswith((":", "："))
            and cited.marks[-1][0] < len(cited.plain.rstrip())
            and carries(said)
        ):
            # "Document 2:" over its items
            found.append(Part(said, everything, "source"))
            continue
        in_sources = in_sources or bool(SOURCES_LINE.match(said) or (SOURCES_HEADING.match(said) and words(said) <= 3))
        if (in_sources and everything) or (bare.lstrip().startswith("[^") and NOTE.match(cited.plain)):
            found.append(Part(said, everything, "source"))
        elif not any(map(str.isalnum, said)) and not enclosed(said):
            hidden = hidden or HIDDEN in said
            waiting += everything if not found else ()
            if found and everything:
                found[-1] = found[-1]._replace(citations=found[-1].citations + everything)
        elif line.startswith(HEADING) or (said.endswith((":", "：")) and not everything):
            head = Part(said, everything, "aside" if words(said) <= HEADING_WORDS else "claim")
            found += above.over(line, [head])
        else:
            denied = is_denied(line, bare)
            lead, cited = _lead_and_rest(cited) if not line.startswith(ITEM) else ("", cited)
            own = _items_of(cited, one=line.startswith(ITEM) and not is_one, denied=denied)
            if own and waiting:
                own[0] = own[0]._replace(citations=waiting + own[0].citations)
                waiting = ()
            found += above.over(line, [*([Part(lead, (), "aside")] if lead else []), *own], is_list=True)
    if hidden and found:
        found[-1] = found[-1]._replace(plain=found[-1].plain + HIDDEN)
    return tuple(with_source_list(told_of(found)))


def _lead_and_rest(cited: Cited) -> tuple[str, Cited]:
    """The words before the only colon of a line that lists several things behind it, and the line without them."""
    found = _LEAD.match(cited.plain)
    if found is None or not LEAST_LEAD <= words(found[0]) <= HEADING_WORDS or LABEL.match(cited.plain):
        return "", cited
    end, rest = found.end(), cited.plain[found.end() :]
    several = (_ITEM_END.search(rest) or len(cited.marks) > 1) and not _ITEM_END.search(found[0])
    if not several or ":" in rest or any(offset <= end for offset, _ in cited.marks):
        return "", cited
    return found[0].strip(), Cited(rest, tuple((offset - end, indices) for offset, indices in cited.marks))


LEAST_LEAD = 3
"""Words. Fewer before a colon are the item itself, which something is said of."""
_LEAD = re.compile(r"[^:：\n.]*[:：]\s+")


def _without_lead(cited: Cited) -> Cited:
    """The line without the words that introduce the first citation of a sentence: `According to [1], ...`; what the
    sentence cites again counts once."""
    marks = list(cited.marks)
    if not marks:
        return cited
    pieces, end, removed, place = list[str](), 0, 0, 0
    found: list[tuple[int, tuple[int, ...]]] = []
    for start, stop in spans(cited.plain):
        own = []
        while place < len(marks) and (marks[place][0] <= stop or stop == len(cited.plain)):
            own.append(marks[place])
            place += 1
        if own and (begin := _lead_end(cited.plain, start, stop, own[0][0])):
            pieces.append(cited.plain[end:start])
            removed += begin - start
            end = begin
            again = len(own) > 1 and {*own[1][1]}.issuperset(own[0][1])
            # Behind the first letter, so that it belongs to this sentence.
            first = (begin + 1, own[0][1])
            own = own[1:] if again else [first, *own[1:]]
        found += [(offset - removed, indices) for offset, indices in own]
    return Cited("".join([*pieces, cited.plain[end:]]), (*found, *marks[place:])) if end else cited


def _lead_end(plain: str, start: int, stop: int, offset: int) -> int:
    lead = plain[start:offset]
    if start >= offset or not any(map(str.isalpha, lead)) or not introduces(lead):
        return 0
    return introduced(plain, offset, stop, in_words=True)


def _items_of(cited: Cited, *, one: bool, denied: bool) -> list[Part]:
    plain = cited.plain
    label = LABEL.match(plain)
    begin = label.end() if label else 0
    offsets = {offset for offset, _ in cited.marks}
    ends = [found.span() for found in _ITEM_END.finditer(plain, begin) if not _goes_on(plain, begin, found, offsets)]
    # After a citation a word or a dash joins items; elsewhere it may be part of a name.
    ends += [(offset, offset) for offset, _ in cited.marks if _JOINING.match(plain[offset:].lstrip())]
    ends += [(offset, dash.end()) for offset, _ in cited.marks[:-1] if (dash := _DASH.match(plain, offset)) is not None]
    stops = [end for _, end in spans(plain)][:-1]
    cuts = sorted([*ends, *((stop, stop) for stop in stops)])
    if one and len(cited.marks) <= 1 and not re.search(r"[/|;]", plain):
        cuts = []
    pieces: list[tuple[int, int]] = []
    for first, after in cuts:
        pieces.append((begin, first))
        begin = after
    pieces.append((begin, len(plain)))
    starts = [_first_letter(plain, first, last) for first, last in pieces]
    cited_by: list[list[int]] = [[] for _ in pieces]
    leads = (
        bool(cited.marks) and not plain[: cited.marks[0][0]].strip() and bool(plain[cited.marks[-1][0] :].strip(" ."))
    )
    for offset, indices in cited.marks:
        before = bisect_left(starts, offset)
        cited_by[min(before, len(pieces) - 1) if leads else max(0, before - 1)] += indices
    parts = []
    for (first, last), own in zip(pieces, cited_by, strict=True):
        text = plain[first:last].strip().rstrip(".:").strip(" “”\"'")
        if (joining := _JOINING.match(text)) and any(map(str.isalnum, text[joining.end() :])):
            text = text[joining.end() :]
        if not own and _ORDINAL.fullmatch(text):
            continue
        if any(map(str.isalnum, text)) or enclosed(text) or own:
            hidden = HIDDEN if HIDDEN in plain and HIDDEN not in text else ""
            parts.append(Part(text + hidden, tuple(own), denied=denied or has_denial_sign(text)))
    parts = _with_loose(parts)
    for place in range(len(parts) - 2, -1, -1):
        following = parts[place + 1]
        if not parts[place].citations and (following.citations or following.inherited):
            parts[place] = parts[place]._replace(inherited=following.citations or following.inherited)
    return parts


def _goes_on(plain: str, begin: int, comma: re.Match[str], cited: Collection[int]) -> bool:
    """Whether the words behind a comma go on with the sentence before it, which begins with a capital: `Vienna, the
    capital of Austria, lies on the Danube`."""
    if comma.start() in cited:
        return False
    if comma[0] == "," and _ADVERBIAL.match(plain, begin, comma.start()):
        return True
    if comma[0] != "," or _SMALL.match(plain, comma.end()) is None:
        return False
    first = next((each for each in plain[begin : comma.start()] if each.isalpha()), "")
    return first.isupper() and not _JOINING.match(plain[comma.end() : comma.end() + 40].lstrip())


def _first_letter(text: str, start: int, end: int) -> int:
    return next((place for place in range(start, end) if text[place].isalnum()), end)


def _with_loose(parts: list[Part]) -> list[Part]:
    """Pass the citations of items without a letter on to the item before, or to the first."""
    kept: list[Part] = []
    waiting: tuple[int, ...] = ()
    for each in parts:
        part = each._replace(citations=waiting + each.citations)
        waiting = ()
        if any(map(str.isalnum, part.plain)) or enclosed(part.plain):
            kept.append(part)
        elif kept:
            plain = kept[-1].plain.rstrip(HIDDEN) + HIDDEN if HIDDEN in part.plain else kept[-1].plain
            kept[-1] = kept[-1]._replace(plain=plain, citations=kept[-1].citations + part.citations)
        else:
            waiting = part.citations
    return kept or [part for part in parts if waiting]
