"""Splitting an answer into statements under profile `strict`: clauses with their citations.

A text is read block by block, as `visible` lays it out. A citation belongs to the sentence that it is in or follows, or
to the one that it precedes if the whole line places citations first. A sentence with several citations is split into
clauses, one for each. If only the last sentence of a paragraph cites, its citations apply to the whole paragraph.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.citations import SOURCE, Cited, citations, read_citations
from groundeval.parsing.strict.denial import has_denial_sign, is_denied, taken_back
from groundeval.parsing.strict.markdown import HEADING, ITEM
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.part import Kind, Part
from groundeval.parsing.strict.splitting import spans
from groundeval.parsing.strict.wording import clauses, is_refusing

_LIST_MARK = re.compile(r"[ \t]*(?:(?:[-*•+·◦▪–☑✓✔✅①-⑳❶-❿]|#{1,6}|\(?\d{1,2}[.)]|\(?[a-h]\)|\[[xX]\])[ \t]+)*")
_LETTERED = r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = rf"[^\W_{_LETTERED}]"
_ENCLOSED = re.compile("[\u2460-\u24ff\U0001f100-\U0001f1ff]")
"""Circled and boxed letters and figures, and the letters of flags, which a reader sees as letters."""
_WORD = re.compile(
    rf"[{_LETTERED}]|(?:{_RUN}|[\u2460-\u24ff\U0001F100-\U0001F1FF])+(?:[.,]\d+)*(?:['’]{_RUN}{{1,2}}(?!{_RUN}))?"
)

_VERB = (
    r"(?:also |further |clearly |explicitly |only )?(?:states?|says?|notes?|mentions?|explains?|reports?"
    r"|indicates?|shows?|confirms?|adds?|"
    r"suggests?|writes?|tells us|describes how|points out|specif(?:y|ies)|claims?|reads?)(?: that\b)?"
)
_CITED_NUMBER = re.compile(r"\d{1,2}\s*([\[【][^\[\]【】]{1,12}[\]】])\.\s+(?=\S)")
"""`1[4]. Collect data`: a citation after the number of an item belongs to the text before it."""
_LEAD = re.compile(
    rf"(?i)(?:(?:also|and|further(?:more)?|moreover|additionally|however|finally|similarly|likewise|next|lastly|first(?:ly)?|"
    r"second(?:ly)?|third(?:ly)?|for (?:example|instance)|in addition)\b,?\s*)*"
    rf"(?:(?:according|as (?:\w+ )?(?:in|by|per)|per|from|based|in|on|by|to|the|see|laut|nach|selon|según"
    rf"|number|and|{SOURCE})\b[ \t]*|[,.\[\]()“\"]\s*)*"
)
"""The words before a citation that introduces a sentence: `According to Document`."""
_AFTER_LEAD = re.compile(rf"\s*(?:[,:]|{_VERB}[,:]?)\s*", re.IGNORECASE)
_CLAUSE_START = re.compile(
    r"\s*(?:[,;:—–]|(?:and|but|while|whereas|whilst|yet|or|though|although|however|und|aber|et|mais|y|pero)\b)\s*",
    re.IGNORECASE,
)
_CONCESSION = re.compile(r"(?i)\s*(?:although|though|while|whereas|even (?:though|if))\b[^,;]{3,200},\s+")
_LABEL = re.compile(
    r"(?i)(?:(?:final|short|direct|brief|my|the)\s+)?(?:answers?|antwort|response|result|conclusion|summary"
    r"|résumé|réponse|respuesta)\s*[:：]\s*"
)
_SOURCES_HEADING = re.compile(
    rf"(?i)(?:{SOURCE}|bibliography|works cited|further reading|cited)(?:\s+(?:used|cited))?\s*[:：]?\s*$"
)
_SOURCES_LINE = re.compile(
    r"(?i)(?:sources|references|citations|works cited|bibliography|further reading|quellen|fuentes)\s*[:：]"
)
"""The beginning of a line of sources."""
_NOTE = re.compile(rf"\s*[:：.]?\s*(?:{SOURCE}\b|$)", re.IGNORECASE)
_ITEM_END = re.compile(r",(?!\d{3}(?!\d))|[;\n、，；/|]|\s[·•∙・+→]\s")
_JOINING = re.compile(r"(?:(?:and|or|und|et|y|as well as)\b|&)\s*", re.IGNORECASE)
_ORDINAL = re.compile(
    r"(?i)(?:first|second|third|fourth|fifth|sixth|last|next|final)(?:ly)?|then|also|in addition|moreover|furthermore"
)
"""Words that count the items of a list."""
_HEADING_WORDS = 12
"""The largest number of words in a heading."""


@remembered(1_024)
def sentences(text: str) -> tuple[Part, ...]:
    """The statements, by sentences and clauses, of a text that `visible` returned.

    A sentence without a letter or digit is not a statement: its citations go to the one before it, or to the first.
    """
    found: list[Part] = []
    waiting: tuple[int, ...] = ()
    paragraph_start, in_sources, hidden = 0, False, False
    for line in [*text.split("\n"), ""]:
        if HIDDEN in line and not any(map(str.isalnum, line)):
            hidden, line = True, line.replace(HIDDEN, "") or " "
        if not line.strip():
            found[paragraph_start:] = _shared(found[paragraph_start:])
            paragraph_start = len(found)
            continue
        parts, loose, in_sources = _line(line, in_sources)
        if loose and found:
            found[-1] = found[-1]._replace(citations=found[-1].citations + loose)
        else:
            waiting += loose
        if parts and waiting:
            parts[0] = parts[0]._replace(citations=waiting + parts[0].citations)
            waiting = ()
        found += parts
    if hidden and found:
        found[-1] = found[-1]._replace(plain=found[-1].plain + HIDDEN)
    return tuple(_with_source_list(taken_back(found)))


def _line(line: str, in_sources: bool) -> tuple[list[Part], tuple[int, ...], bool]:
    """The statements of a line, the citations of a line without any, and whether a list of sources continues."""
    heading = line.startswith(HEADING)
    mark = _LIST_MARK.match(line)
    bare = line[mark.end() :] if mark else line
    before: tuple[int, ...] = ()
    if numbered := _CITED_NUMBER.match(bare):
        bare, before = bare[numbered.end() :], citations(numbered[1])
    cited = read_citations(bare)
    said = cited.plain.strip()
    if not any(map(str.isalnum, said)) and not _enclosed(said):
        return [], before + tuple(index for _, each in cited.marks for index in each), in_sources
    everything = tuple(index for _, each in cited.marks for index in each)
    if _SOURCES_HEADING.fullmatch(said.rstrip(" .,;—-")) or (
        cited.marks and (_SOURCES_LINE.match(said) or (_SOURCES_HEADING.match(said) and words(said) <= 3))
    ):
        return [Part(said, everything, "source")], before, True
    leads = bool(cited.marks) and not cited.plain[: cited.marks[0][0]].strip()
    if leads and (in_sources or (bare.lstrip().startswith("[^") and _NOTE.match(cited.plain))):
        return [Part(said, everything, "source")], before, True
    if heading or (said.endswith((":", "：")) and not cited.marks):
        kind: Kind = "aside" if words(said) <= _HEADING_WORDS and not cited.marks and HIDDEN not in said else "claim"
        return [Part(said, everything, kind)], before, bool(_SOURCES_HEADING.fullmatch(said.rstrip(" .,;—-:")))
    denied = is_denied(line, bare, said)
    parts = [part._replace(denied=denied or has_denial_sign(part.plain)) for part in _of_line(cited)]
    return parts, before, False


def _enclosed(text: str) -> bool:
    return _ENCLOSED.search(text) is not None


def _of_line(cited: Cited) -> list[Part]:
    plain = cited.plain
    label = _LABEL.match(plain)
    skip = label.end() if label else 0
    places = [
        (max(start, skip), end) for start, end in spans(plain) if any(map(str.isalnum, plain[max(start, skip) : end]))
    ]
    if not places:
        return [Part(plain.strip(), tuple(index for _, each in cited.marks for index in each))]
    leading = _leading(cited, places)
    starts, ends = [start for start, _ in places], [end for _, end in places]
    owned: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in places]
    for offset, indices in cited.marks:
        owned[_owner(starts, ends, offset, leading)].append((offset, indices))
    parts = [
        part
        for (start, end), marks in zip(places, owned, strict=True)
        for part in _clauses(plain, start, end, marks, leading)
    ]
    return _with_hidden(parts, plain, places)


def _with_hidden(parts: list[Part], plain: str, places: Sequence[tuple[int, int]]) -> list[Part]:
    if HIDDEN in plain and not any(HIDDEN in part.plain for part in parts):
        parts[-1] = parts[-1]._replace(plain=parts[-1].plain + HIDDEN)
    return parts


def _leading(cited: Cited, places: Sequence[tuple[int, int]]) -> bool:
    """Whether the citations of a line precede their sentences: it begins with one, and ends with none."""
    if not cited.marks or cited.marks[0][0] > places[0][0]:
        return False
    return cited.marks[-1][0] < places[-1][1] - 1


def _owner(starts: Sequence[int], ends: Sequence[int], offset: int, leading: bool) -> int:
    """The sentence a citation belongs to: the last that starts before it, or, in a leading line, the next one."""
    if leading:
        return min(bisect_right(ends, offset), len(ends) - 1)
    return max(0, bisect_left(starts, offset) - 1)


def _clauses(
    plain: str, start: int, end: int, marks: Sequence[tuple[int, tuple[int, ...]]], leading: bool
) -> Iterable[Part]:
    """The clauses of a sentence, each with its citations; text after the last citation belongs to the last clause."""
    if (conceded := _conceded(plain, start, end)) and not any(offset < conceded for offset, _ in marks):
        yield Part(plain[start:conceded].strip(" ,"), ())
        start = conceded
    lead, begin = list[int](), start
    pieces: list[tuple[int, int, tuple[int, ...]]] = []
    for offset, indices in marks:
        before = plain[begin:offset]
        if (
            offset <= begin
            or _LEAD.fullmatch(before.strip() + " ")
            or (pieces and _LEAD.fullmatch(_clause(before) + " "))
        ):
            after = _AFTER_LEAD.match(plain, max(offset, begin), end)
            if offset > begin and after and after.end() < end:
                begin = after.end()
            lead += indices
            continue
        pieces.append((begin, offset, (*lead, *indices)))
        lead, begin = [], offset
    rest = plain[begin:end]
    if not pieces or lead:
        pieces.append((begin, end, tuple(lead)))
    elif _CLAUSE_START.match(rest) and words(rest) > 1 and any(map(is_refusing, clauses(rest))):
        pieces.append((begin, end, ()))
    else:
        last = pieces.pop()
        pieces.append((last[0], end, last[2]))
    merged = _with_words(pieces, plain)
    for place, (first, last_, indices) in enumerate(merged):
        text = plain[first:last_].strip()
        yield Part(_clause(text) if place else text, indices, continues=place > 0)


def _conceded(plain: str, start: int, end: int) -> int:
    """End of a first clause that concedes that something cannot be found: `Although the documents do not say
    why, ...`; 0 if there is none."""
    found = _CONCESSION.match(plain, start, end)
    return found.end() if found and found.end() < end and is_refusing(found[0]) else 0


def _with_words(
    pieces: Sequence[tuple[int, int, tuple[int, ...]]], plain: str
) -> list[tuple[int, int, tuple[int, ...]]]:
    """The pieces that begin a clause, each joined with those after it that do not."""
    merged: list[tuple[int, int, tuple[int, ...]]] = []
    for begin, end, indices in pieces:
        text = plain[begin:end]
        says = any(map(str.isalnum, plain[merged[-1][0] : merged[-1][1]])) if merged else True
        if merged and (not says or not any(map(str.isalnum, text)) or not _CLAUSE_START.match(text)):
            merged[-1] = (merged[-1][0], end, merged[-1][2] + indices)
        else:
            merged.append((begin, end, indices))
    return merged


def _clause(text: str) -> str:
    """A clause without its leading comma and conjunction."""
    while (found := _CLAUSE_START.match(text)) and any(map(str.isalnum, text[found.end() :])):
        text = text[found.end() :]
    return text.strip()


def _shared(paragraph: list[Part]) -> list[Part]:
    """A paragraph in which the citations of the last sentence, if it alone has any, apply to the others too."""
    claims = [place for place, part in enumerate(paragraph) if part.kind == "claim"]
    cited = [place for place in claims if paragraph[place].citations]
    if (
        len(claims) < 2
        or not cited
        or cited[0] != claims[-1]
        or any(paragraph[p].plain.startswith(ITEM) for p in claims)
    ):
        return paragraph
    shared = paragraph[cited[0]].citations
    return [
        part._replace(inherited=shared) if part.kind == "claim" and place != cited[0] else part
        for place, part in enumerate(paragraph)
    ]


def _with_source_list(parts: list[Part]) -> list[Part]:
    """Apply a list of sources: it adds nothing to a text that cites, and applies to all of one that does not."""
    listed = [index for part in parts if part.kind == "source" for index in part.citations]
    if not listed:
        return parts
    said = {index for part in parts if part.kind != "source" for index in part.citations}
    if not said:
        claims = [place for place, part in enumerate(parts) if part.kind == "claim"]
        if not claims:
            return parts
        return [
            part._replace(citations=())
            if part.kind == "source"
            else part._replace(citations=tuple(listed))
            if place == claims[-1]
            else part._replace(inherited=tuple(listed))
            for place, part in enumerate(parts)
        ]
    return [
        part._replace(citations=tuple(each for each in part.citations if each not in said))
        if part.kind == "source"
        else part
        for part in parts
    ]


@remembered(1_024)
def items(text: str) -> tuple[Part, ...]:
    """The items of a list answer, separated by commas, semicolons, slashes, line ends, and the `and` before the last.

    A line with several is one item if it cites once, at its end. An item without a citation shares those of the next
    in its line. Sentences that list nothing are asides.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    found: list[Part] = []
    waiting: tuple[int, ...] = ()
    in_sources = hidden = False
    for line in lines:
        mark = _LIST_MARK.match(line)
        bare = line[mark.end() :] if mark else line
        cited = read_citations(bare)
        everything = tuple(index for _, each in cited.marks for index in each)
        said = cited.plain.strip()
        in_sources = in_sources or bool(
            _SOURCES_LINE.match(said) or (_SOURCES_HEADING.match(said) and words(said) <= 3)
        )
        if in_sources and everything:
            found.append(Part(said, everything, "source"))
        elif not any(map(str.isalnum, said)) and not _enclosed(said):
            hidden = hidden or HIDDEN in said
            waiting += everything if not found else ()
            if found and everything:
                found[-1] = found[-1]._replace(citations=found[-1].citations + everything)
        elif line.startswith(HEADING) or (said.endswith((":", "：")) and not everything):
            found.append(Part(said, everything, "aside" if words(said) <= _HEADING_WORDS else "claim"))
        else:
            denied = is_denied(line, bare, said)
            own = _items_of(cited, one=line.startswith(ITEM) and len(lines) > 1, denied=denied)
            if own and waiting:
                own[0] = own[0]._replace(citations=waiting + own[0].citations)
                waiting = ()
            found += own
    if hidden and found:
        found[-1] = found[-1]._replace(plain=found[-1].plain + HIDDEN)
    return tuple(_with_source_list(taken_back(found)))


