"""The table of what a metric reads (docs/plugins.md) holds on a real response."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import PROFILES, profile_named
from groundeval.records import Document, Example, Response, Verdict

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text("utf-8")
DOCS = (Document("Aida", "Verdi wrote it."), Document("", "Bizet."))
EXAMPLE = Example("1", "Who?", DOCS)


class Judge:
    """Entails what the premise says word for word."""

    async def verdict(self, premise: str, hypothesis: str) -> Verdict:
        return Verdict(hypothesis in premise, 1.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_name_of_the_table_is_there(profile: str):
    ctx = Context(profile_named(profile), "em", Judge())
    response = Response.build(EXAMPLE, "Verdi wrote it [1].")
    reading = ctx.read(response)
    [statement] = reading.statements
    there: dict[str, Any] = {"response": response, "example": EXAMPLE, "document": DOCS[0]}
    there |= {"ctx": ctx, "reading": reading, "statement": statement}
    rows = [row.split("|")[1] for row in PAGE.splitlines() if re.match(r"\| `(await )?\w+\.", row)]
    names = [name for row in rows for name in re.findall(r"`(?:await )?([\w.]+)", row)]
    assert len(names) >= 25
    for name in names:
        found: Any = there[name.partition(".")[0]]
        for part in name.split(".")[1:]:
            found = getattr(found, part)


def test_arguments_are_those_of_the_table():
    for method in (Context.supports, Context.entails, Context.read):
        [written] = re.findall(rf"`(?:await )?ctx\.{method.__name__}\((.*?)\)`", PAGE)
        given = [each.partition("=")[0] for each in written.split(", ")]
        parameters = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
        assert given == [each.name for each in parameters if each.default is inspect.Parameter.empty]


async def _supported(profile: str) -> tuple[tuple[int, ...], bool, bool]:
    ctx = Context(profile_named(profile), "em", Judge())
    [statement] = ctx.read(Response.build(EXAMPLE, "Verdi wrote it [1].")).statements
    first, second = [await ctx.supports(DOCS, (cited,), "Verdi wrote it") for cited in (0, 1)]
    return statement.citations, first, second


@pytest.mark.parametrize("profile", PROFILES)
def test_citations_and_cited_count_from_0(profile: str):
    assert asyncio.run(_supported(profile)) == ((0,), True, False)
