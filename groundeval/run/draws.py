"""The samples of a run: each question once for every answer that is drawn, as `#1`, `#2`, ... of its id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from groundeval.records import Example, Prompt
from groundeval.stats.repeats import repeat_id
from groundeval.storage.spool import Lazy


def drawn(examples: Sequence[Example], count: int) -> Sequence[Example]:
    """Each example once for every answer, read one at a time; unchanged if there is one answer each."""
    if count == 1:
        return examples

    def at(row: int) -> Example:
        example = examples[row // count]
        return replace(example, id=repeat_id(example.id, row % count + 1))

    return Lazy(count * len(examples), at)


def drawn_prompt(prompt: Prompt, row: int, count: int) -> Prompt:
    """The prompt of a question for the sample of a row."""
    if count == 1:
        return prompt
    draw = row % count + 1
    return replace(prompt, id=repeat_id(prompt.id, draw), draw=draw)
