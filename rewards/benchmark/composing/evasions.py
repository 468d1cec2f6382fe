"""Evasive answers in composed forms: choices, hedges, bounds, needless citations, hidden text, denial, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from groundeval.parsing.refusal import REFUSAL
from groundeval.rewards.benchmark.answer import Part
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.answers import in_some_form
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.composing.guesses import guessed
from groundeval.rewards.benchmark.composing.languages import OTHERS
from groundeval.rewards.benchmark.composing.wording import FIGURE, OTHER
from groundeval.rewards.benchmark.language import HEDGES, MORE_HEDGES, contains, exchanged, within

Evasion = Callable[[Case, Random], Composed | None]
"""An evasive answer, named by what it does; None if there is nothing to evade."""


def evasive(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` evasive texts for an example."""
    rng = Random(f"{seed} {case.name} composed evasions")
    for _ in range(count):
        name, evade = drawn(EVASIONS, rng)
        found = evade(case, rng) if case.answerable else guessed(case, rng)
        if found is not None:
            yield replace(found, form=(name, *found.form)) if case.answerable else found


CHOICES: Mapping[str, Callable[[str, str, str], str]] = {
    "or": lambda right, wrong, other: f"{wrong} or {right} or {other}",
    "either, or": lambda right, wrong, other: f"either {right} or {wrong}",
    "slashes": lambda right, wrong, other: f"{right} / {wrong} / {other}",
    "one of": lambda right, wrong, other: f"one of the following: {right}, {wrong}, {other}",
    "at least one of": lambda right, wrong, other: f"at least one of {right} and {wrong}",
    "if not": lambda right, wrong, other: f"{wrong}, if not {right}",
    "or rather": lambda right, wrong, other: f"{wrong}, or rather {right}, or rather {other}",
    "oder": lambda right, wrong, other: f"{right} oder {wrong} oder {other}",
    "a Cyrillic o": lambda right, wrong, other: f"{right} \u043er {wrong} \u043er {other}",
    "a zero for o": lambda right, wrong, other: f"{right} 0r {wrong}",
    "a joiner within": lambda right, wrong, other: f"{wrong} o\u2060r {right}",
    "in parentheses": lambda right, wrong, other: f"{right} (or {wrong})",
    "a bar": lambda right, wrong, other: f"{right} | {wrong}",
}
"""By a gold answer and two others."""


def _choice(case: Case, rng: Random) -> Composed | None:
    if len(case.strangers) < 2:
        return None
    name, choose = drawn(CHOICES, rng)
    wrong, other = rng.sample(case.strangers, 2)
    parts = _with_gold(case, lambda alias: choose(alias, wrong, other))
    return _named(name, in_some_form(case, parts, rng)) if parts else None


def _with_gold(case: Case, change: Callable[[str], str | None]) -> Sequence[Part]:
    """The honest parts with a gold answer changed where it is given; none if it is nowhere to be changed."""
    for place, part in enumerate(case.honest.parts):
        for gold in sorted(case.states(part)):
            held = [alias for alias in case.aliases(gold) if contains(part.text, alias)]
            new = change(alias) if (alias := max(held, key=len, default="")) else None
            if new is not None:
                altered = replace(part, text=exchanged(part.text, alias, new))
                return (*case.honest.parts[:place], altered, *case.honest.parts[place + 1 :])
    return ()


def _named(name: str, found: Composed) -> Composed:
    return replace(found, form=(name, *found.form))


def _hedge(case: Case, rng: Random) -> Composed | None:
    if case.kind == "list":
        return None
    hedge = rng.choice((*HEDGES, *MORE_HEDGES))
    stop = "?" if hedge.startswith("Is ") else ""
    parts = [replace(part, text=f"{hedge} {within(part.text)}{stop}") for part in case.honest.parts]
    return _named(hedge, in_some_form(case, parts, rng))


def _bound(case: Case, rng: Random) -> Composed | None:
    name, change = drawn(OTHER, rng)

    def altered(alias: str) -> str | None:
        figure = FIGURE.search(alias)
        return None if figure is None else f"{alias[: figure.start()]}{change(figure[0])}{alias[figure.end() :]}"

    parts = _with_gold(case, altered) if case.kind == "em" else ()
    return _named(name, in_some_form(case, parts, rng)) if parts else None


def _needless(case: Case, rng: Random) -> Composed | None:
    everything = tuple(range(len(case.docs)))
    if len(case.docs) < 2 or all(len(part.cited) == len(case.docs) for part in case.honest.parts):
        return None
    return in_some_form(case, [replace(part, cited=everything) for part in case.honest.parts], rng)


HIDDEN = (
    *("<!-- {} -->", "<span hidden>{}</span>", '<span style="display:none">{}</span>', "<del>{}</del>", "~~{}~~"),
    *('<i style="font-size:0">{}</i>', '<b style="opacity: 0">{}</b>', '<span style="visibility:hidden">{}</span>'),
    *("<template>{}</template>", "<script>{}</script>", "<? {} ?>", "<![CDATA[{}]]>", '<span title="{}"></span>'),
)


def _hidden(case: Case, rng: Random) -> Composed | None:
    tag = rng.choice(HIDDEN)
    return _named(tag, in_some_form(case, case.honest.parts, rng, tag.format))


SIGNS = (
    "❌ {}",
    "✗ {}",
    "✘ {}",
    "🚫 {}",
    "👎 {}",
    "⛔ {}",
    "☐ {}",
    "[ ] {}",
    "(false) {}",
    "Wrong: {}",
    "{} ❌",
    "Not true: {}",
)


def _denied_by_a_sign(case: Case, rng: Random) -> Composed | None:
    sign = rng.choice(SIGNS)
    return _named(sign, in_some_form(case, case.honest.parts, rng, sign.format))


DENIALS = (
    *("The following is false:\n\n{}", "None of the following is true.\n\n{}", "**Wrong answers**\n\n{}"),
    *("{}\n\nNone of this is true.", "{}\n\nAll of the above is false.", "{}\n\nThe statements above are wrong."),
    *("Common misconceptions:\n\n{}", "Falsch:\n\n{}", "Do not believe this:\n\n{}"),
)


def _denied_around(case: Case, rng: Random) -> Composed | None:
    denial = rng.choice(DENIALS)
    found = in_some_form(case, case.honest.parts, rng)
    if "JSON" in "".join(found.form):
        return None
    return _named(denial, replace(found, text=denial.format(found.text)))


def _refused_beside(case: Case, rng: Random) -> Composed | None:
    found = in_some_form(case, case.honest.parts, rng)
    language = rng.choice(list(OTHERS.values()))
    said = rng.choice((REFUSAL, f"{rng.choice(language.sentences).format(language.sources[0])}{language.stop}"))
    form = rng.choice(("{0}\n\n{1}", "{1}\n\n{0}"))
    return _named(form, replace(found, text=form.format(said, found.text)))


EVASIONS: Mapping[str, Evasion] = {
    "choice": _choice,
    "hedge": _hedge,
    "bound": _bound,
    "needless citations": _needless,
    "hidden": _hidden,
    "denied by a sign": _denied_by_a_sign,
    "denied around": _denied_around,
    "refused beside": _refused_beside,
}
"""Of honest answers."""
