"""Whether a text gives a gold answer, as far as words tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN
from groundeval.parsing.strict.content import content
from groundeval.parsing.strict.matching import holds
from groundeval.parsing.strict.tokens import alias_tokens, may_hold, tokens
from groundeval.parsing.strict.words import words

LONGEST_NAME = 8
"""Words. A longer gold answer is a claim, which an answer need not contain."""


def tells(text: str, question: str, answers: Sequence[Iterable[str]]) -> bool:
    """Whether the text contains a gold answer with words that are neither in the question nor in the refusal."""
    possible = [near for aliases in answers if (near := [alias for alias in aliases if may_hold(alias, text)])]
    if not possible:
        return False
    said, known = tokens(text), {*tokens(question), *tokens(REFUSAL), *tokens(REFUSAL_PATTERN)}
    telling = [
        [alias for alias in aliases if not known.issuperset(alias_tokens(alias)) and content(alias)]
        for aliases in possible
    ]
    return any(holds(aliases, said) for aliases in telling)


def in_any_words(answers: Sequence[Iterable[str]]) -> bool:
    """Whether some gold answer is a claim in whole sentences, which a text may give in any words."""
    return any(words(alias) > LONGEST_NAME for aliases in answers for alias in aliases)
