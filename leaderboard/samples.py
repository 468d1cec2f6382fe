"""Data of the sample viewer, as script files that the page loads on demand.

A page opened from a folder may not read files, but it may load scripts. So data are scripts of one call each,
`groundeval.receive(name, value)`: an index of all samples, then samples, prompts and documents in chunks. Documents are
named by a hash of their content, so that runs on the same data share them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from groundeval.comparison.saved_scores import ScoredRun
from groundeval.console.sanitize import one_line, visible
from groundeval.leaderboard.gold import gold_found
from groundeval.leaderboard.texts import SampleTexts
from groundeval.metrics.labels import label_of
from groundeval.metrics.profiles import Profile, answers_or_refuses, profile_named
from groundeval.parsing.refusal import REFUSAL_THRESHOLD, refusal_score, refuses
from groundeval.records import Document, Example, Response

CHUNK = 50
"""Samples in one script file."""
_LIST_LIMIT = 200
_PART_LIMIT = 2_000
_QUESTION = 100
_DECIMALS = 4

Json = dict[str, Any]


def write_samples(run: ScoredRun, texts: SampleTexts, numbers: Mapping[str, str], folder: Path, shared: Path) -> None:
    """Write the viewer's data of a run into `folder`, and documents into `shared`, which runs have in common.

    `numbers`: its leading metrics by key, as text, for the page of a run that has this one beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shared.mkdir(parents=True, exist_ok=True)
    ids = list(run.samples)
    documents = []
    for number, start in enumerate(range(0, len(ids), CHUNK)):
        part = ids[start : start + CHUNK]
        write_script(folder / f"samples-{number}.js", f"samples-{number}", [_sample(run, texts, each) for each in part])
        if texts.prompts:
            prompts = [_or_none(texts.prompts.get(each)) for each in part]
            write_script(folder / f"prompts-{number}.js", f"prompts-{number}", prompts)
        documents.append(_write_documents([texts.examples.get(each) for each in part], shared))
    write_script(folder / "index.js", "index", {**_index(run, texts, documents), "numbers": dict(numbers)})


def write_script(path: Path, name: str, value: Any) -> None:
    """A data file as a script. Equal values give equal bytes."""
    path.write_bytes(script(name, value))


def script(name: str, value: Any) -> bytes:
    """`groundeval.receive(name, value);` in UTF-8. JSON is JavaScript; every text in it has passed `visible`."""
    return b"".join((b"groundeval.receive(", to_json(name), b",", to_json(value), b");\n"))


def _index(run: ScoredRun, texts: SampleTexts, documents: Sequence[str | None]) -> Json:
    columns = list(run.columns)
    records = run.samples.values()
    values = [record["values"] for record in records]
    return {
        "chunk": CHUNK,
        "ids": [visible(each, _QUESTION) for each in run.samples],
        "statuses": [visible(str(record["status"]), _QUESTION) for record in records],
        "questions": [
            _question(texts.examples[each].question) if each in texts.examples else "" for each in run.samples
        ],
        "columns": columns,
        "names": [visible(label_of(column).name, _QUESTION) for column in columns],
        "values": [[_rounded(each.get(column)) for each in values] for column in columns],
        "documents": list(documents),
        "threshold": _threshold(run),
        "prompts": bool(texts.prompts),
        "texts": bool(texts.responses),
    }


@lru_cache(maxsize=16_384)
def _question(question: str) -> str:
    """A question made visible; cached, since runs on the same data have the same questions."""
    return one_line(question, _QUESTION)


def _threshold(run: ScoredRun) -> float | None:
    """Least score that counts as entailed; None for NLI models without a threshold, whose answer decides."""
    found = (run.scoring.get("nli") or {}).get("threshold")
    return float(found) if isinstance(found, int | float) and 0 <= found <= 1 else None


def _sample(run: ScoredRun, texts: SampleTexts, sample_id: str) -> Json:
    profile = profile_named(run.results.profile)
    record, example, response = run.samples[sample_id], texts.examples.get(sample_id), texts.responses.get(sample_id)
    parts = _Parts()
    return {
        "question": _or_none(None if example is None else example.question),
        "response": _or_none(None if response is None else response.text),
        "reasoning": _or_none(None if response is None else response.reasoning),
        "finish": _or_none(None if response is None else response.finish_reason, _QUESTION),
        "refusal": None if response is None else _refusal(run, response, profile),
        "error": _or_none(record.get("error")),
        "statements": [_statement(each, example, profile, parts) for each in _dicts(record, "statements")],
        "verdicts": [_verdict(each, parts) for each in _dicts(record, "verdicts")],
        "left_out": {
            name: len(found) - _LIST_LIMIT
            for name in ("statements", "verdicts")
            if isinstance(found := record.get(name), list) and len(found) > _LIST_LIMIT
        },
        "gold": [] if example is None or response is None else gold_answers(run, example, response, record),
    }


