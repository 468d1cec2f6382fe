"""The parameters of OpenAI's protocol that one server accepts, learnt from its refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

LENGTH_FIELDS = ("max_tokens", "max_completion_tokens")
"""The two names of the limit on an answer's length; a server may accept only one of them."""
UNFIT = frozenset({400, 422})
"""Statuses of a request that the server read and rejected."""

_REFUSES = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|forbidden|deprecated|"
    r"invalid|cannot|can't|must|should|only|extra|between|range|instead|at (?:most|least)",
    re.IGNORECASE,
)
_NOT_KNOWN = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|forbidden|deprecated|"
    r"extra|instead",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"too (?:large|long|many)|context|exceed", re.IGNORECASE)


class Dialect:
    """The names of parameters in one server's requests, kept for the life of this process.

    Shared by all threads and requests: later requests use what earlier ones have learnt.
    """

    def __init__(self, length_field: str | None = None) -> None:
        self._asked = length_field
        self._length_field = length_field or LENGTH_FIELDS[0]
        self._tried = {self._length_field}
        self._left_out: set[str] = set()

    def written(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters under this server's names; `max_tokens` is the limit on the answer's length."""
        named = {self._length_field if name in LENGTH_FIELDS else name: each for name, each in parameters.items()}
        return {name: each for name, each in named.items() if name not in self._left_out}

    def learns(self, sent: Mapping[str, Any], status: int, answer: bytes, dispensable: Collection[str] = ()) -> bool:
        """Learn from a refused request. True if it may be sent again, rewritten.

        The length limit then has its other name, unless the user chose its name; of the parameters that the server
        refuses, those that are `dispensable` are left out.
        """
        refused = refused_parameters(sent, status, answer)
        for name in refused:
            if name in LENGTH_FIELDS and self._asked is None:
                if name == self._length_field:
                    other = next(each for each in LENGTH_FIELDS if each != name)
                    if other in self._tried:
                        return False
                    self._tried.add(other)
                    self._length_field = other
                return True
        spare = set(refused) & set(dispensable)
        self._left_out |= spare
        return bool(spare)


def refused_parameters(sent: Collection[str], status: int, answer: bytes) -> tuple[str, ...]:
    """Those of the parameters `sent` that a refusal names, in their order; empty if it is about something else.

    The length limit counts if its name is unknown to the server, not if the prompt leaves no room for the answer.
    """
    if status not in UNFIT:
        return ()
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        content = None
    try:
        named = set(_named_in(content))
        text = " ".join(_texts_in(content)) if content is not None else answer.decode("utf-8", "replace")
    except RecursionError:  # nested almost too deeply to be read
        return ()
    found = [name for name in sent if name in named or (_REFUSES.search(text) and _is_named(name, text))]
    return tuple(
        name for name in found if name not in LENGTH_FIELDS or (_NOT_KNOWN.search(text) and not _TOO_LONG.search(text))
    )


def _named_in(content: object) -> Iterator[str]:
    """Names in the fields that servers have for them: `error.param`, and `loc` of the entries of `detail`."""
    if isinstance(content, list):
        for each in content:
            yield from _named_in(each)
    elif isinstance(content, dict):
        for key, each in content.items():
            if key == "param" and isinstance(each, str):
                yield each
            elif key == "loc" and isinstance(each, list):
                yield from (str(part) for part in each)
            elif key in ("error", "errors", "detail"):
                yield from _named_in(each)


def _texts_in(content: object) -> Iterator[str]:
    """All texts in an answer."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for each in content:
            yield from _texts_in(each)
    elif isinstance(content, dict):
        # An echo of the request is not part of the message.
        yield from (text for key, each in content.items() if key not in ("input", "body") for text in _texts_in(each))


def _is_named(name: str, text: str) -> bool:
    """Whether a text names a parameter: in quotes, or bare where no other word is written like it."""
    if re.search(rf"""['"`]{name}['"`]""", text):
        return True
    if "_" in name:
        return re.search(rf"\b{name}\b", text) is not None
    before = rf"(?:parameters?|arguments?|fields?|inputs?)\W+(?:supplied\W+)?{name}\b"
    after = rf"\b{name}\b (?:is|was|must|should|does|cannot|may|has to)\b"
    return re.search(f"{before}|{after}", text, re.IGNORECASE) is not None
