"""Pronouns that stand for a person of whom the cited documents do not speak."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.splitting import STARTER
from groundeval.records import Document, Statement

_PRONOUN = re.compile(r"(?:He|She|His|Her)\b")
_NAME = re.compile(
    r"[A-Z][\w'’-]*\.?(?:\s+(?:(?:van|von|der|den|de|da|del|di|la|le|al|bin|af)\s+)*[A-Z][\w'’-]*\.?)+", re.UNICODE
)


def mistakes_person(place: int, statements: Sequence[Statement], docs: Sequence[Document]) -> bool:
    """Whether the statement begins with a pronoun for a person whom none of its cited documents names.

    The person is the name that begins the last statement before it that has no such pronoun: "Ada Ross won in 1901 [1].
    She won again in 1905 [2]", where document 2 is about somebody else. Without a name there, nothing is known.
    """
    statement = statements[place]
    if not _PRONOUN.match(statement.text):
        return False
    before = next((each.text for each in reversed(statements[:place]) if not _PRONOUN.match(each.text)), "")
    name = _NAME.match(before)
    if name is None or STARTER.match(before):
        return False
    parts = [part for part in re.findall(r"\w+", name[0].lower()) if len(part) > 2]
    cited = " ".join(docs[index].premise.lower() for index in statement.citations if 0 <= index < len(docs))
    return bool(parts and cited) and not any(re.search(rf"\b{part}\b", cited) for part in parts)
