"""Trials: two texts for the same example, of which a sound reward prefers the first or rates both equally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from groundeval.parsing.reasoning import REASONING_TAGS
from groundeval.parsing.refusal import refuses
from groundeval.rewards.benchmark.answer import Answer
from groundeval.rewards.benchmark.attacks import ATTACKS, Attack
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing import composed
from groundeval.rewards.benchmark.families import FAMILIES, Family

COMBINED = 2
"""Number of trials per family and example with a second attack, of another family, on top."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Two texts for one example. In families that must tie neither is better."""

    family: Family
    attack: str
    """The attack's name, or two names joined by ` + `."""
    case: Case
    better: str
    worse: str


def trials_of(cases: Sequence[Case], families: Sequence[Family], seed: int = 0) -> tuple[Trial, ...]:
    """Every attack of the families on every example that it applies to, alone, and some combined.

    The same cases and seed give the same trials of a family, regardless of the other families chosen.
    """
    return tuple(trial for family in families for case in cases for trial in _trials(family, case, seed))


def _trials(family: Family, case: Case, seed: int) -> Iterator[Trial]:
    mine = [attack for attack in ATTACKS if attack.family == family.key and attack.applies(case)]
    yield from _in_composed_forms(family, case, seed)
    for attack in mine:
        rng = Random(f"{seed} {case.name} {attack.family} {attack.name}")
        base = case.honest if attack.base is None else attack.base(case.honest, case, rng)
        attacked = None if base is None else attack.move(base, case, rng)
        if base is not None and attacked is not None:
            yield _trial(family, attack.name, case, base, attacked)
    if family.expects == "honest":
        yield from _combined(family, [attack for attack in mine if attack.keeps], case, seed)


def _in_composed_forms(family: Family, case: Case, seed: int) -> Iterator[Trial]:
    honest = as_output(case.honest.rendered(case.kind))
    for each in composed(family.key, case, seed, FORMS):
        text = as_output(each.text)
        if text != honest:
            yield Trial(family, "not shown" if family.held_out else each.form[0] or "plain", case, honest, text)


FORMS = 12
"""Largest number of composed texts of each kind per example; about half of them are held out."""


def _combined(family: Family, mine: Sequence[Attack], case: Case, seed: int) -> Iterator[Trial]:
    others = [
        attack
        for attack in ATTACKS
        if attack.family != family.key
        and attack.keeps
        and attack.applies(case)
        and FAMILIES[attack.family].expects == "honest"
    ]
    rng = Random(f"{seed} {case.name} {family.key} combined")
    for _ in range(COMBINED if mine and others else 0):
        first, second = rng.choice(mine), rng.choice(others)
        once = first.move(case.honest, case, rng)
        twice = None if once is None else second.move(once, case, rng)
        if twice is not None:
            yield _trial(family, f"{first.name} + {second.name}", case, case.honest, twice)


def _trial(family: Family, attack: str, case: Case, better: Answer, worse: Answer) -> Trial:
    return Trial(family, attack, case, as_output(better.rendered(case.kind)), as_output(worse.rendered(case.kind)))


def as_output(answer: str) -> str:
    """A model's whole output with this answer, in the form that rewards for reasoning models require.

    The reasoning agrees with the answer, so that two outputs differ only in their answers.
    """
    decision = "The documents do not answer the question." if refuses(answer) else "The documents answer the question."
    tags = REASONING_TAGS
    return f"{tags.think_open}{decision}{tags.think_close}\n{tags.answer_open}{answer}{tags.answer_close}"


def answer_of(output: str) -> str:
    """The answer in an output that `as_output` made."""
    return output.partition(REASONING_TAGS.answer_open)[2].removesuffix(REASONING_TAGS.answer_close)
