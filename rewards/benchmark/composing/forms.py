"""The axes of an answer's form: marks of citations, their place, layouts, lead-ins, openers, closers, sources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from groundeval.rewards.benchmark.language import LEAD_INS, within

Mark = Callable[[Sequence[int]], str]
"""The marks of some documents, by their numbers."""


def _each(form: str) -> Mark:
    return lambda numbers: "".join(form.format(number) for number in numbers)


def _together(form: str, each: str, between: str) -> Mark:
    return lambda numbers: form.format(between.join(each.format(number) for number in numbers)) if numbers else ""


def _raised(numbers: Sequence[int]) -> str:
    return ",".join(str(number).translate(_SUPERSCRIPTS) for number in numbers)


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

MARKS: Mapping[str, Mark] = {
    "[1]": _each("[{}]"),
    "[1, 2]": _together("[{}]", "{}", ", "),
    "[1; 2]": _together("[{}]", "{}", "; "),
    "[Document 1]": _each("[Document {}]"),
    "[Doc. 1, Doc. 2]": _together("[{}]", "Doc. {}", ", "),
    "[Passage 1]": _each("[Passage {}]"),
    "[Source 1]": _each("[Source {}]"),
    "(1)": _each("({})"),
    "(Document 1)": _each("(Document {})"),
    "(see [1])": _together("(see {})", "[{}]", ", "),
    "(Source: Document 1)": _together("(Source: {})", "Document {}", " and "),
    "【1】": _each("【{}】"),
    "【4:1†source】": _each("【4:{}†source】"),
    "〔1〕": _each("〔{}〕"),
    "{1}": _each("{{{}}}"),
    "[^1]": _each("[^{}]"),
    "¹": _raised,
    "[1, p. 2]": _each("[{}, p. 2]"),
    "<sup>[1]</sup>": _each("<sup>[{}]</sup>"),
    "<sup>1</sup>": _together("<sup>{}</sup>", "{}", ","),
    "[[1]](url)": _each("[[{0}]](https://example.org/{0})"),
    "\\cite{1}": _together("\\cite{{{}}}", "{}", ","),
}
SNUG = frozenset(("¹", "[^1]", "<sup>1</sup>", "<sup>[1]</sup>", "【4:1†source】", "[[1]](url)"))
"""Marks written without a space before them."""
IN_BRACKETS = frozenset(("[1]", "[1, 2]", "[Document 1]", "[Passage 1]", "[Source 1]", "【1】", "〔1〕"))
"""Marks that may stand first in their sentence, or be what a phrase names."""


@dataclass(frozen=True, slots=True)
class Said:
    """A statement with the numbers of its documents and their marks."""

    text: str
    numbers: tuple[int, ...]
    marks: str
    gap: str = " "

    @property
    def marked(self) -> str:
        """The statement and its marks, without a stop."""
        return f"{self.text}{self.gap}{self.marks}" if self.marks else self.text


def _after_the_stop(said: Said) -> str:
    return f"{said.text}.{said.gap}{said.marks}" if said.marks else f"{said.text}."


def _named(form: str) -> Callable[[Said], str]:
    def put(said: Said) -> str:
        sources = " and ".join(f"Document {number}" for number in said.numbers)
        verb = "states" if len(said.numbers) == 1 else "state"
        return form.format(sources=sources, verb=verb, said=within(said.text)) if sources else f"{said.text}."

    return put


PLACES: Mapping[str, Callable[[Said], str]] = {
    "before the stop": lambda said: f"{said.marked}.",
    "after the stop": _after_the_stop,
    "first": lambda said: f"{said.marks} {said.text}.".lstrip(),
    "According to [1],": lambda said: (
        f"According to {said.marks}, {within(said.text)}." if said.marks else f"{said.text}."
    ),
    "According to Document 1,": _named("According to {sources}, {said}."),
    "Document 1 states that": _named("{sources} {verb} that {said}."),
}
PLAIN = ("before the stop", "after the stop")
"""Places that go with every layout."""

Layout = Callable[[Sequence[Said], Sequence[str]], str]
"""Statements, and the same with their marks in place, as one text."""


def _lines(form: str, between: str = "\n") -> Layout:
    return lambda said, put: between.join(form.format(each, n=place) for place, each in enumerate(put, 1))


def _one_sentence(said: Sequence[Said], put: Sequence[str]) -> str:
    first, *others = said
    return "; ".join((first.marked, *(replaced(each, within(each.text)).marked for each in others))) + "."


def replaced(said: Said, text: str) -> Said:
    """The same with another text."""
    return Said(text, said.numbers, said.marks, said.gap)


def _table(said: Sequence[Said], put: Sequence[str]) -> str:
    return "\n".join(("| Answer |", "|---|", *(f"| {each} |" for each in put)))


def _table_with_sources(said: Sequence[Said], put: Sequence[str]) -> str:
    return "\n".join(("| Answer | Source |", "|---|---|", *(f"| {each.text}. | {each.marks} |" for each in said)))


def _html_table(said: Sequence[Said], put: Sequence[str]) -> str:
    return f"<table>{''.join(f'<tr><td>{each}</td></tr>' for each in put)}</table>"


def _json(said: Sequence[Said], put: Sequence[str]) -> str:
    return json.dumps({"answers": list(put)}, ensure_ascii=False)


def _json_records(said: Sequence[Said], put: Sequence[str]) -> str:
    return json.dumps([{"answer": f"{each.text}.", "citations": list(each.numbers)} for each in said], indent=1)


LAYOUTS: Mapping[str, Layout] = {
    "prose": _lines("{}", " "),
    "one sentence": _one_sentence,
    "lines": _lines("{}"),
    "bullets": _lines("- {}"),
    "stars": _lines("* {}"),
    "dots": _lines("• {}"),
    "numbers": _lines("{n}. {}"),
    "letters": lambda said, put: "\n".join(f"{'abcdefgh'[place % 8]}) {each}" for place, each in enumerate(put)),
    "paragraphs": _lines("{}", "\n\n"),
    "labels": _lines("**Answer {n}:** {}", "\n\n"),
    "headings": _lines("### Answer {n}\n{}", "\n\n"),
    "a quote": _lines("> {}"),
    "a code block": lambda said, put: "\n".join(("```", *put, "```")),
    "HTML": _lines("<p>{}</p>", ""),
    "an HTML list": lambda said, put: f"<ul>{''.join(f'<li>{each}</li>' for each in put)}</ul>",
    "a table": _table,
    "a table with sources": _table_with_sources,
    "an HTML table": _html_table,
    "JSON": _json,
    "JSON records": _json_records,
}
RUNNING = ("prose", "lines", "paragraphs")
"""Layouts of running text, in which a citation may stand first, or a phrase name it."""
LISTED = ("bullets", "stars", "dots", "numbers", "an HTML list")
"""Layouts with a lead-in."""
ALONE = ("JSON", "JSON records")
"""Layouts with nothing before or after them."""

LEADS = ("", *(f"{lead}:\n\n" for lead in LEAD_INS))
OPENERS = (
    "",
    "Sure! ",
    "Here is what can be said. ",
    "**Answer**\n\n",
    "Answer: ",
    "Based on the provided documents:\n\n",
)
CLOSERS = ("", " Let me know if you need anything else!", "\n\nI hope this helps!")
SOURCES: Mapping[str, Callable[[Mapping[int, str]], str]] = {
    "no list": lambda titles: "",
    "Sources: [1], [2]": lambda titles: f"\n\nSources: {', '.join(f'[{number}]' for number in titles)}",
    "Sources, a line each": lambda titles: (
        "\n\nSources:\n" + "\n".join(f"[{number}] {title}" for number, title in titles.items())
    ),
    "References, numbered": lambda titles: (
        "\n\n## References\n\n" + "\n".join(f"{number}. {title}" for number, title in titles.items())
    ),
}
"""By the titles of the cited documents."""


def footnotes(titles: Mapping[int, str]) -> str:
    """The notes that belong to marks `[^1]`."""
    return "\n\n" + "\n".join(f"[^{number}]: {title}" for number, title in titles.items())
