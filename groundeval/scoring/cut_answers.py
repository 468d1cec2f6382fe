"""The note on answers that were cut at the limit on their length."""

from __future__ import annotations

from groundeval.records import Response


class CutAnswers:
    """Counts the answers that were cut, among the responses that have a text."""

    def __init__(self) -> None:
        self._cut = self._answers = 0

    def add(self, response: Response) -> None:
        """Count a response."""
        self._answers += response.status != "error"
        self._cut += response.was_cut

    def notes(self, longest: int | None = None) -> list[str]:
        """The note, if any was cut; `longest` is the limit in tokens, where it is known."""
        return cut_answers(self._cut, self._answers, longest)


def cut_answers(cut: int, answers: int, longest: int | None = None) -> list[str]:
    """`4 of 4 answers were cut at max_new_tokens=300`; nothing where none was."""
    limit = "the limit on their length" if longest is None else f"max_new_tokens={longest}"
    return [f"{cut} of {answers} answers were cut at {limit}"] if cut else []
