"""The citation grammar of profile `strict` (docs/metrics.md): every unambiguous mark is a citation.

- Brackets of any kind, `[...]`, `【...】`, `⟨...⟩`, `{...}`, `(...)`, that hold only integers of one to three digits,
  separators, ranges, pages, and words that name a source (`[2]`, `[doc-2]`, `[D2]`, `[cite: 2]`). A bare number in
  parentheses, a Roman numeral in brackets (`[II]`) and a figure in a circle must stand where a clause ends, and not
  after the word that they repeat (`two (2) moons`).
- Superscript figures after a word or a stop, unless they are the exponent of a unit.
- A source by its number: `Document 2`, `document two`, `the second document`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.marks import PLACE
from groundeval.parsing.strict.sources import SOURCE

_WORD = rf"(?:{SOURCE}|articles?|texts?|notes?|evidence|see|also|cite[ds]?|cf|from|per|via|id|no|nr|参考|参照|参见|見)"
_PAGES = (
    r"(?:pp?|pages?|seiten?|s|sec(?:tions?)?|ch(?:ap(?:ter)?)?|lines?|para(?:graph)?s?|§|¶)"
    r"\.?\s*\d+(?:\s*[-‐‑‒–—]\s*\d+)?"
)

_SQUARE, _SQUARE_ENDS = "[【〔［⟦⟨〈‹〖❲", "]】〕］⟧⟩〉›〗❳"
_ROUND, _ROUND_ENDS = "{(（", "})）"
_ANY = re.escape(_SQUARE + _ROUND + _SQUARE_ENDS + _ROUND_ENDS)
_BRACKETS = re.compile(
    rf"([{re.escape(_SQUARE + _ROUND)}])([^{_ANY}\n]{{1,80}})[{re.escape(_SQUARE_ENDS + _ROUND_ENDS)}]"
    r"(?:\((?:https?://|#)[^\s()]*\))?"
)
_LETTERED = re.compile(r"\s*[DSPR]\d{1,3}(?:\s*[,;]?\s*[DSPR]\d{1,3})*\s*")
"""`D2`, `S2`, `P2`, `R2`: a document, source, passage or result by the letter it begins with."""
_ROMAN_NUMERALS = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ROMAN = {numeral: value for value, numeral in enumerate(_ROMAN_NUMERALS.split(), 1)}
_PART = re.compile(
    rf"(?P<page>(?<![^\W\d_]){_PAGES}(?!\w))"
    r"|(?:\d{1,3}:)?(?P<tool>\d{1,3})†(?:[^\s,;\]】]*)"
    r"|\^?(?P<first>\d{1,3})(?!\d)(?::\d{1,4}(?:-\d{1,4})?(?!\d)|\s*(?:[-‐‑‒–—]|\bto\b)\s*\^?(?P<last>\d{1,3})(?!\d))?"
    r"|(?P<circled>[①-⒛⓵-⓾❶-❿➀-➓])"
    rf"|{_WORD}(?![^\W\d_])\s*[.:#=№_-]?"
    rf"|\s+|\.(?=\s*$)|\^(?=\s*$)|[,;&†#№«»~、，；：:{PLACE}]|(?:and|und|et|y|or)(?![^\W\d_])",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"\b(?:{SOURCE})\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|nos?\.?|figure|fig\.?|table|eq\.?|equation|step|chapter|article"
    r"|section|page)\s*$",
    re.IGNORECASE,
)
CLAUSE_END = re.compile(rf"\s*(?:[.,;:!?。，；！？|]|$|\n|{PLACE}|\(\d{{1,3}}\)|(?:and|but|while|or)\b|\s[A-Z])")
_RAISED = re.compile(r"(?<![ \t^{(\[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻])[ \t]?((?:[⁰¹²³⁴⁵⁶⁷⁸⁹]+[⁻˒,·; ]?)*[⁰¹²³⁴⁵⁶⁷⁸⁹])(?![\w⁺⁻])")
_YEAR = re.compile(r"(?<!\d)[12]\d{3}$")
"""A superscript after any other number is its exponent."""
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_UNITS_WORDS = """
    m km cm mm dm nm µm μm um ft in yd mi s h min kg g ha l a b c d e f i j k n p q r t u v w x y z pi π σ metre
    metres meter meters kilometre kilometres kilometer kilometers
