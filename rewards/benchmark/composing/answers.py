"""Honest answers in other forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from groundeval.rewards.benchmark.answer import Part
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing import forms
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.composing.forms import LAYOUTS, MARKS, PLACES, Said

Change = Callable[[str], str]
"""A change of every statement, marks included."""


def styled(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest answers of an answerable example, in different forms."""
    rng = Random(f"{seed} {case.name} composed styles")
    for _ in range(count if case.answerable else 0):
        yield in_some_form(case, case.honest.parts, rng)


def in_some_form(case: Case, parts: Sequence[Part], rng: Random, each: Change = str) -> Composed:
    """An answer in a form drawn from all that go together."""
    if case.kind == "list":
        return _list(case, parts, rng, each)
    mark, write = drawn(MARKS, rng)
    layout = rng.choice(list(LAYOUTS))
    place = rng.choice([name for name in PLACES if _goes(name, mark, layout, parts)])
    said = [_said(part, mark, write) for part in parts]
    put = [each(PLACES[place](one)) for one in said]
    opener, closer = _around(layout, rng)
    if place == "first" and not opener.endswith("\n"):
        opener = ""  # else the first citation would follow the opener
    sources = _sources(case, mark, layout, said, rng)
    # Layouts that place the marks themselves take the statements as they are.
    said = [forms.replaced(one, each(one.text)) for one in said]
    body = LAYOUTS[layout](said, put) if said else ""
    form = (mark, place, layout, opener.strip(), closer.strip(), sources[0])
    return Composed(form, f"{opener}{body}{sources[1]}{closer}")


def _said(part: Part, mark: str, write: forms.Mark) -> Said:
    numbers = tuple(index + 1 for index in part.cited)
    return Said(part.text, numbers, write(numbers), "" if mark in forms.SNUG else " ")


def _goes(place: str, mark: str, layout: str, parts: Sequence[Part]) -> bool:
    """Whether a place of citations goes with the other forms; a single `[1] A.` could be a numbered line."""
    if place in forms.PLAIN:
        return place != "after the stop" or layout != "one sentence"
    if layout not in forms.RUNNING:
        return False
    if place == "first":
        return layout == "prose" and mark in forms.IN_BRACKETS and len(parts) > 1
    return place != "According to [1]," or mark in forms.IN_BRACKETS


def _around(layout: str, rng: Random) -> tuple[str, str]:
    """What stands before and after the statements: nothing around JSON, on lines of their own around a layout."""
    if layout in forms.ALONE:
        return "", ""
    opener, closer = rng.choice(forms.OPENERS), rng.choice(forms.CLOSERS)
    if layout in forms.LISTED and rng.random() < 0.5:
        opener = rng.choice(forms.LEADS)
    if layout not in ("prose", "one sentence"):
        opener = opener.replace("! ", "!\n\n").replace(". ", ".\n\n").replace("Answer: ", "**Answer**\n\n")
        closer = closer.replace(" Let", "\n\nLet")
    return opener, closer


def _sources(case: Case, mark: str, layout: str, said: Sequence[Said], rng: Random) -> tuple[str, str]:
    """A list of the cited documents behind the answer, or none."""
    titles = {number: case.docs[number - 1].title for one in said for number in one.numbers}
    titles = {number: title for number, title in sorted(titles.items()) if title}
    if layout in forms.ALONE or not titles:
        return "no list", ""
    if mark == "[^1]":
        return "footnotes", forms.footnotes(titles)
    name, write = drawn(forms.SOURCES, rng) if rng.random() < 0.3 else ("no list", forms.SOURCES["no list"])
    return name, write(titles)


def _list(case: Case, parts: Sequence[Part], rng: Random, each: Change) -> Composed:
    mark, write = drawn(MARKS, rng)
    layout, lay = drawn(_OF_LISTS, rng)
    said = [_said(part, mark, write) for part in parts]
    put = [each(one.marked) for one in said]
    is_prose = layout.startswith(("commas", "and"))
    opener = "" if is_prose or layout in forms.ALONE else rng.choice(("**Answer**\n\n", *forms.LEADS))
    closer = "" if layout in forms.ALONE else rng.choice(("", "\n\nI hope this helps!"))
    said = [forms.replaced(one, each(one.text)) for one in said]
    notes = _sources(case, mark, layout, said, rng) if mark == "[^1]" else ("no list", "")
    return Composed(
        (mark, layout, opener.strip(), closer.strip(), notes[0]), f"{opener}{lay(said, put)}{notes[1]}{closer}"
    )


def _enumerated(said: Sequence[Said], put: Sequence[str]) -> str:
    return f"{', '.join(put[:-1])} and {put[-1]}." if len(put) > 1 else f"{put[0]}."


_OF_LISTS: Mapping[str, forms.Layout] = {
    **{name: LAYOUTS[name] for name in (*forms.LISTED, "lines", "a table", "a table with sources", "JSON")},
    "commas": lambda said, put: f"{', '.join(put)}.",
    "commas and `and`": _enumerated,
}
