"""Trials from a user's file: pairs of texts for the user's own questions.

A file of JSON lines, one per pair: `question` (an id), `kind` (`em`, `list` or `claims`), `direction` (`attack`: the
honest text must score higher; `style`: the other must keep the reward), `family`, `name`, `honest`, `attack` (the other
text), and `raw` (true: it is a model's whole output, tags included). Beside it `questions.json`: a list of `id`,
`question`, `docs` (`title`, `text`, `answers_found`) and `answers` (each a list of aliases).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from groundeval.errors import DataError
from groundeval.metrics.gold import with_gold_for_alce
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Document, Example
from groundeval.rewards.benchmark.answer import answer_of
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.families import Family
from groundeval.rewards.benchmark.trials import Trial, as_output

TASK_OF: Mapping[str, str] = {"em": "trust_asqa", "list": "trust_qampari", "claims": "trust_eli5"}
"""The task whose rewards score a kind."""
QUESTIONS = "questions.json"


def read_trials(file: Path) -> tuple[Trial, ...]:
    """The trials of a file. Raises DataError, which names the line, for any departure from the format above."""
    questions = {str(each["id"]): each for each in _json(file.with_name(QUESTIONS), _text(file.with_name(QUESTIONS)))}
    cases: dict[tuple[str, str], Case] = {}
    trials = []
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        record = _json(file, line, f", line {number}")
        try:
            trials.append(_trial(record, questions, cases))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{file}, line {number}: {type(error).__name__}: {error}") from error
    if not trials:
        raise DataError(f"{file} holds no trial")
    return tuple(trials)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error


def _json(file: Path, text: str, where: str = "") -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"{file}{where} is not JSON: {error}") from error


def _trial(record: Mapping[str, Any], questions: Mapping[str, Any], cases: dict[tuple[str, str], Case]) -> Trial:
    kind, direction = record["kind"], record["direction"]
    if kind not in get_args(AnswerKind) or direction not in ("attack", "style"):
        raise ValueError(f"kind {kind!r} or direction {direction!r} is unknown")
    key = (str(record["question"]), kind)
    if key not in cases:
        cases[key] = _case(questions[key[0]], kind, record["honest"])
    title = record["family"]
    family = Family(f"{direction}: {title}", title, "honest" if direction == "attack" else "kept")
    other = record["attack"] if record.get("raw") else as_output(record["attack"])
    return Trial(family, record["name"], cases[key], as_output(record["honest"]), other)


def _case(question: Mapping[str, Any], kind: AnswerKind, honest: str) -> Case:
    docs = tuple(
        Document(each["title"], each["text"], answers_found=tuple(map(int, each["answers_found"])))
        for each in question["docs"]
    )
    answers = tuple(tuple(map(str, aliases)) for aliases in question["answers"])
    example = Example(id=str(question["id"]), question=question["question"], docs=docs, answers=answers)
    return Case(TASK_OF[kind], kind, with_gold_for_alce(example, kind), answer_of(honest, kind))