def _items_of(cited: Cited, *, one: bool, denied: bool) -> list[Part]:
    plain = cited.plain
    label = _LABEL.match(plain)
    begin = label.end() if label else 0
    ends = [found.span() for found in _ITEM_END.finditer(plain, begin)]
    # After a citation the word joins items; elsewhere it may be part of a name.
    ends += [(offset, offset) for offset, _ in cited.marks if _JOINING.match(plain[offset:].lstrip())]
    stops = [end for _, end in spans(plain)][:-1]
    cuts = sorted([*ends, *((stop, stop) for stop in stops)])
    if one and len(cited.marks) <= 1 and not re.search(r"[/|;]", plain):
        cuts = []
    pieces: list[tuple[int, int]] = []
    for first, after in cuts:
        pieces.append((begin, first))
        begin = after
    pieces.append((begin, len(plain)))
    cited_by: list[list[int]] = [[] for _ in pieces]
    leads = (
        bool(cited.marks) and not plain[: cited.marks[0][0]].strip() and bool(plain[cited.marks[-1][0] :].strip(" ."))
    )
    for offset, indices in cited.marks:
        before = sum(_first_letter(plain, first, last) < offset for first, last in pieces)
        cited_by[min(before, len(pieces) - 1) if leads else max(0, before - 1)] += indices
    parts = []
    for (first, last), own in zip(pieces, cited_by, strict=True):
        text = plain[first:last].strip().rstrip(".:").strip(" “”\"'")
        if (joining := _JOINING.match(text)) and any(map(str.isalnum, text[joining.end() :])):
            text = text[joining.end() :]
        if not own and _ORDINAL.fullmatch(text):
            continue
        if any(map(str.isalnum, text)) or _enclosed(text) or own:
            hidden = HIDDEN if HIDDEN in plain and HIDDEN not in text else ""
            parts.append(Part(text + hidden, tuple(own), denied=denied or has_denial_sign(text)))
    parts = _with_loose(parts)
    for place in range(len(parts) - 2, -1, -1):
        following = parts[place + 1]
        if not parts[place].citations and (following.citations or following.inherited):
            parts[place] = parts[place]._replace(inherited=following.citations or following.inherited)
    return parts


def _first_letter(text: str, start: int, end: int) -> int:
    return next((place for place in range(start, end) if text[place].isalnum()), end)


def _with_loose(parts: list[Part]) -> list[Part]:
    """Pass the citations of items without a letter on to the item before, or to the first."""
    kept: list[Part] = []
    waiting: tuple[int, ...] = ()
    for each in parts:
        part = each._replace(citations=waiting + each.citations)
        waiting = ()
        if not any(map(str.isalnum, part.plain)) and not _enclosed(part.plain) and not kept:
            waiting = part.citations
            continue
        if not any(map(str.isalnum, part.plain)) and not _enclosed(part.plain) and kept and HIDDEN not in part.plain:
            kept[-1] = kept[-1]._replace(citations=kept[-1].citations + part.citations)
        else:
            kept.append(part)
    return kept or [part for part in parts if waiting]


def words(text: str) -> int:
    """The number of words: runs of letters and digits, whatever separates them; each character of Chinese,
    Japanese, Thai and the like is one."""
    return sum(1 for _ in _WORD.finditer(text))
