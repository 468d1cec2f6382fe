"""Frames that take back what a clause says: it is asked, supposed, commanded, doubted, another's, or no longer so.

`Some readers claim that the documents do not say why.` and `I almost could not find an answer.` are no refusals.
"""

from __future__ import annotations

import re

_THINKS = (
    r"(?:thinks?|thought|claims?|claimed|says?|said|believes?|believed|argues?|argued|insists?|supposes?|objects?)"
)
_SOMEBODY = (
    r"(?:(?:some|many|most|other|a few) )?(?:people|readers?|critics?|users?|scholars?|experts?|historians?|reviewers?)"
    r"|you|everyone|everybody|someone|somebody|(?:my|your|his|her|a|the) (?:colleague|friend|boss|teacher"
    r"|reader|reviewer|user)s?"
)
_UNREAL = re.compile(
    r"\b(?:wrongly|falsely)\b|^\W*as if\b|^\W*(?:why|how|what|who|when|where|could|can|did|do|does|is|are|am|have|has"
    r"|was|were|would|should|will|shall|must)\b.*\?\W*$"
    r"|^\W*(?:if (?!you\b)|suppose|imagine|assum(?:e|ing)|pretend|say|write|reply|respond|repeat|print|claim)\b"
    r"|\b(?:would|should) (?:have )?(?:sa(?:y|id)|tell|told|write|answer)\b"
    rf"|^\W*(?:\w+,? )?(?:{_SOMEBODY}) (?:(?:might|may|could|would|will|often|also|have|has) ){{0,2}}{_THINKS}\b"
    r"(?! nothing)"
    r"|\b(?:I|we|one) (?:\w+ )?(?:doubt|deny|dispute)\b|\b(?:lying|joking|kidding|lie|joke) (?:if|when|that)\b"
    r"|\bif (?:I|we|one|you) (?:said|say|told|claimed|wrote)\b"
    r"|^\W*(?:when(?:ever)?|until|before) (?:I|we|they|it|the \w+) (?:could|can|did|do|does|was|were) not\b"
    r"|\b(?:I|we|they|documents?|sources?|passages?) (?:almost|nearly) (?:could|can|did|do|does|was|were|failed|missed)"
    r"|^\W*(?:yesterday|at first(?: glance| sight)?|initially|originally|formerly|last (?:time|week|month|year))"
    r",? (?:I|we|the|these|no|none)\b",
    re.IGNORECASE,
)


def is_unreal(clause: str) -> bool:
    """Whether the frame of a clause takes back what it says about the documents."""
    return _UNREAL.search(clause) is not None
