"""Phrases that carry a citation and say nothing else: `as [1] states`, `(supported by [2])`, `Source: [3]`.

They are told by what they lack: they have no content word, no negation, and a word of telling, of support or for a
source. The phrase goes, and the citation stays.
"""

from __future__ import annotations

import re

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.citations import Cited
from groundeval.parsing.strict.content import content
from groundeval.parsing.strict.sources import SOURCE
from groundeval.parsing.strict.wording import is_negated, is_telling

_CARRYING = re.compile(
    rf"(?i)\b(?:according|based|basis|per|from|via|see|cf|by|in|cit(?:e|es|ed|ing)|evidence|laut|nach|gemäß|selon|d['’]après|según"
    rf"|secondo|segundo|volgens|enligt|ifølge|według|согласно|по|согласно|göre|menurut|theo|{SOURCE})\b"
    r"|根据|根據|依据|據|によると|によれば|에 따르면"
)
_ATTRIBUTING = re.compile(
    r"(?i)\b(?:points? out|pointed out|makes? (?:it )?clear|made (?:it )?clear|goes on to|learn\w*|gather\w*"
    r"|read(?:s|ing)?|authors?|writers?|one finds|wr(?:ites?|itten|ote)"
    r"|quot\w+|attest\w*|corroborat\w+|claims?|asserts?|argues?|observes?|remarks?|suggests?|put it|we see)\b"
)
"""Verbs that attribute what follows, or what stands before, to a source, and leave its sense as it is."""
_ARTICLES = re.compile(
    r"(?i)\b(?:le|la|les|el|los|las|il|lo|gli|der|die|das|den|dem|de|du|del|della|het|een|un|une|ein|eine)\b"
)
_ADDING = re.compile(
    r"(?i)\W*(?:also|and|but|further(?:more)?|moreover|additionally|however|finally|similarly|likewise|next|lastly|first(?:ly)?"
    r"|second(?:ly)?|third(?:ly)?|so|thus|hence)\W*"
)
_JOINS = re.compile(r"(?i)\W*(?:and|but|while|whereas|whilst|yet|or|although|however|und|aber|et|mais|y|pero)\b")
_FAR_FROM = re.compile(r"(?i)\bfar from\b")
_WORD = re.compile(r"[^\W\d_]+")
_SEPARATORS = ',;:(（—–"“”'
_BEFORE = re.compile(rf"[{_SEPARATORS}][^{_SEPARATORS}\n]{{0,80}}$")
_AFTER = re.compile(r"[^,;:.)）!?—–\n]{0,60}?(?=\s*(?:[,;.)）!?。—–\n]|$))")
_INFINITIVE = re.compile(r",\s*(?!\w*(?:s|ed|ing|per|see|cf|via|from|by)\b)\w+\s*")
"""In "It lets the carotenoids, which were there, show [3]" the verb is the sentence's own."""
_MOST_WORDS = 8


@remembered(4_096)
def carries(phrase: str) -> bool:
    """Whether a phrase, given without its citation, only says where something is said."""
    if _says_too_much(phrase) or not (count := len(_WORD.findall(phrase))):
        return False
    told = _CARRYING.search(phrase)
    if told is not None and count <= 1 + len(_WORD.findall(told[0])) and not phrase.isascii():
        return True
    attributed = _ATTRIBUTING.sub(" ", phrase)
    is_carrier = told or attributed != phrase or is_telling(phrase)
    said = _ARTICLES.sub(" ", _CARRYING.sub(" ", attributed))
    return bool(is_carrier) and not content(said) and not is_negated(phrase) and not _FAR_FROM.search(phrase)


def _says_too_much(phrase: str) -> bool:
    """Whether a phrase has a figure, or more words than one that carries a citation has."""
    return any(map(str.isdigit, phrase)) or len(_WORD.findall(phrase)) > _MOST_WORDS


def without_carriers(cited: Cited) -> Cited:
    """The text without the phrases, inside or at the end of a sentence, that carry its citations."""
    pieces: list[str] = []
    marks: list[tuple[int, tuple[int, ...]]] = []
    end = length = 0
    for offset, indices in cited.marks:
        if offset >= end and (span := _phrase(cited.plain, end, offset)) is not None:
            start, after = span
            pieces.append(cited.plain[end:start])
            length += start - end
            marks.append((length, indices))
            end = after
        elif not (end and offset <= end and {*indices} == {*marks[-1][1]}):
            # "It is so, as documents 1 and 3 say [1][3]" cites each once.
            marks.append((length + max(0, offset - end), indices))
    if not end:
        return cited
    return Cited("".join([*pieces, cited.plain[end:]]), tuple(marks))


def _phrase(plain: str, begin: int, offset: int) -> tuple[int, int] | None:
    """The offsets of the phrase around a citation, with what separates it from the text before it."""
    near = max(begin, offset - 90)
    separator = max(plain.rfind(each, near, offset) for each in _SEPARATORS)
    before = None if separator < 0 else _BEFORE.match(plain, separator, offset)
    if before is None or not any(map(str.isalnum, plain[begin : before.start()])) or _says_too_much(before[0]):
        return None
    if _ADDING.fullmatch(plain, begin, before.start()):
        # In "Also, as per [1], it is so" the phrase introduces the sentence.
        return None
    after = _AFTER.match(plain, offset)
    if after is not None and not after[0].strip() and _INFINITIVE.fullmatch(before[0]):
        return None
    if after is None or not carries(before[0][1:] + after[0]):
        return None
    is_open, end = before[0][0] in "(（", after.end()
    closing = re.match(r"\s*[)）]", plain[end:])
    if is_open != bool(closing):
        return None
    start = before.start()
    while start > begin and plain[start - 1].isspace():
        start -= 1
    if closing:
        return start, end + closing.end()
    # In "It was, according to [3], tall" the phrase has two commas.
    goes_on = before[0][0] == "," and plain[end : end + 2] == ", "
    if goes_on and _JOINS.match(before[0]):
        # "..., while according to [3], it was tall" begins a clause.
        return None
    return start, end + goes_on
