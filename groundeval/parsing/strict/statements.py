"""Splitting an answer into statements under profile `strict`: clauses with their citations.

A text is read block by block, as `visible` lays it out. A citation belongs to the sentence that it is in or follows, or
to the one that it precedes if the whole line places citations first. A sentence with several citations is split into
clauses, one for each. Sentences of a paragraph without citations share those of the next one that has some.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.above import Above
from groundeval.parsing.strict.carriers import carries, without_carriers
from groundeval.parsing.strict.citations import Cited, citations, read_citations
from groundeval.parsing.strict.denial import has_denial_sign, is_denied, told_of
from groundeval.parsing.strict.markdown import HEADING
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.part import Kind, Part
from groundeval.parsing.strict.source_lists import NOTE, SOURCES_HEADING, SOURCES_LINE, with_source_list
from groundeval.parsing.strict.sources import SOURCE
from groundeval.parsing.strict.splitting import spans
from groundeval.parsing.strict.wording import clauses, is_refusing
from groundeval.parsing.strict.words import words

LIST_MARK = re.compile(
    r"[ \t]*(?:(?:[-*•+·◦▪–➤➔→▶►☑✓✔✅①-⑳❶-❿]|#{1,6}|\(?\d{1,2}[.)]|\(?(?:[a-h]|[ivx]{1,4})\)|\[[xX]\])[ \t]+)*"
)
_ENCLOSED = re.compile("[\u2460-\u24ff\U0001f100-\U0001f1ff]")
"""Circled and boxed letters and figures, and the letters of flags, which a reader sees as letters."""
_VERB = (
    r"(?:also |further |clearly |explicitly |only )?(?:states?|says?|notes?|mentions?|explains?|reports?"
    r"|indicates?|shows?|confirms?|adds?|"
    r"suggests?|writes?|tells(?: us)?|describes how|points out|specif(?:y|ies)|claims?|reads?)\b(?: that\b)?"
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
_AFTER_LEAD = re.compile(rf"\s*(?:[,:]|{_VERB}[,:]?|(?:[^\W\d_]+\s+){{0,4}}?that\b)\s*", re.IGNORECASE)
_SAYS_SO = re.compile(r"\s*(?:both |also |do |all )?(?:says?|states?|agree|so|reports?|notes?|shows?|confirms?)\W{0,3}")
_CLAUSE_START = re.compile(
    r"\s*(?:[,;:—–(（→⇒]|[-=]>|(?:and|but|while|whereas|whilst|yet|or|though|although|however|und|aber|et|mais|y|pero)\b"
    r"|(?:[a-h]|[ivx]{1,4}|\d{1,2})\)(?=\s))\s*",
    re.IGNORECASE,
)
_CONCESSION = re.compile(r"(?i)\s*(?:although|though|while|whereas|even (?:though|if))\b[^,;]{3,200},\s+")
LABEL = re.compile(
    r"(?i)(?:(?:final|short|direct|brief|my|the)\s+)?(?:answers?|antwort|response|result|conclusion|summary|text|claim|statement|fact"
    r"|résumé|réponse|respuesta)\s*[:：]\s*"
)
_ASKED = re.compile(r"(?i)[ \t]*(?:[-*•] )?(?:question|query|q|frage|pregunta|domanda|вопрос|问题|質問)\s*[:：]")
"""The beginning of a line that says the question again."""
HEADING_WORDS = 12
"""The largest number of words in a heading."""


@remembered(1_024)
def sentences(text: str) -> tuple[Part, ...]:
    """The statements, by sentences and clauses, of a text that `visible` returned.

    A sentence without a letter or digit is not a statement: its citations go to the one before it, or to the first.
    """
    found: list[Part] = []
    waiting: tuple[int, ...] = ()
    paragraph_start, in_sources, hidden, above = 0, False, False, Above()
    for line in [*lines_of(text), ""]:
        if HIDDEN in line and not any(map(str.isalnum, line)):
            hidden, line = True, line.replace(HIDDEN, "") or " "
        if not line.strip():
            found[paragraph_start:] = _shared(found[paragraph_start:])
            paragraph_start = len(found)
            above.blank()
            continue
        parts, loose, in_sources = _line(line, in_sources)
        if loose and found:
            found[-1] = found[-1]._replace(citations=found[-1].citations + loose)
        else:
            waiting += loose
        if parts and waiting:
            parts[0] = parts[0]._replace(citations=waiting + parts[0].citations)
            waiting = ()
        found += above.over(line, parts)
    if hidden and found:
        found[-1] = found[-1]._replace(plain=found[-1].plain + HIDDEN)
    return tuple(with_source_list(told_of(found)))


_INLINE_BULLET = re.compile(r"(?<=\S)[ \t]+[•‣▪◦][ \t]+(?=\S)")
_NUMBERED_INSIDE = re.compile(r"(?<!\S)\((\d{1,2})\)[ \t]+(?=[^\W\d])")


def lines_of(text: str) -> list[str]:
    """The lines of a text; bullets and numbers within a line, `(1) Rome [2] (2) Bonn [1]`, begin lines of their own."""
    lines = list[str]()
    for line in _INLINE_BULLET.sub("\n- ", text).split("\n"):
        numbers = (
            [int(found[1]) for found in _NUMBERED_INSIDE.finditer(line)] if line.lstrip().startswith("(1)") else []
        )
        counts = len(numbers) > 1 and numbers == [*range(1, len(numbers) + 1)]
        lines += _NUMBERED_INSIDE.sub("\n- ", line).strip("\n").split("\n") if counts else [line]
    return lines


def _line(line: str, in_sources: bool) -> tuple[list[Part], tuple[int, ...], bool]:
    """The statements of a line, the citations of a line without any, and whether a list of sources continues."""
    heading = line.startswith(HEADING)
    if _ASKED.match(line) and "[" not in line:
        return [Part(line.strip(), (), "aside")], (), False
    mark = LIST_MARK.match(line)
    bare = line[mark.end() :] if mark else line
    before: tuple[int, ...] = ()
    if numbered := _CITED_NUMBER.match(bare):
        bare, before = bare[numbered.end() :], citations(numbered[1])
    cited = without_carriers(read_citations(bare))
    said = cited.plain.strip()
    if not any(map(str.isalnum, said)) and not enclosed(said):
        return [], before + tuple(index for _, each in cited.marks for index in each), in_sources
    everything = tuple(index for _, each in cited.marks for index in each)
    if SOURCES_HEADING.fullmatch(said.rstrip(" .,;—-")) or (
        cited.marks and (SOURCES_LINE.match(said) or (SOURCES_HEADING.match(said) and words(said) <= 3))
    ):
        return [Part(said, everything, "source")], before, True
    leads = bool(cited.marks) and not cited.plain[: cited.marks[0][0]].strip()
    if leads and (in_sources or (bare.lstrip().startswith("[^") and NOTE.match(cited.plain))):
        return [Part(said, everything, "source")], before, True
    said_before = list[Part]()
    if not heading and said.endswith((":", "：")) and len(own := spans(said)) > 1:
        # Only the last sentence introduces what follows.
        first, last = said[: own[-1][0]].strip(), said[own[-1][0] :]
        if any(map(str.isalnum, first)) and any(map(str.isalnum, last)):
            said_before, said = [Part(first, ())] if not cited.marks else [], last
    if heading or (said.endswith((":", "：")) and not cited.marks):
        kind: Kind = "aside" if words(said) <= HEADING_WORDS and not cited.marks and HIDDEN not in said else "claim"
        return (
            [*said_before, Part(said, everything, kind)],
            before,
            bool(SOURCES_HEADING.fullmatch(said.rstrip(" .,;—-:"))),
        )
    denied = is_denied(line, bare)
    cited, lacks = _without_lacks(cited)
    parts = [
        part._replace(denied=denied or has_denial_sign(part.plain), kind="source" if _points(part) else part.kind)
        for part in _of_line(cited)
    ]
    return [*parts, *(Part(lack, ()) for lack in lacks)], before, False


_PARENTHESIS = re.compile(r"\s*[(（]([^()（）\n]{8,200})[)）]")


def _without_lacks(cited: Cited) -> tuple[Cited, list[str]]:
    """The line without its parentheses that say that something cannot be found, and what these say."""
    found = [each for each in _PARENTHESIS.finditer(cited.plain) if is_refusing(each[1])] if "(" in cited.plain else []
    if not found or len("".join(each[0] for each in found)) >= len(cited.plain.strip()) - 2:
        return cited, []
    pieces, end = list[str](), 0
    for each in found:
        pieces.append(cited.plain[end : each.start()])
        end = each.end()
    cut = [
        (offset - sum(min(offset, each.end()) - each.start() for each in found if each.start() < offset), indices)
        for offset, indices in cited.marks
    ]
    return Cited("".join([*pieces, cited.plain[end:]]), tuple(cut)), [each[1] for each in found]


def _points(part: Part) -> bool:
    """Whether a sentence only points to its sources: `Documents 1 and 2 are the relevant ones.`"""
    return bool(part.citations) and carries(part.plain)


def enclosed(text: str) -> bool:
    return _ENCLOSED.search(text) is not None


def _of_line(cited: Cited) -> list[Part]:
    plain = cited.plain
    label = LABEL.match(plain)
    skip = label.end() if label else 0
    places = [
        (max(start, skip), end) for start, end in _spans(cited) if any(map(str.isalnum, plain[max(start, skip) : end]))
    ]
    if not places:
        return [Part(plain.strip(), tuple(index for _, each in cited.marks for index in each))]
    leading = _leading(cited, places)
    starts, ends = [start for start, _ in places], [end for _, end in places]
    owned: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in places]
    for offset, indices in cited.marks:
        owned[_owner(starts, ends, offset, leading)].append((offset, indices))
    places, owned = _with_sources_named(places, owned, plain)
    parts = [
        part
        for (start, end), marks in zip(places, owned, strict=True)
        for part in _clauses(plain, start, end, marks, leading)
    ]
    return _with_hidden(parts, plain, places)


def _spans(cited: Cited) -> Iterable[tuple[int, int]]:
    """The sentences of a line; one begins also where a citation behind a stop says something: `[1] explains that`."""
    plain = cited.plain
    cuts = [
        offset
        for offset, _ in cited.marks
        if offset and plain[offset - 1] in ".!?" and introduced(plain, offset, len(plain), in_words=False)
    ]
    for start, end in spans(plain):
        for cut in cuts:
            if start < cut < end:
                yield start, cut
                start = cut
        yield start, end


Owned = list[list[tuple[int, tuple[int, ...]]]]


def _with_sources_named(places: list[tuple[int, int]], owned: Owned, plain: str) -> tuple[list[tuple[int, int]], Owned]:
    """The sentences and their citations, less those that only name the source of the one before: `Source: [1].`"""
    kept, marks = places[:1], owned[:1]
    for (start, end), own in zip(places[1:], owned[1:], strict=True):
        if own and not marks[-1] and carries(plain[start:end]):
            marks[-1] = [(kept[-1][1], indices) for _, indices in own]
        else:
            kept.append((start, end))
            marks.append(own)
    return kept, marks


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
    named, framed, is_framed = set[int](), set[int](), False
    for offset, indices in marks:
        before = plain[begin:offset]
        if lead and (cut := _frame(plain, begin, offset)):
            # "[1] says that it is so, and [2] adds that it was": the second citation introduces too.
            pieces.append((begin, cut, tuple(lead)))
            lead, begin, is_framed = [], cut, True
            before = _clause(plain[begin:offset])
        if offset <= begin or introduces(before) or (pieces and introduces(_clause(before))):
            if after := introduced(plain, max(offset, begin), end, offset > begin):
                begin = after
                if is_framed:
                    framed.add(begin)
            if carries(before.strip()):
                named.update(indices)
            lead += indices
            continue
        if pieces and not lead and _SAYS_SO.fullmatch(before) and {*indices} == {*pieces[-1][2]}:
            # "It is so, documents 1 and 3 agree [1][3]" cites each once.
            pieces[-1], begin = (pieces[-1][0], offset, pieces[-1][2]), offset
            continue
        # "Source 3 says that it is so [3]" cites once.
        again = named.issuperset(lead) and {*indices}.issuperset(lead)
        pieces.append((begin, offset, indices if again else (*lead, *indices)))
        lead, begin = [], offset
    several = {first for first, last, _ in pieces if words(plain[first:last]) >= _SEVERAL}
    tail = _lack_behind(plain, start, begin, end) if pieces and not lead else ""
    if not pieces or lead:
        pieces.append((begin, end, tuple(lead)))
    elif not tail:
        last = pieces.pop()
        pieces.append((last[0], end, last[2]))
    for place, (first, last_, indices) in enumerate(_with_words(pieces, plain, framed, several)):
        text = plain[first:last_].strip()
        yield Part(_clause(text) if place else text, indices, continues=place > 0)
    if tail:
        yield Part(tail, (), continues=True)


def _lack_behind(plain: str, start: int, begin: int, end: int) -> str:
    """What a sentence says behind its last citation, if that is something that cannot be found; else empty.

    A subject that only the words before name is filled in: `It covers the cost [1], but gives no date.`
    """
    rest = plain[begin:end]
    if not _CLAUSE_START.match(rest) or words(rest) <= 1:
        return ""
    if any(map(is_refusing, clauses(rest))):
        return _clause(rest.strip())
    filled_in = clauses(plain[start:end])[len(clauses(plain[start:begin])) :]
    return _clause(" ".join(filled_in)) if any(map(is_refusing, filled_in)) else ""


def _frame(plain: str, begin: int, offset: int) -> int:
    """Start of a last clause before a citation that only introduces what follows it; 0 if there is none."""
    starts = [found.start() for found in _CLAUSE_START.finditer(plain, begin, offset) if found.start() > begin]
    return next((start for start in starts if introduces(_clause(plain[start:offset]))), 0)


def introduces(before: str) -> bool:
    """Whether words before a citation introduce a sentence: `According to`, `It is stated in`."""
    before = before.strip()
    return _LEAD.fullmatch(before + " ") is not None or carries(before)


def introduced(plain: str, offset: int, end: int, in_words: bool) -> int:
    """Start of what a citation introduces: behind a comma, a colon, or `states that`; 0 if it introduces nothing."""
    after = _AFTER_LEAD.match(plain, offset, end)
    if after is None or after.end() >= end or not (in_words or after[0].strip(" ,")):
        return 0
    is_empty = not any(map(str.isalpha, after[0])) or carries(f"from {after[0]}")
    return after.end() if is_empty else 0


def _conceded(plain: str, start: int, end: int) -> int:
    """End of a first clause that concedes that something cannot be found: `Although the documents do not say
    why, ...`; 0 if there is none."""
    found = _CONCESSION.match(plain, start, end)
    return found.end() if found and found.end() < end and is_refusing(found[0]) else 0


_SEVERAL = 3
"""The number of words after which a citation may be given again."""


def _with_words(
    pieces: Sequence[tuple[int, int, tuple[int, ...]]],
    plain: str,
    framed: Collection[int],
    several: Collection[int],
) -> list[tuple[int, int, tuple[int, ...]]]:
    """The pieces that begin a clause, or are framed by a citation, each joined with those after it that do not.

    A citation that comes again once, behind several words of its own, counts once: `Cochrane [2] invented it [2]`.
    """
    merged: list[tuple[int, int, tuple[int, ...]]] = []
    again = set[int]()
    for begin, end, indices in pieces:
        text = plain[begin:end]
        says = any(map(str.isalnum, plain[merged[-1][0] : merged[-1][1]])) if merged else True
        begins = begin in framed or _CLAUSE_START.match(text)
        if merged and (not says or not any(map(str.isalnum, text)) or not begins):
            first, _, before = merged[-1]
            kept = list(indices)
            for index in {*before}.intersection(indices) - again if begin in several else ():
                kept.remove(index)
                again.add(index)
            merged[-1] = (first, end, before + tuple(kept))
        else:
            merged.append((begin, end, indices))
            again = set()
    return merged


def _clause(text: str) -> str:
    """A clause without its leading comma and conjunction."""
    while (found := _CLAUSE_START.match(text)) and any(map(str.isalnum, text[found.end() :])):
        text = text[found.end() :]
    return text.strip()


def _shared(paragraph: list[Part]) -> list[Part]:
    """A paragraph in which citations apply also to the sentences before theirs that have none, back to the last cited
    one: `He came in 1911. He had started from the bay [1].`"""
    found = list[Part]()
    following: tuple[int, ...] = ()
    for part in reversed(paragraph):
        if part.kind == "claim" and part.citations:
            following = part.citations
        borrows = part.kind == "claim" and not part.citations
        found.append(part._replace(inherited=following) if borrows else part)
    return found[::-1]
