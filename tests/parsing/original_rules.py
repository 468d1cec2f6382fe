"""The string rules of ALCE and Trust-Score a second time, character by character and without regular expressions.

Written from the definitions in docs/metrics.md, to compare the package's own functions with: slow and plain.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

Blocks = list[tuple[int, int]]
"""Where in the shorter and in the longer text a matching block begins."""


def normalized(text: str) -> str:
    """Lower case, no ASCII punctuation, no articles, one space between words."""
    kept = [each for each in text.lower() if each not in string.punctuation]
    pieces: list[str] = []
    word: list[str] = []
    for each in [*kept, " "]:
        # What is left of the characters of words: the underscore is punctuation.
        if each.isalnum():
            word.append(each)
            continue
        whole = "".join(word)
        pieces += [" " if whole in ("a", "an", "the") else whole, each]
        word = []
    return " ".join("".join(pieces).split())


def is_present(aliases: Sequence[str], text: str) -> bool:
    """Whether some alias is part of the text, both normalised."""
    return any(normalized(text).find(normalized(alias)) >= 0 for alias in aliases)


def cited(text: str) -> list[int]:
    """The number behind each opening bracket, less one."""
    found = []
    for position, each in enumerate(text):
        if each == "[" and (digits := _digits(text, position + 1)):
            found.append(_number(digits) - 1)
    return found


def without_citations(text: str) -> str:
    """Deleted, one after the other: a space and a citation, a citation, a space and a bar, a closing bracket."""
    for opening in (" [", "["):
        text = _without_numbered(text, opening)
    return "".join("".join(text.split(" |")).split("]"))


def refusal(pattern: str, text: str) -> int:
    """fuzzywuzzy's `partial_ratio` of two texts, as a whole number of percent.

    For each matching block of one edit script from the shorter to the longer text, the window of the longer one that
    begins where the shorter would have to, and twice the longest common subsequence by the length of both.
    """
    shorter, longer = sorted((normalized(pattern), normalized(text)), key=len)
    if not shorter:
        return 0
    best = 0.0
    for mine, theirs in matching_blocks(shorter, longer):
        start = max(theirs - mine, 0)
        window = longer[start : start + len(shorter)]
        best = max(best, 2 * _common(shorter, window) / (len(shorter) + len(window)))
    return 100 if best > 0.995 else round(100 * best)


def items(output: str) -> list[str]:
    """The items of a list answer: the output without spaces, full stops and commas at its end, cut at commas."""
    end = len(output.rstrip())
    for ending in ".,":
        while end and output[end - 1] == ending:
            end -= 1
    return [item.strip() for item in output[:end].split(",")]


def list_precision_and_recall(output: str, gold: Sequence[Sequence[str]]) -> tuple[int, float, float, float]:
    """Number of predictions, precision, recall, and recall of five."""
    predicted = [each for each in (normalized(item) for item in items(output)) if each]
    answers = [[normalized(alias) for alias in answer] for answer in gold]
    right = [each for each in predicted if any(each in answer for answer in answers)]
    hits = sum(any(alias in predicted for alias in answer) for answer in answers)
    precision = len(right) / len(predicted) if predicted else 0.0
    return len(predicted), precision, hits / len(gold), min(5, hits) / min(5, len(gold))


def matching_blocks(first: str, second: str) -> Blocks:
    """Runs of characters that a shortest edit script keeps, and the ends of both texts.

    Of several shortest scripts the one that python-Levenshtein finds: what both texts begin and end with is kept; from
    the end on, a deletion goes before an insertion, and that before a replacement.
    """
    head = 0
    while head < min(len(first), len(second)) and first[head] == second[head]:
        head += 1
    tail = 0
    while tail < min(len(first), len(second)) - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    kept = [(index, index) for index in range(head)]
    middle = _kept(first[head : len(first) - tail], second[head : len(second) - tail])
    kept += [(head + mine, head + theirs) for mine, theirs in middle]
    kept += [(len(first) - index, len(second) - index) for index in range(tail, 0, -1)]
    begins = [pair for index, pair in enumerate(kept) if not index or kept[index - 1] != (pair[0] - 1, pair[1] - 1)]
    return [*begins, (len(first), len(second))]


def _kept(first: str, second: str) -> Blocks:
    costs = [
        [row + column if not row or not column else 0 for column in range(len(second) + 1)]
        for row in range(len(first) + 1)
    ]
    for row, mine in enumerate(first, 1):
        for column, theirs in enumerate(second, 1):
            replaced = costs[row - 1][column - 1] + (mine != theirs)
            costs[row][column] = min(replaced, costs[row - 1][column] + 1, costs[row][column - 1] + 1)
    row, column = len(first), len(second)
    kept: Blocks = []
    while row and column:
        if costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
        elif column > 1 and costs[row][column - 1] == costs[row - 1][column - 1] - 1:
            column -= 1
        else:
            row, column = row - 1, column - 1
            if first[row] == second[column]:
                kept.append((row, column))
    return kept[::-1]


def _common(first: str, second: str) -> int:
    """Length of the longest common subsequence."""
    best = [0] * (len(second) + 1)
    for mine in first:
        diagonal = 0
        for column, theirs in enumerate(second, 1):
            above = best[column]
            best[column] = diagonal + 1 if mine == theirs else max(above, best[column - 1])
            diagonal = above
    return best[-1]


def _digits(text: str, start: int) -> str:
    end = start
    while end < len(text) and text[end].isdecimal():
        end += 1
    return text[start:end]


def _number(digits: str) -> int:
    """A number of any length; Python's own conversion refuses very long ones."""
    value = 0
    for each in digits[:20]:
        value = 10 * value + int(each)
    return value


def _without_numbered(text: str, opening: str) -> str:
    kept: list[str] = []
    position = 0
    while position < len(text):
        digits = _digits(text, position + len(opening)) if text.startswith(opening, position) else ""
        if digits:
            position += len(opening) + len(digits)
        else:
            kept.append(text[position])
            position += 1
    return "".join(kept)