"""
_UNITS = frozenset(_UNITS_WORDS.split())
_RAISED_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_BARE = re.compile(
    r"(?i)(?:\b(?:documents?|docs?\.?|sources?|passages?|search results?|snippets?|excerpts?|dokumente?n?"
    r"|quellen?|documentos?|fuentes?|документ\w*|источник\w*)\s+(?:no\.?\s*|nr\.?\s*|#\s*|№\s*)?|(?:文档|文献|资料|資料|문서)\s*)"
    r"(\d{1,3}(?:\s*(?:,|and|&|-|–)\s*\d{1,3})*)(?![\w-]|[.,]\d)"
)
_BARE_NOUN_WORDS = """
    doc dok source passage search snippet excerpt quelle fuente документ источник 文档 文献 资料 資料 문서
"""
_BARE_NOUNS = tuple(_BARE_NOUN_WORDS.split())
"""One of these stands in any citation by a noun and a number."""
_NUMBER_WORDS = "one two three four five six seven eight nine ten"
_NUMBERS = {word: value for value, word in enumerate(_NUMBER_WORDS.split(), 1)}
_WORDED = re.compile(rf"(?i)\s*(?:{SOURCE}\s+)?({'|'.join(_NUMBERS)})\s*")
_ORDINAL_WORDS = """
    first second third fourth fifth sixth seventh eighth ninth tenth 1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th
"""
_ORDINALS = {word: place % 10 + 1 for place, word in enumerate(_ORDINAL_WORDS.split())}
_SPEAKS = (
    r"(?=\s*(?:[,.;:)\]]|$|(?:and|that|also|clearly|states?|says?|notes?|mentions?|tells|shows?|reports?|explains?|gives?|puts"
    r"|reads?|confirms?|indicates?|adds?|describes?)\b))"
)
_IN_WORDS = re.compile(
    rf"(?i)\b(?:(?P<noun>document|passage|source|search result|snippet|excerpt)\s+(?P<number>{'|'.join(_NUMBERS)})"
    rf"|(?P<ordinal>{'|'.join(_ORDINALS)})\s+(?P<named>document|passage|source|search result|snippet|excerpt)){_SPEAKS}"
)
"""`document two`, `the second document`, where it speaks or is pointed to."""
_NOUNS = ("document", "passage", "source", "search result", "snippet", "excerpt")
"""One of these stands in any such citation."""
_LABELLED = re.compile(
    r"[\W_]{0,3}(?P<label>[^\W\d_]{1,20})(?:[\W_]{1,2}[^\W\d_]{1,12})?[\W_]{0,3}\d{1,3}"
    r"(?:\s*[,;&]\s*[^\W\d_]{0,20}[\W_]{0,2}\d{1,3})*[\W_]?|[@*†~]\d{1,3}|\d{1,3}[*†]"
)
"""One or two words and a number: `chunk 3`, `web:1`, `n° 2`, `@doc1`."""
_OTHER_NOUN_WORDS = """
    figure fig figures table tab eq eqn equation step chapter ch section sec version season episode part act
    scene volume vol line page verse rule article day week month year january february march april june july
    august september october november december jan feb mar apr jun jul aug sep sept oct nov dec sic approx about
    circa ca age aged born no nos number numbers
