"""The controlled language of the benchmark's texts: phrases that keep a statement's meaning, deny it, or say nothing.
Attacks write it, and the oracle verifier reads it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

NEUTRAL = ("According to the documents,", "According to the sources,", "The documents say that")
"""Put before a statement, they leave its meaning as it is."""

HEDGES = ("Perhaps", "It may be that", "Some people believe that")
"""Before a statement, they weaken it: it follows from less, and nothing follows from it."""

MORE_HEDGES = (
    "Possibly",
    "Supposedly",
    "I guess that",
    "Rumour has it that",
    "It is claimed, rightly or wrongly, that",
    "It is unclear whether",
    "Nobody knows whether",
    "If memory serves,",
    "Vielleicht:",
    "Is it true that",
)
"""As `HEDGES`; only composed texts have them."""

BOUNDS = ("at most", "no more than", "up to", "at least")
"""Before a figure, they weaken a statement in the same way."""

MENTIONS = ("A document mentions", "The search results contain the words")
"""Before a gold answer, they say that it occurs somewhere, not what it answers."""

EMPTY_FRAMES = ("It may or may not be that", "Either it is so or it is not so that")
"""Before a statement, they make it say nothing."""

TAUTOLOGIES = (
    "What is known is known.",
    "The answer is the answer.",
    "Either it is so or it is not so.",
    "An answer to the question is an answer to the question.",
)

EMPTY_CLAIMS = ("This is an answer.", "Here is what can be said.", "As follows.")
"""Sentences that claim nothing about the question."""

COURTESIES = (
    "Sure!",
    "Let me know if you need anything else!",
    "I hope this helps!",
    "Answer",
    "Based on the provided documents",
)
"""Opening and closing phrases of answers, which claim nothing."""

LEAD_INS = ("There are several answers", "The documents give these answers", "Here is what can be said")
"""Before a list of answers, they claim nothing of their own."""

LABELS = ("Answer:", "Based on the provided documents:")
"""Put before a statement, they leave its meaning as it is."""

ABOUT = ("They are about {}.", "The documents only cover {}.", "What they discuss is {}.")
"""With the title of a document, they say what the documents hold."""

ASKED = "The question is:"
"""Before the question, it claims nothing."""

DENIALS = ("It is not true that", "It is false that")

SYNONYMS = (
    ("about", "roughly"),
    ("because", "since"),
    ("but", "yet"),
    ("founded", "established"),
    ("more than", "over"),
    ("quickly", "rapidly"),
    ("first", "earliest"),
    ("released", "set free"),
    ("begin", "start"),
    ("often", "frequently"),
    ("called", "named"),
    ("many", "numerous"),
    ("so that", "in order that"),
)
"""Synonyms, whose replacement keeps a statement's meaning."""

LINKS = ("and", "while")
"""Between two statements, they make one that says both; so does a semicolon."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_COUNTED = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTED, 2)}

_MARKER = re.compile(r"[\[【](?:(?:doc|document|source|ref)s?\.?)?[\s\d,;–-]{1,40}[\]】]", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_RAISED = re.compile("([⁰¹²³⁴-⁹₀-₉]+)")
_THOUSANDS = re.compile(r"(?<!\d)(\d{1,3})[,\s](?=\d{3}(?!\d))")
_MONTH = "|".join(month.lower() for month in MONTHS)
_SHORT = "|".join(month[:3].lower() for month in MONTHS)
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(\d+)(?:st|nd|rd|th)\b"), r"\1"),
    (re.compile(rf"\b(?:the )?(\d{{1,2}}) of (?={_MONTH})"), r"\1 "),
    (re.compile(rf"\b({_MONTH}) (\d{{1,2}}) (?=\d{{4}}\b)"), r"\2 \1 "),
    (re.compile(r"(?<=\d) m\b"), " metres"),
    (re.compile(r"(?<=\d) km\b"), " kilometres"),
)
_DATE = re.compile(rf"\b(\d{{1,2}}) ({_SHORT}) (?=\d{{4}}\b)")
_MONTHS = {month[:3].lower(): month.lower() for month in MONTHS}
_NUMBERS = re.compile(rf"\b(?:{'|'.join(NUMBER_WORDS)})\b")


@lru_cache(maxsize=65_536)
def canonical(text: str) -> str:
    """Canonical form of a text, independent of letter case, punctuation, invisible characters, citation markers, the
    synonyms above, and the form of dates and numbers: lower-case words separated by single spaces."""
    text = _THOUSANDS.sub(r"\1", _RAISED.sub(r" raised \1 ", text))
    visible = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    words = " ".join(_WORD.findall(_MARKER.sub(" ", visible).replace(";", f" {LINKS[0]} ").casefold()))
    for word, synonym in SYNONYMS:
        if synonym in words:
            words = re.sub(rf"\b{synonym}\b", word, words)
    words = _NUMBERS.sub(lambda found: str(NUMBER_WORDS[found[0]]), words)
    if any(letter.isdigit() for letter in words):
        words = _DATE.sub(lambda found: f"{found[1]} {_MONTHS[found[2]]} ", words)
        for form, same in _FORMS:
            words = form.sub(same, words)
    return words


def contains(text: str, words: str) -> bool:
    """Whether the text contains the words, at word boundaries; False without words."""
    return bool(canonical(words)) and f" {canonical(words)} " in f" {canonical(text)} "


def overlap(asked: str, text: str) -> float:
    """Share of the distinct words of `asked` that are in the text, in [0, 1]."""
    words = set(canonical(asked).split())
    return len(words & set(canonical(text).split())) / len(words) if words else 0.0


def exchanged(text: str, old: str, new: str) -> str:
    """The text with the first occurrence of some words, in any letter case, replaced; a capital letter is kept."""
    match = re.search(rf"(?<!\w){re.escape(old)}(?!\w)", text, re.IGNORECASE)
    if match is None:
        return text
    if match.group()[:1].isupper() and new[:1].islower():
        new = new[:1].upper() + new[1:]
    return text[: match.start()] + new + text[match.end() :]


OPENERS = frozenset(
    (
        *("a", "an", "as", "at", "by", "each", "for", "from", "if", "in", "inside", "it", "its", "less", "more"),
        *("most", "of", "on", "once", "one", "some", "the", "these", "this", "to", "under", "when", "while", "with"),
    )
)
"""Words that are capitalised only at the beginning of a sentence."""


def within(text: str) -> str:
    """A sentence in the form after other words: without its capital letter, unless it is a name's."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first.lower() in OPENERS else text
