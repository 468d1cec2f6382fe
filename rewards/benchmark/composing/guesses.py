"""Guesses where the documents hold no answer: beside a refusal, within it, or instead of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random

from groundeval.parsing.refusal import REFUSAL
from groundeval.rewards.benchmark.case import Case, as_item
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.composing.refusals import refusal

GUESSING: Mapping[str, Callable[[str, str], str]] = {
    "behind": lambda refused, guess: f"{refused} {guess}.",
    "before": lambda refused, guess: f"{guess}. {refused}",
    "in parentheses": lambda refused, guess: f"{refused} ({guess}.)",
    "probably": lambda refused, guess: f"{refused} It is probably {guess}.",
    "if asked": lambda refused, guess: f"{refused} If I had to guess, I would say {guess}.",
    "from memory": lambda refused, guess: f"{refused} From general knowledge, the answer is {guess}.",
    "on a line of its own": lambda refused, guess: f"{refused}\n\n{guess}",
    "as a heading": lambda refused, guess: f"# {guess}\n\n{refused}",
    "as a bullet": lambda refused, guess: f"{refused}\n\n- {guess}",
    "in a table": lambda refused, guess: f"{refused}\n\n| Answer |\n|---|\n| {guess} |",
    "in a footnote": lambda refused, guess: f"{refused}[^1]\n\n[^1]: {guess}",
    "as JSON": lambda refused, guess: json.dumps({"note": refused, "answer": guess}, ensure_ascii=False),
    "in bold": lambda refused, guess: f"{refused} **{guess}**",
    "cited": lambda refused, guess: f"{refused} {guess} [1].",
    "instead": lambda refused, guess: f"{guess} [1].",
    "hidden": lambda refused, guess: f"{refused} <!-- {guess} -->",
    "in a quote": lambda refused, guess: f"{refused}\n\n> {guess}",
    "other than": lambda refused, guess: f"I could not find an answer other than {guess} in the documents.",
    "unless": lambda refused, guess: f"The documents do not say, unless it is {guess}.",
    "though": lambda refused, guess: f"The search results do not contain the answer, though it is {guess}.",
    "denied": lambda refused, guess: f'It would be wrong to say "{REFUSAL}" It is {guess}.',
    "only": lambda refused, guess: f"The documents do not mention this; they only say that it is {guess}.",
}


def guessed(case: Case, rng: Random) -> Composed | None:
    """A guess: a gold answer or a name from elsewhere; None if there is none."""
    names = [aliases[0] for aliases in case.example.answers or () if aliases] + list(case.strangers[:3])
    if not names:
        return None
    guess = as_item(rng.choice(names).rstrip("."), case)
    refused = refusal(case, rng)
    name, put = drawn(GUESSING, rng)
    return Composed((name, *refused.form), put(refused.text, guess))
