"""HTML page of a GRPO stage's completions: sentences, citations, verdicts, and the parts of the reward."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundeval.console.sanitize import visible
from groundeval.storage.folder import Lines, write_whole

SHOWN_STEPS = 12
"""Number of steps on a page, spread over the stage, the first and the last included."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #222; }
h2 { border-bottom: 1px solid #ccc; margin-top: 2.5rem; }
article { border: 1px solid #ddd; border-radius: 6px; margin: .8rem 0; padding: .6rem 1rem; }
pre { white-space: pre-wrap; font: inherit; background: #f7f7f7; padding: .5rem .7rem; border-radius: 4px; }
.yes { color: #14691b; } .no { color: #a01c1c; } .reward { font-weight: 600; } small { color: #666; }
table { border-collapse: collapse; } td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
"""Content security policy: the page has this one style, and nothing else is loaded or runs."""


def write_page(folder: Path, title: str, target: Path) -> bool:
    """Write the page of the JSONL files in `folder` (`CompletionLog`); return False if there are none."""
    records = [record for path in sorted(folder.glob("*.jsonl")) for record in Lines(path).read()]
    if not records:
        return False
    steps = spread(sorted({record["step"] for record in records}), SHOWN_STEPS)
    body = "\n".join(part for step in steps for part in _step(step, [r for r in records if r["step"] == step]))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{escape(title)}</h1>\n{body}</html>\n"
    )
    write_whole(target, page.encode("utf-8", "replace"))
    return True


def spread(values: Sequence[int], count: int) -> list[int]:
    """At most `count` of the values, evenly spread, the first and the last included."""
    if len(values) <= count:
        return list(values)
    return [values[round(place * (len(values) - 1) / (count - 1))] for place in range(count)]


def _step(step: int, records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"<h2>Step {step}</h2>"
    by_question: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_question.setdefault(record["question"], []).append(record)
    for question, group in by_question.items():
        yield f"<details open><summary><b>{escape(question)}</b> <small>{_gold(group[0])}</small></summary>"
        yield _documents(group[0].get("docs") or ())
        for record in sorted(group, key=lambda each: -(each["reward"] if each["reward"] is not None else -1e9)):
            yield _completion(record)
        yield "</details>"


def _gold(record: Mapping[str, Any]) -> str:
    docs = record.get("docs") or ()
    held = any(any(document.get("answers_found") or ()) for document in docs)
    answers = "; ".join(str(aliases[0]) for aliases in record.get("answers") or () if aliases)
    return f"{'answerable' if held else 'unanswerable'}; gold: {escape(answers) or 'none'}"


def _documents(docs: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>[{number}]</td><td><b>{escape(document.get('title') or '')}</b> {escape(document['text'])}</td></tr>"
        for number, document in enumerate(docs, 1)
    )
    return f"<details><summary><small>{len(docs)} documents</small></summary><table>{rows}</table></details>"


def _completion(record: Mapping[str, Any]) -> str:
    parts = ", ".join(f"{escape(name)} {_number(value)}" for name, value in record["components"].items())
    return (
        f'<article><span class="reward">reward {_number(record["reward"])}</span> <small>{parts}; '
        f"{escape(record['scored'].get('status', ''))}, ended by {escape(str(record.get('finish_reason')))}</small>"
        f"<pre>{escape(record['output'])}</pre>{_statements(record['scored'])}"
        f"{_verdicts(record['scored'])}</article>"
    )


def _statements(scored: Mapping[str, Any]) -> str:
    rows = scored.get("statements") or scored.get("ground") or ()
    cells = "".join(_statement(row) for row in rows)
    return f"<table>{cells}</table>" if cells else ""


def _statement(row: Mapping[str, Any]) -> str:
    word, kind = {True: ("supported", "yes"), False: ("not supported", "no"), None: ("not judged", "")}[
        row.get("supported")
    ]
    cited = "".join(f"[{index + 1}]" for index in row.get("citations") or ())
    gold = "holds a gold answer" if row.get("holds_answer") else ""
    text = escape(str(row.get("text", "")))
    return f'<tr><td class="{kind}">{word}</td><td>{text}</td><td>{cited}</td><td>{gold}</td></tr>'


def _verdicts(scored: Mapping[str, Any]) -> str:
    """The pairs given to the verifier, with its verdicts."""
    rows = "".join(_verdict(each) for each in scored.get("verdicts") or ())
    return f"<details><summary><small>verdicts</small></summary><table>{rows}</table></details>" if rows else ""


def _verdict(row: Mapping[str, Any]) -> str:
    word, kind = ("entailed", "yes") if row["entailed"] else ("not entailed", "no")
    about = f"<td>{_premise(row['premise'])}</td><td>{escape(row['hypothesis'])}</td>"
    return f'<tr><td class="{kind}">{word}</td><td>{_number(row["score"])}</td>{about}</tr>'


def _premise(premise: Any) -> str:
    """The premise: documents by their numbers, or its description."""
    if isinstance(premise, list):
        return "".join(f"[{index + 1}]" for index in premise)
    return escape(str(premise))


def escape(text: str) -> str:
    """A text for the page: nothing in it acts, hides or reorders."""
    return html.escape(visible(text, len(text)))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "–"
