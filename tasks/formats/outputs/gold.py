"""Gold data without a declared kind: answers, to be matched as strings, or claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.statements import sentences
from groundeval.tasks.formats.outputs.parts import Misfit
from groundeval.tasks.formats.outputs.texts import decoded

_SHORT = 5
"""Most words of an answer matched as a string: longer ones are hardly ever repeated word for word."""
_ALLOWED = "a string, a list of strings, or a list of lists of aliases"


def gold_from(value: Any, field: str) -> list[list[str]]:
    """Gold answers, each a list of its aliases; empty ones are left out."""
    value = decoded(value)
    if isinstance(value, Mapping):
        inside = value.get("text", value.get("answer"))
        if inside is None:
            raise Misfit(field, value, _ALLOWED)
        value = [inside]  # as SQuAD has it: the aliases of one answer, or one
    if value is None or (isinstance(value, str) and not value):
        return []
    items = value if isinstance(value, list) else [value]
    answers = [[_text(alias, field) for alias in (item if isinstance(item, list) else [item])] for item in items]
    return [kept for answer in answers if (kept := [alias for alias in answer if alias.strip()])]


def _text(value: Any, field: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # NaN is no answer
        with suppress(ValueError):  # more digits than Python writes
            return str(value)
    raise Misfit(field, value, _ALLOWED)


def kind_of_gold(answers: Iterable[list[list[str]]]) -> AnswerKind:
    """`em` where all gold answers are short, so that an output can hold them literally; else `claims`."""
    aliases = [alias for each in answers for answer in each for alias in answer]
    return "em" if all(len(alias.split()) <= _SHORT and not _is_sentence(alias) for alias in aliases) else "claims"


def _is_sentence(text: str) -> bool:
    return bool(re.search(r"\s", text.strip()) and re.search(r"[.!?。]$", text.strip()))


def claims_in(answers: list[list[str]]) -> list[str]:
    """The sentences of gold answers, each a claim that an output must entail."""
    return [sentence for answer in answers if answer for sentence in sentences(answer[0])]
