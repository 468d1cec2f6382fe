"""Citations by title: `(Measuring mountains)` at the end of a clause, if the text cites by nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.citations import read_citations


def with_titles_read(text: str, titles: Sequence[str]) -> str:
    """The text with the titles of documents, in brackets at the end of a clause, as numbers in brackets."""
    if "(" not in text and "[" not in text:
        return text
    known = {title.strip().lower(): number for number, title in reversed([*enumerate(titles, 1)]) if title.strip()}
    if not any(title in text.lower() for title in known):
        return text
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(
        rf"[(\[](?:source:\s*)?[\"“]?({'|'.join(map(re.escape, longest_first))})[\"”]?[)\]]"
        r"(?=\s*(?:[.,;!?]|$|\n|[(\[]))",
        re.IGNORECASE,
    )
    if not pattern.search(text) or read_citations(text).marks:
        return text
    return pattern.sub(lambda found: f"[{known[found[1].lower()]}]", text)
