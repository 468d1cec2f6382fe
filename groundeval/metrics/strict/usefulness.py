"""Usefulness of an answer: the share of its words that serve the reader."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.metrics.lists import ratio
from groundeval.metrics.profiles import StrictStatement
from groundeval.metrics.reading import Reading
from groundeval.metrics.strict.gold import Brought, Part, other_items
from groundeval.metrics.strict.judging import StrictlyJudged
from groundeval.parsing.strict.language import differs
from groundeval.parsing.strict.matching import spelled
from groundeval.parsing.strict.wording import without_opener
from groundeval.parsing.strict.words import words

ROOM = 2
"""Words allowed for each gold answer besides those of the question and twice its own."""
ALLOWANCE = 40
"""Number of neutral words that cost little: openers, context, a summary."""
LITTLE = 0.05
"""Cost of a word within the allowance, in words."""
SHORTEST = 8
"""Least number of words that a wrong statement, or an item of a list, counts as."""
AGAIN = 1
"""Cost, in words, of an item that gives an answer again."""
FOREIGN = 0.95
"""Worth of a word to a reader who asked in another language: little less, since many such readers understand it."""
_PARENTHESES = re.compile(r"[(\[]([^()\[\]]*)[)\]]")


def useful(bringing: Brought, judged: Sequence[StrictlyJudged], reading: Reading) -> float:
    """Share of an answer, by words, that gives gold answers, in [0, 1]; 0 if no statement gives one.

    Words of statements that give one are useful up to their `ROOM`; words of unsupported statements are useless.
    Neutral words cost little within the allowance and their full number beyond it.
    """
    places = {place for found in bringing.values() for place in found}
    question = words(reading.response.example.question)
    is_list = reading.kind == "list"
    gold = reading.response.example.answers or ()
    good = bad = besides = listed = 0.0
    given = [alias for part in bringing for alias in part.aliases]
    for place, (statement, each) in enumerate(zip(reading.statements, judged, strict=True)):
        said = words(without_opener(statement.text))
        if place in places:
            parts = [part for part, found in bringing.items() if place in found]
            aside = _in_parentheses(statement.text, [alias for part in parts for alias in part.aliases])
            if reading.kind != "claims":
                said += sum(_saved(part, statement.text, reading.response.example.question) for part in parts)
            good += max(SHORTEST * len(parts) if is_list else SHORTEST, said - aside)
            besides += aside
            if is_list:
                bad += SHORTEST * other_items(statement.text, gold, reading.response.example.question)
        elif isinstance(statement, StrictStatement) and statement.kind == "source":
            listed += LITTLE * said
        elif each.role == "aside" or (each.role == "supported" and not is_list):
            besides += said
        elif is_list and each.role == "supported" and spelled(given, statement.text):
            # An answer given again.
            bad += AGAIN
        else:
            bad += max(SHORTEST, said)
    room = sum(max(SHORTEST, ROOM + question + 2 * _longest(part)) for part in bringing)
    besides += max(0.0, good - room)
    good = min(good, room)
    free = min(besides, ALLOWANCE)
    is_foreign = good and differs(reading.plain, reading.response.example.question, lambda: _documents(reading))
    return ratio(FOREIGN * good if is_foreign else good, good + bad + listed + LITTLE * free + (besides - free))


def _longest(part: Part) -> int:
    return max(map(words, part.aliases), default=0)


def _saved(part: Part, text: str, question: str) -> int:
    """Words by which the spelling used is shorter than the longest alias, so that short names lose nothing."""
    written = spelled(part.aliases, text, question)
    return 0 if written is None else max(0, _longest(part) - words(written))


def _in_parentheses(text: str, aliases: Sequence[str]) -> int:
    """Number of words of a statement in parentheses that hold none of the answers it gives, or repeat one."""
    outside = _PARENTHESES.sub(" ", text)
    missing = [alias for alias in aliases if spelled([alias], outside) is None]
    return sum(words(found[1]) for found in _PARENTHESES.finditer(text) if spelled(missing, found[1]) is None)


def _documents(reading: Reading) -> str:
    return " ".join(document.text for document in reading.response.example.docs or ())