"""
_OTHER_NOUNS = frozenset(_OTHER_NOUN_WORDS.split())
"""Nouns whose numbers name something else than a source."""
_CIRCLED = re.compile(r"[①-⒛⓵-⓾❶-❿➀-➓]+")
_LATEX_CITE = re.compile(r"\\(?:cite[pt]?|textsuperscript|footnotemark)\s*[\[{]([\d,;\s]{1,30})[\]}]")
_FOOTNOTE = re.compile(rf"\\(?:footnote|textsuperscript|cite\w*)(?={PLACE})")
_GROUP = re.compile(rf"{PLACE}(?:\s*(?:(?:[,;&]|and\b)\s*)?{PLACE})+")
_ARROW = re.compile(r"(?:[ \t]+(?:[-=]>|[→⇒➔])|\^)$")
"""It points at the citation behind it."""
_ENDINGS = tuple(".!?")
"""In `Paris is large. [1].` the last full stop belongs to the citation."""
_WIDEST = 100
"""A range of more documents than this is text, not a citation."""
_NESTING = 4
"""The deepest nesting of brackets that is read; deeper ones lose their brackets."""
_MAY_CITE = re.compile(
    rf"[{re.escape(_SQUARE + _ROUND)}¹²³⁰⁴-⁹①-⒛⓵-⓾❶-❿➀-➓]|\\cite|(?i:do[ck]|source|passage|result|snippet"
    rf"|excerpt|quelle|fuente|документ|источник)"
    r"|文档|文献|资料|資料|문서"
)


@dataclass(frozen=True, slots=True)
class Cited:
    """A text without its citations, and their positions."""

    plain: str
    marks: tuple[tuple[int, tuple[int, ...]], ...]
    """For each citation, or run of citations: its offset in `plain` and the 0-based indices, repetitions kept."""


def citations(text: str) -> tuple[int, ...]:
    """0-based document indices of all citations in the text, in order, repetitions kept. `[0]` gives -1."""
    return tuple(index for _, indices in read_citations(text).marks for index in indices)


def remove_citations(text: str) -> str:
    """The text without its citations and the blanks before them."""
    return read_citations(text).plain


def numbers(content: str) -> tuple[int, ...] | None:
    """The integers that the content of a pair of brackets cites, ranges expanded; None if it is no citation.

    A range that runs backwards is read forwards; one of more than 100 documents makes the whole content text.
    """
    if len(content) <= 3 and content.isdecimal():
        return (int(content),)
    if _LETTERED.fullmatch(content):
        return tuple(int(figures) for figures in re.findall(r"\d+", content))
    found: list[int] = []
    position = 0
    while position < len(content):
        part = _PART.match(content, position)
        if part is None or part.end() == position:
            return None
        if part["tool"]:
            found.append(int(part["tool"]))
        elif part["first"]:
            first, last = int(part["first"]), int(part["last"] or part["first"])
            if abs(last - first) >= _WIDEST:
                return None
            found += range(min(first, last), max(first, last) + 1)
        elif part["circled"]:
            found.append(int(unicodedata.numeric(part["circled"])))
        position = part.end()
    return tuple(found) if found else None


@remembered(4_096)
def read_citations(text: str) -> Cited:
    """Take the citations out of a text; keep their positions and indices."""
    text = text.replace(PLACE, "")
    if not _has_opening(text) and not _MAY_CITE.search(text):
        return Cited(text, ())
    text, groups = _marked(text)
    marks: list[tuple[int, tuple[int, ...]]] = []
    parts: list[str] = []
    length = 0
    plain, *rest = text.split(PLACE)
    for indices, after in zip(groups, rest, strict=True):
        plain = _ARROW.sub("", plain.rstrip(" \t"))
        plain = plain[:-1].rstrip(" \t") + "." if plain.endswith(" .") else plain
        parts.append(plain)
        length += len(plain)
        marks.append((length, indices))
        before = plain[-1:]
        # `Doc[1]2` without the blank: with it, the rest would cite.
        if before and not before.isspace() and after[:1].isalnum() and not (before.isalpha() and after[:1].isdigit()):
            parts.append(" ")
            length += 1
        plain = after[1:] if before in _ENDINGS and after[:1] == "." else after
    return Cited("".join([*parts, plain]), tuple(marks))


def _has_opening(text: str) -> bool:
    return any(opening in text for opening in _SQUARE + _ROUND)


Groups = list[tuple[int, ...]]
"""The indices that each place in a text cites, in order."""


def _marked(text: str) -> tuple[str, Groups]:
    """The text with the mark `PLACE` for every run of citations, and the indices of each."""
    groups: Groups = []
    lowered = text.casefold()
    is_named = any(noun in lowered for noun in _NOUNS)
    if is_named and _IN_WORDS.search(text):
        text, groups, _ = _replaced(text, groups, _IN_WORDS, _in_words)
    for _ in range(_NESTING):
        if not _has_opening(text):
            break
        text, groups, changed = _replaced(text, groups, _BRACKETS, _in_brackets)
        if not changed:
            break
    else:
        text = re.sub(r"[\[\]【】]", "", text)
    if "\\" in text:
        text, groups, _ = _replaced(text, groups, _LATEX_CITE, _listed)
        text = _FOOTNOTE.sub("", text)
    if not lowered.isascii():
        if any(digit in text for digit in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
            text, groups, _ = _replaced(text, groups, _RAISED, _raised)
        if _CIRCLED.search(text):
            text, groups, _ = _replaced(text, groups, _CIRCLED, _in_circle)
    if any(noun in lowered for noun in _BARE_NOUNS) and _BARE.search(text):
        text, groups, _ = _replaced(text, groups, _BARE, _named)
    return _joined(text, groups)


def _replaced(
    text: str,
    groups: Groups,
    pattern: re.Pattern[str],
    reading: Callable[[re.Match[str], Groups], tuple[str, tuple[int, ...]] | None],
) -> tuple[str, Groups, bool]:
    """Replace each match in which `reading` finds a citation (text to keep before it, indices) by the mark `PLACE`.

    Places inside a match become part of it.
    """
    known, now = iter(groups), list[tuple[int, ...]]()
    pieces: list[str] = []
    end, changed = 0, False
    for found in pattern.finditer(text):
        before = text[end : found.start()]
        now += [next(known) for _ in range(before.count(PLACE))]
        inner = [next(known) for _ in range(found[0].count(PLACE))]
        read = reading(found, inner)
        pieces.append(before)
        if read is None:
            pieces.append(found[0])
            now += inner
        else:
            pieces += [read[0], PLACE]
            now.append(read[1])
            changed = True
        end = found.end()
    now += known
    return "".join([*pieces, text[end:]]), now, changed


def _in_brackets(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    opening, content = found[1], found[2]
    cited = numbers(content)
    read_before = tuple(index for each in inner for index in each)
    if cited is None and inner and not _without_words(content):
        cited = ()
    if cited is None and not inner and opening in _SQUARE and is_labelled(content) and _ends_clause(found):
        cited = tuple(int(figures) for figures in re.findall(r"\d+", content))
    if cited is None and opening in _SQUARE and (named := _WORDED.fullmatch(content)) and _ends_clause(found):
        cited = None if (number := _number_of(named[1])) is None else (number,)
    if cited is None and opening in _SQUARE and (value := _ROMAN.get(content.strip().lower())) and _ends_clause(found):
        cited = (value,)
    if cited is None or (opening in _ROUND and not (inner or _is_mark(found, content))):
        return None
    ends = content.endswith(".") and found.string[found.end() : found.end() + 1].isspace()
    return "." if ends else "", (*read_before, *(number - 1 for number in cited))


def is_labelled(content: str) -> bool:
    """Whether the content of brackets is a number with the name of a source, whatever that is called."""
    found = _LABELLED.fullmatch(content)
    return found is not None and not is_other_noun(found["label"] or "")


def is_other_noun(label: str) -> bool:
    """Whether the number after a noun names something else than a source: `figure 2`, `May 4`."""
    return label.lower() in _OTHER_NOUNS


def _without_words(content: str) -> str:
    """The content of brackets less the words and numbers that name and cite sources."""
    return re.sub(rf"(?i)\b{_WORD}\b|[\s{PLACE},;:.&]|\b(?:and|the|in|by)\b", "", content)


def _is_mark(found: re.Match[str], content: str) -> bool:
    """Whether a number in parentheses or braces cites: with the name of a source, or at the end of a clause."""
    if _NAMED.search(content):
        return True
    before = _RUN.sub("", found.string[: found.start()])
    if not re.fullmatch(r"[\d\s,;&–#№-]+", content) or not before.strip() or re.search(r"[\\^_}\d]$", before[-3:]):
        return False
    if (
        _cites_in_square(found.string)
        and not _BESIDE.search(before[-3:])
        and found.string[found.end() : found.end() + 1] != found[1]
    ):
        return False
    return not (found[1] == "{" and before[-1:].isalnum()) and _ends_clause(found)


_RUN_BEHIND = re.compile(r"(?:[ \t]?[({（]\d{1,3}[)}）])+")
_RUN = re.compile(r"(?:[({（]\d{1,3}[)}）][ \t]?)+$")
"""Marks in a row: what stands before the first and behind the last decides on all."""
_BESIDE = re.compile(rf"(?:[)\]】）}}]|{PLACE})\s?$")
_IN_SQUARE = re.compile(r"[\[【]\d{1,3}[\]】]")


@remembered(16)
def _cites_in_square(line: str) -> bool:
    """Whether the line cites in square brackets, so that `channels (3)` is a number."""
    return _IN_SQUARE.search(line) is not None


def _ends_clause(found: re.Match[str]) -> bool:
    """Whether a mark stands at the end of a clause, and not after a word that it repeats."""
    line = found.string[: found.start()].rpartition("\n")[2]
    end = found.end()
    if found[0][:1] in _ROUND and (run := _RUN_BEHIND.match(found.string, end)):
        end = run.end()
    after = found.string[end : end + 12]
    return bool(line.strip(" -•*#")) and not _NUMBER_WORD.search(line[-30:]) and bool(CLAUSE_END.match(after))


def _in_circle(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    return ("", tuple(int(unicodedata.numeric(each)) - 1 for each in found[0])) if _ends_clause(found) else None


def _listed(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    cited = numbers(found[1])
    return None if cited is None else ("", tuple(number - 1 for number in cited))


def _raised(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    if (
        _YEAR.search(found.string[max(0, found.start() - 5) : found.start()]) is None
        and found.string[found.start() - 1].isdigit()
    ):
        return None
    before = _LAST_WORD.search(found.string[max(0, found.start() - 30) : found.start()])
    spaced = found[0][:1].isspace()
    if before and not spaced and (before[0] in _UNITS or len(before[0]) == 1):
        return None
    figures = found[1].translate(_RAISED_DIGITS)
    cited = [int(each) for run in re.findall(r"\d+", figures) for each in re.findall(r"[1-9]0|\d", run)]
    return "", tuple(number - 1 for number in cited)


def _named(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    cited = numbers(found[1])
    if cited is None:
        return None
    return found[0][: found.start(1) - found.start()].rstrip(), tuple(number - 1 for number in cited)


def _in_words(found: re.Match[str], inner: Groups) -> tuple[str, tuple[int, ...]] | None:
    noun, number = found["noun"] or found["named"], _number_of(found["number"] or found["ordinal"])
    return None if number is None else (noun, (number - 1,))


def _number_of(word: str) -> int | None:
    """The number of a word; None for one that a pattern takes for it without regard to case alone: `firſt`."""
    return _NUMBERS.get(word.lower(), _ORDINALS.get(word.lower()))


def _joined(text: str, groups: Groups) -> tuple[str, Groups]:
    """Consecutive citations, with no more than a comma or an `and` between them, merged into one."""
    known = iter(groups)
    joined: Groups = []
    pieces: list[str] = []
    end = 0
    for run in _GROUP.finditer(text):
        before = text[end : run.start()]
        joined += [next(known) for _ in range(before.count(PLACE))]
        joined.append(tuple(index for _ in range(run[0].count(PLACE)) for index in next(known)))
        pieces += [before, PLACE]
        end = run.end()
    joined += known
    return "".join([*pieces, text[end:]]), joined
