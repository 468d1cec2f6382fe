"""Results of functions of texts are kept, but not more than fit into bounded memory."""

from __future__ import annotations

import pytest

from groundeval.parsing import remembered as module
from groundeval.parsing.remembered import remembered


def test_what_was_asked_last_is_not_computed_again_and_long_texts_make_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_CHARACTERS", 100)
    asked: list[str] = []

    @remembered(3)
    def length(text: str) -> int:
        """The length."""
        asked.append(text)
        return len(text)

    assert [length(text) for text in ("a", "b", "a", "b")] == [1, 1, 1, 1]
    assert asked == ["a", "b"]
    assert (length.__name__, length.__doc__) == ("length", "The length.")  # type: ignore[attr-defined]
    assert length("x" * 99) == 99
    assert length.cache_info().currsize == 1  # type: ignore[attr-defined]
    assert length("a") == 1
    assert asked == ["a", "b", "x" * 99, "a"]
    length.cache_clear()
    assert length("a") == 1
    assert len(asked) == 5
