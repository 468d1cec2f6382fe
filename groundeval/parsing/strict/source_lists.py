"""Lists of sources in an answer, and what they add to the citations of its statements."""

from __future__ import annotations

import re

from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.sources import SOURCE

SOURCES_HEADING = re.compile(
    rf"(?i)(?:{SOURCE}|bibliography|works cited|further reading|cited)(?:\s+(?:used|cited))?\s*[:：]?\s*$"
)
SOURCES_LINE = re.compile(
    r"(?i)(?:sources|references|citations|works cited|bibliography|further reading|quellen|fuentes)\s*[:：]"
)
"""The beginning of a line of sources."""
NOTE = re.compile(rf"\s*[:：.]?\s*(?:{SOURCE}\b|$)", re.IGNORECASE)


def with_source_list(parts: list[Part]) -> list[Part]:
    """Apply a list of sources: it adds nothing to a text that cites, and applies to all of one that does not.

    Where each statement is followed by its own, `Source: [1]`, these are its citations.
    """
    parts = _with_own_sources(parts)
    listed = [index for part in parts if part.kind == "source" for index in part.citations]
    if not listed:
        return parts
    said = {index for part in parts if part.kind != "source" for index in part.citations}
    if not said:
        claims = [place for place, part in enumerate(parts) if part.kind == "claim"]
        if not claims:
            return parts
        return [
            part._replace(citations=())
            if part.kind == "source"
            else part._replace(citations=tuple(listed))
            if place == claims[-1]
            else part._replace(inherited=tuple(listed))
            for place, part in enumerate(parts)
        ]
    return [
        part._replace(citations=tuple(each for each in part.citations if each not in said))
        if part.kind == "source"
        else part
        for part in parts
    ]


def _with_own_sources(parts: list[Part]) -> list[Part]:
    places = [place for place, part in enumerate(parts) if part.kind == "source" and part.citations]
    before = [parts[place - 1] if place else None for place in places]
    if len(places) < 2 or not all(each and each.kind == "claim" and not each.citations for each in before):
        return parts
    found = list(parts)
    for place in places:
        cited = parts[place].citations
        found[place] = parts[place]._replace(citations=())
        found[place - 1] = parts[place - 1]._replace(citations=cited, inherited=())
        for earlier in range(place - 2, -1, -1):
            if parts[earlier].kind != "claim" or parts[earlier].citations:
                break
            found[earlier] = parts[earlier]._replace(inherited=cited)
    return found
