"""The core of all adapters: rewards for rollouts of any tasks, with one verifier and common batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, UsageError, UserError, excerpt
from groundeval.metrics.metric import Entailment
from groundeval.nli import NLI, connect
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.parsing.reasoning_formats import tags_of_text
from groundeval.parsing.special_tokens import without_end_tokens
from groundeval.records import Document, Example, QAPair, Response
from groundeval.rewards.columns import example_of
from groundeval.rewards.registry import checked_parameters, load_reward, recipe_of, title_of
from groundeval.rewards.reward import Reward, Rewarded
from groundeval.tasks import TASKS

logger = logging.getLogger(__name__)


class Rollout(NamedTuple):
    """One completion, as a trainer knows it."""

    task: str
    example: str
    """The column `example`: JSON."""
    text: str
    """The text after the rendered prompt, with all tags; end-of-turn and padding tokens may follow it."""
    prefill: str = ""
    """The reasoning tag opened by the chat template, with the white space after it."""
    finish_reason: str | None = None

    def check(self) -> None:
        """Raises DataError, which names the field, for a value that is no text: trainers pass on what data hold."""
        for name in ("task", "example", "text", "prefill"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise DataError(f"rollout: {name} is {excerpt(value)}; it must be a text")

    @property
    def ends_unopened_thought(self) -> bool:
        """Whether the text closes a thought that neither it nor the prefill opens."""
        whole = self.prefill + self.text
        tags = tags_of_text(whole)
        return tags.think_close in whole and tags.think_open not in whole

    def response(self) -> Response:
        """The response as in evaluation, without end tokens. Raises DataError for a wrong `example`."""
        return Response.build(
            example_of(self.example),
            without_end_tokens(self.text),
            prefill=self.prefill,
            finish_reason=self.finish_reason,
        )


@cache
def _warn_of_unopened_thoughts() -> None:
    logger.warning(
        "a completion ends a thought that it does not begin: the chat template seems to open it, and the data do not "
        "say so. Write the tag into the data (groundeval data export --tokenizer MODEL), or give it as `prefill`"
    )


_SILENT = Response.build(
    Example(
        "silent",
        "?",
        docs=(Document("", "", answers_found=(0,)),),
        answers=(("x",),),
        qa_pairs=(QAPair("?", ("x",)),),
        claims=("x",),
        answer="x",
        annotations=("x", "x"),
    ),
    "",
)
"""An empty response to an example with all fields, for the names of parts."""


@dataclass(frozen=True)
class Rewarder:
    """One reward, or several with weights, for responses to any tasks. It pickles and connects its verifier when used.

    Names and parameters are checked on creation. With several rewards the total is the weighted sum of their totals,
    None if one of them is None, and parts are called `reward/part`.
    """

    weights: Mapping[str, float]
    """Weights of the rewards, by name in the form of `load_reward`."""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameters by name of the reward."""
    nli: str = "true"
    nli_options: Mapping[str, Any] = field(default_factory=dict)
    _bound: dict[str, tuple[Reward, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _parts: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        rewards: str | Mapping[str, float],
        *,
        nli: str = "true",
        nli_options: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Rewarder:
        """The rewarder for a reward's name, or for names with weights.

        `parameters` are those of the reward; with several rewards, a mapping from their names to their parameters.
        Raises UsageError for unknown rewards and parameters.
        """
        options, given = dict(nli_options or {}), dict(parameters or {})
        if isinstance(rewards, str):
            return cls({rewards: 1.0}, {rewards: given}, nli, options)
        return cls(dict(rewards), given, nli, options)

    def __post_init__(self) -> None:
        if not self.weights:
            raise UsageError("rewards: name at least one")
        for name, weight in self.weights.items():
            if not isinstance(weight, int | float) or not isfinite(weight):
                raise UsageError(f'weight of reward "{name}": {excerpt(weight)}; must be a finite number')
        for name in self.parameters:
            if name not in self.weights:
                raise UsageError(f'parameters of "{name}": no such reward here; there are: {", ".join(self.weights)}')
        for name in self.weights:
            checked_parameters(name, recipe_of(name), self.parameters.get(name, {}))

    def __getstate__(self) -> dict[str, Any]:
        # Bound rewards may hold functions of a plugin file, which another process has not loaded yet.
        return {**self.__dict__, "_bound": {}}

    @property
    def name(self) -> str:
        """The display name, the same in every process: the reward's name, or several joined by `+`."""
        return "+".join(map(title_of, self.weights))

    def bound(self, task: str) -> tuple[Reward, ...]:
        """The rewards, bound to a task. Raises UserError for an unknown task or one that a reward cannot judge."""
        if task not in self._bound:
            self._bound[task] = tuple(
                load_reward(name, task, nli=self.nli, nli_options=self.nli_options, **self.parameters.get(name, {}))
                for name in self.weights
            )
        return self._bound[task]

    def for_task(self, task: str) -> Reward:
        """The first of the rewards, bound to a task."""
        return self.bound(task)[0]

    def fitting(self, tasks: Iterable[str]) -> list[str]:
        """The tasks that all rewards can judge. Raises UsageError with the reasons if there are none."""
        found, reasons = [], dict[str, str]()
        for task in tasks:
            try:
                self.bound(task)
            except UserError as error:
                reasons.setdefault(str(error), task)
            else:
                found.append(task)
        if not found:
            lines = "".join(f"\n  {task}: {reason}" for reason, task in list(reasons.items())[:3])
            raise UsageError(f'reward "{self.name}" can judge none of the registered tasks:{lines}')
        return found

    def check_task(self, task: str) -> None:
        """Check that the rewards can judge a task. Raises UsageError with the reason."""
        try:
            self.bound(task)
        except UserError as error:
            raise UsageError(f'reward "{self.name}" cannot judge task "{task}": {error}') from error

    def known_tasks(self, *others: str) -> tuple[str, ...]:
        """The registered tasks that the rewards can judge, and `others`."""
        return tuple(dict.fromkeys([*others, *self.fitting((*TASKS.names(), *others))]))

    async def parts(self, tasks: Iterable[str]) -> tuple[str, ...]:
        """The names of all parts that the rewards have for these tasks, sorted.

        For trainers that require the same keys for all samples of a batch. Raises UserError for an unknown task or one
        that a reward cannot judge.
        """
        for task in tasks:
            if task not in self._parts:
                # A formula has the same parts for every sample; an empty response needs no verifier.
                [silent] = await self.score_responses([_SILENT], [task], NLI(Lexical()))
                self._parts[task] = tuple(silent.components)
        return tuple(sorted({name for task in tasks for name in self._parts[task]}))

    def verifier(self, tasks: Iterable[str]) -> NLI | None:
        """The verifier's handle in this process, not yet loaded; None if no reward needs one for these tasks."""
        asks = any(reward.asks_nli for task in dict.fromkeys(tasks) for reward in self.bound(task))
        return connect(self.nli, **self.nli_options) if asks else None

    async def score(self, rollouts: Sequence[Rollout], nli: Entailment | None = None) -> list[Rewarded]:
        """The rewards of rollouts, in their order. Raises the errors of `Reward.score`.

        Logs a warning, once per process, about a text that ends a thought which nothing has opened.
        """
        for rollout in rollouts:
            rollout.check()
        if any(rollout.ends_unopened_thought for rollout in rollouts):
            _warn_of_unopened_thoughts()
        responses = [rollout.response() for rollout in rollouts]
        return await self.score_responses(responses, [rollout.task for rollout in rollouts], nli)

    async def score_responses(
        self, responses: Sequence[Response], tasks: Sequence[str], nli: Entailment | None = None
    ) -> list[Rewarded]:
        """The rewards of responses to any tasks, in their order, with common batches for the verifier."""
        places: dict[str, list[int]] = {}
        for place, task in enumerate(tasks):
            places.setdefault(task, []).append(place)
        asked = [(self.bound(task), [responses[place] for place in where]) for task, where in places.items()]
        parts = await asyncio.gather(*(self._of_one_task(rewards, those, nli) for rewards, those in asked))
        found = dict(zip(chain(*places.values()), chain(*parts), strict=True))
        return [found[place] for place in range(len(responses))]

    def __call__(self, rollouts: Sequence[Rollout], nli: Entailment | None = None) -> list[Rewarded]:
        """`score` for synchronous callers, on any thread."""
        return run_anywhere(lambda: self.score(rollouts, nli))

    async def _of_one_task(
        self, rewards: Sequence[Reward], responses: Sequence[Response], nli: Entailment | None
    ) -> list[Rewarded]:
        columns = await asyncio.gather(*(reward.score(responses, nli) for reward in rewards))
        if list(self.weights.values()) == [1.0]:
            return columns[0]
        return [self._sum(each) for each in zip(*columns, strict=True)]

    def _sum(self, parts: Sequence[Rewarded]) -> Rewarded:
        first, errors = parts[0], [each.error for each in parts if each.error is not None]
        failed = next((each.status for each in parts if each.status == "error"), first.status)
        components = {
            f"{title_of(name)}/{part}": value
            for name, each in zip(self.weights, parts, strict=True)
            for part, value in each.components.items()
        }
        totals = [each.total for each in parts]
        weighed = zip(self.weights.values(), totals, strict=True)
        total = None if None in totals else float(sum(weight * (each or 0.0) for weight, each in weighed))
        return Rewarded(first.id, total, components, failed, "; ".join(errors) or None, first.line)
