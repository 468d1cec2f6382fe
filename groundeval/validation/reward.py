"""Checks that a reward is fit for training: gold earns most, empty least, irrelevant changes earn the same."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from statistics import fmean

from groundeval.errors import DataError
from groundeval.metrics.gold import with_answers
from groundeval.nli import NLI, connect
from groundeval.parsing.citations import remove_citations
from groundeval.parsing.reasoning import REASONING_TAGS
from groundeval.parsing.refusal import REFUSAL
from groundeval.records import Example, Response
from groundeval.rewards import Reward
from groundeval.tasks import Task
from groundeval.tasks.located import with_located_answers
from groundeval.tasks.reference import reference_response
from groundeval.validation.task import Check, Checks

Totals = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Said:
    """The same kind of output for every example, with its totals."""

    outputs: Sequence[str]
    totals: Totals

    @property
    def mean(self) -> float:
        """Mean over the examples that have a reward."""
        return fmean([total for total in self.totals if total is not None] or [0.0])


def validate_reward(reward: Reward, task: Task, source: str | None) -> Checks:
    """Check a reward on the data of a task.

    - Gold: reference responses (the supported answers, cited; else a refusal) earn more than empty ones, and on
      average no less than the same without citations, with wrong ones, or a refusal to everything.
      The number of examples with an output that earns more than their gold is reported and does not fail the check.
    - Floor: on average none of these earns less than the empty output.
    - The order of the documents does not matter, when citations are renumbered with it.
    - The same outputs earn the same again, and from a pickled copy.
    - Every total lies within the declared range.
    - No sample fails.
    """
    examples = [with_answers(example) for example in task.load(source).examples]
    examples = [each for each in examples if each.docs and each.answers is not None]
    if not examples:
        raise DataError(f"task {task.name}: no example has documents and gold answers to build honest responses from")
    examples = list(with_located_answers(task, examples, reward.nli, reward.nli_options))
    nli = connect(reward.nli, **reward.nli_options) if reward.asks_nli else None
    wrap = in_tags if "format" in reward.metrics else str
    kinds = kinds_of_outputs(task)

    def said(say: Callable[[Example], str], shown: Sequence[Example] = examples, by: Reward = reward) -> Said:
        outputs = [say(example) for example in shown]
        return Said(outputs, _totals(by, shown, outputs, nli))

    found = {name: said(lambda example, say=say: wrap(say(example))) for name, say in kinds.items()}  # type: ignore[misc]
    found["empty"] = said(lambda example: "")
    gold, others = found["gold"], {name: each for name, each in found.items() if name != "gold"}
    shuffled = [reordered(example) for example in examples]
    moved = said(lambda example: wrap(renumbered(kinds["gold"](_back(example)), len(example.docs or ()))), shuffled)
    copied = said(lambda example: wrap(kinds["gold"](example)), by=pickle.loads(pickle.dumps(reward)))
    return Checks(
        [
            _check(
                "gold earns more than empty", gold.mean > found["empty"].mean, {"gold": gold, "empty": found["empty"]}
            ),
            _gold_is_best(gold, others, found),
            _check(
                "nothing earns less than empty",
                all(e.mean >= found["empty"].mean - 1e-9 for e in found.values()),
                found,
            ),
            _same("the order of the documents does not matter", gold.totals, moved.totals),
            _same("the same outputs earn the same again", gold.totals, said(lambda e: wrap(kinds["gold"](e))).totals),
            _same("it pickles, and the copy gives the same", gold.totals, copied.totals),
            _bounded(reward, found),
            _none_fails(found),
        ]
    )


def kinds_of_outputs(task: Task) -> dict[str, Callable[[Example], str]]:
    """Functions from an example to an output, by name of the kind of output."""
    return {
        "gold": lambda example: reference_response(example, task.kind),
        "uncited": lambda example: remove_citations(reference_response(example, task.kind)),
        "wrongly cited": lambda example: re.sub(r"\[\d+\]", "[99]", reference_response(example, task.kind)),
        "refusal": lambda example: REFUSAL,
    }


def in_tags(output: str) -> str:
    """An output in the reasoning and answer tags of a reasoning model."""
    tags = REASONING_TAGS
    return f"{tags.think_open}So.{tags.think_close}{tags.answer_open}{output}{tags.answer_close}"


def reordered(example: Example) -> Example:
    """The example with its documents in reverse order."""
    return replace(example, docs=tuple(reversed(example.docs or ())))


_back = reordered


def renumbered(output: str, count: int) -> str:
    """An output with its citations renumbered for `count` documents in reverse order."""
    return re.sub(r"\[(\d+)\]", lambda match: f"[{count + 1 - int(match[1])}]", output)


def _totals(reward: Reward, examples: Sequence[Example], outputs: Sequence[str], nli: NLI | None) -> Totals:
    responses = [Response.build(example, output) for example, output in zip(examples, outputs, strict=True)]
    return [each.total for each in reward(responses, nli)]


def _check(name: str, passed: bool, found: Mapping[str, Said]) -> Check:
    return Check(name, passed, ", ".join(f"{kind} {each.mean:.3f}" for kind, each in found.items()))


def _gold_is_best(gold: Said, others: Mapping[str, Said], found: Mapping[str, Said]) -> Check:
    best = all(each.mean <= gold.mean + 1e-9 for each in others.values())
    check = _check("nothing earns more than gold", best, found)
    beaten = sum(
        total is not None and any(other is not None and other > total + 1e-9 for other in rest)
        for total, *rest in zip(gold.totals, *(each.totals for each in others.values()), strict=True)
    )
    told = f"{check.detail}; of {len(gold.totals)} examples {beaten} with an output that earns more than gold"
    return replace(check, detail=told)


def _same(name: str, first: Totals, second: Totals) -> Check:
    differing = [place for place, pair in enumerate(zip(first, second, strict=True)) if not _equal(*pair)]
    detail = "" if not differing else f"{len(differing)} of {len(first)} differ"
    return Check(name, not differing, detail)


def _equal(first: float | None, second: float | None) -> bool:
    return first == second or (None not in (first, second) and isclose(first or 0.0, second or 0.0, abs_tol=1e-12))


def _bounded(reward: Reward, found: Mapping[str, Said]) -> Check:
    totals = [total for each in found.values() for total in each.totals if total is not None]
    inside = all(reward.low - 1e-9 <= total <= reward.high + 1e-9 for total in totals)
    seen = f"seen: [{min(totals):g}, {max(totals):g}]" if totals else "no totals"
    return Check(f"every total lies in {reward.bounds}", inside and bool(totals), seen)


def _none_fails(found: Mapping[str, Said]) -> Check:
    failed = {kind: sum(total is None for total in each.totals) for kind, each in found.items()}
    lost = ", ".join(f"{kind}: {count}" for kind, count in failed.items() if count)
    return Check("every sample has a reward", not lost, lost)
