"""`reward_func` for OpenRLHF: name this file as `--reward.remote_url` (`groundeval rewards path openrlhf`).

Environment variables select the reward (`rewards/adapters/settings.py`), since OpenRLHF passes no arguments on. Labels
are those of `groundeval data export --format openrlhf`. `groundeval serve-rewards` offers the same over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, SampleError, excerpt
from groundeval.parsing.special_tokens import without_end_tokens
from groundeval.rewards.adapters.settings import rewarder_from_environment
from groundeval.rewards.columns import Carried, carried, opened
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Rewards of completed queries (prompt and response, special tokens kept), in OpenRLHF's form.

    Raises SampleError for the whole call if one sample failed: OpenRLHF cannot leave a sample out; DataError for lists
    of different lengths, and for a query, prompt or label that is not of the export's form.
    """
    import torch

    if not len(queries) == len(prompts) == len(labels):
        raise DataError(f"{len(queries)} queries, {len(prompts)} prompts and {len(labels)} labels: must be as many")
    rollouts = [rollout(*each) for each in zip(queries, prompts, labels, strict=True)]
    rewarder = rewarder_from_environment()
    rewarded = rewarder(rollouts)
    for each in rewarded:
        if each.total is None:
            raise SampleError(f"sample {each.id} has no reward: {each.error}")
    found = answer(rewarded, run_anywhere(lambda: parts(rewarder, labels)))
    tensors = {name: torch.tensor(found[name]) for name in ("rewards", "scores")}
    return {**tensors, "extra_logs": {name: torch.tensor(each) for name, each in found["extra_logs"].items()}}


def rollout(query: str, prompt: str, label: str) -> Rollout:
    """The rollout of a query. Raises DataError for a label that is not one of the export's, and for a query that does
    not begin with its prompt."""
    for name, text in (("query", query), ("prompt", prompt)):
        if not isinstance(text, str):
            raise DataError(f"{name} {excerpt(text)}: must be a string")
    found = _label(label)
    return Rollout(found.task, found.example, response_in(query, prompt), opened(prompt) or found.prefill)


def _label(label: str) -> Carried:
    try:
        return carried(label)
    except DataError:
        raise DataError(
            f"label {excerpt(label)}: must be JSON with `task` and `example`.\n"
            "  Write the data with: groundeval data export --format openrlhf, and name `label` as the label key"
        ) from None


def response_in(query: str, prompt: str) -> str:
    """The response in a query, without end tokens: the text after its prompt.

    OpenRLHF cuts long prompts from the left but passes the whole one: the response is the text after the longest suffix
    of the prompt with which the query begins. White space is ignored in the comparison, since many tokenizers drop
    spaces before punctuation when they decode. So are a start token before the prompt and a character broken by the
    cut. Raises DataError if the query does not begin with any part of the prompt.
    """
    if query.startswith(prompt):
        return without_end_tokens(query[len(prompt) :])
    wanted = "".join(prompt.split())
    for begun in dict.fromkeys((query, _START.sub("", query))):
        length = len(wanted) - _cut("".join(begun.split()), wanted)
        if length:
            rest = begun[_end_of(length, begun) :]
            return without_end_tokens(rest.removeprefix(prompt[len(prompt.rstrip()) :]))
    raise DataError(
        f"query {excerpt(query)}: does not begin with its prompt, nor with an end of it: ...{excerpt(prompt[-80:])}.\n"
        "  A query must be the prompt, which may be cut from the left, and the response behind it"
    )


_START_TOKENS = ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<｜begin▁of▁sentence｜>", "[BOS]", "\ufffd")
_START = re.compile("|".join(map(re.escape, _START_TOKENS)))


def _cut(query: str, prompt: str) -> int:
    """The start of the longest suffix of the prompt with which the query begins; without one, the prompt's length.

    By the algorithm of Knuth, Morris and Pratt: comparing every suffix would take hours for a prompt of one letter.
    """
    query = query[: len(prompt)]
    borders, length = [0] * len(query), 0
    for place in range(1, len(query)):
        while length and query[place] != query[length]:
            length = borders[length - 1]
        length += query[place] == query[length]
        borders[place] = length
    length = 0
    for character in prompt:
        while length and (length == len(query) or character != query[length]):
            length = borders[length - 1]
        length += length < len(query) and character == query[length]
    return len(prompt) - length


def _end_of(count: int, text: str) -> int:
    """The place after the first `count` characters of a text that are not white space."""
    places = (place for place, character in enumerate(text) if not character.isspace())
    return next(islice(places, count - 1, None)) + 1


async def parts(rewarder: Rewarder, labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the parts that are logged for every sample. OpenRLHF requires the same names throughout a batch."""
    found = map(_label, labels)
    return await rewarder.parts(rewarder.known_tasks(*(task for each in found for task in (each.task, *each.tasks))))


def answer(rewarded: Sequence[Rewarded], names: Sequence[str]) -> dict[str, Any]:
    """`rewards`, `scores` and `extra_logs`. A failed sample has None, which stops OpenRLHF, rather than 0.

    The logs hold the contribution of each named part: 0 where it does not apply.
    """
    totals = [each.total for each in rewarded]
    return {
        "rewards": totals,
        "scores": totals,
        "extra_logs": {name: [each.components.get(name) or 0.0 for each in rewarded] for name in names},
    }