class _Parts(dict[str, str]):
    """The parts of one sample for display, each made visible once, since many verdicts concern one statement."""

    def __missing__(self, part: str) -> str:
        self[part] = shown = visible(part, _PART_LIMIT)
        return shown


def _refusal(run: ScoredRun, response: Response, profile: Profile) -> Json | None:
    """The fuzzy match with a refusal, in percent, if the profile uses it (Trust-Score)."""
    if "refused" not in run.columns or profile.decide is not answers_or_refuses:
        return None
    text = profile.prepare(response.text)
    return {"score": round(refusal_score(text), 1), "refused": refuses(text), "threshold": REFUSAL_THRESHOLD}


def gold_answers(run: ScoredRun, example: Example, response: Response, record: Mapping[str, Any]) -> list[Json]:
    """The gold answers of a sample, with whether each is in the output and in a document."""
    supported = example.supported
    scoring = run.scoring
    kind = scoring.get("kind", "em")
    entailed = _entailed_by_output(record) if kind == "claims" else {}
    found = gold_found(response, run.results.profile, kind, bool(scoring.get("cot")), entailed)
    return [
        {
            "aliases": list(map(_alias, aliases[:20])),
            "found": hit,
            "supported": supported[index] if index < len(supported) else None,
        }
        for index, (aliases, hit) in enumerate(zip(example.answers or (), found, strict=True))
    ][:_LIST_LIMIT]


def _entailed_by_output(record: Mapping[str, Any]) -> dict[str, bool]:
    return {
        str(each.get("hypothesis")): bool(each.get("entailed"))
        for each in _dicts(record, "verdicts")
        if each.get("premise") == "output"
    }


@lru_cache(maxsize=16_384)
def _alias(alias: str) -> str:
    """An alias made visible; cached, since runs on the same data have the same gold answers."""
    return visible(alias, _PART_LIMIT)


def _statement(each: Mapping[str, Any], example: Example | None, profile: Profile, parts: _Parts | None = None) -> Json:
    citations = [index for index in _list(each.get("citations")) if type(index) is int]
    bits = [bool(bit) for bit in _list(each.get("precise"))]
    return {
        "text": (_Parts() if parts is None else parts)[str(each.get("text", ""))],
        "citations": citations,
        "supported": bool(each.get("supported")),
        "precise": list(zip(_judged(citations, example, profile), bits, strict=False)),
    }


def _judged(citations: Sequence[int], example: Example | None, profile: Profile) -> list[int]:
    """The citations that the precision bits of a statement refer to, in order: those that the profile judges, then
    others, each once. Empty without the documents, which the profile needs for the choice."""
    if example is None or example.docs is None:
        return []
    judged = profile.judged_citations(citations, example.docs) or ()
    others = [index for index in citations if index not in judged]
    return [*judged, *dict.fromkeys(others)] if others else list(judged)


def _verdict(each: Mapping[str, Any], parts: _Parts) -> Json:
    premise = each.get("premise")
    score = each.get("score")
    return {
        "premise": [index for index in premise[:_LIST_LIMIT] if type(index) is int]
        if isinstance(premise, list)
        else visible(str(premise), _QUESTION),
        "hypothesis": parts[str(each.get("hypothesis", ""))],
        "entailed": bool(each.get("entailed")),
        "score": _rounded(score) if isinstance(score, int | float) else None,
    }


def _write_documents(examples: Sequence[Example | None], shared: Path) -> str | None:
    """Write the documents of a chunk of samples; return the file's name, or None if the documents are unknown."""
    if all(example is None for example in examples):
        return None
    return _document_file(_Shown(tuple(() if each is None else each.docs or () for each in examples)), shared)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The documents of a chunk of samples. Hashed by a part of them: hashing all takes longer than comparing them with
    those of a run on the same data, which are the same objects."""

    documents: tuple[tuple[Document, ...], ...]

    def __hash__(self) -> int:
        return hash(tuple(docs[0].text for docs in self.documents if docs))


@lru_cache(maxsize=256)
def _document_file(shown: _Shown, shared: Path) -> str:
    """Write a file of documents; return its name. Cached, since runs on the same data have the same documents."""
    known = [[_document(document) for document in docs] for docs in shown.documents]
    name = hashlib.sha256(to_json(known)).hexdigest()[:16]
    write_script(shared / f"{name}.js", name, known)
    return name


def _document(document: Document) -> Json:
    return {
        "title": visible(document.title, _PART_LIMIT),
        "text": visible(document.text),
        "found": None if document.answers_found is None else list(document.answers_found),
    }


def _dicts(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [each for each in _list(record.get(name)) if isinstance(each, dict)]


def _list(value: Any) -> list[Any]:
    return value[:_LIST_LIMIT] if isinstance(value, list) else []


def _or_none(text: Any, limit: int = 20_000) -> str | None:
    return None if text is None else visible(str(text), limit)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
