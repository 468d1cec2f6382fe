"""The columns of training data: `prompt`, `task` and `example`, and the text of a completion.

`example` is a JSON string, since columns of ragged lists and mixed tasks break Arrow tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from groundeval.errors import DataError, excerpt
from groundeval.metrics.gold import with_answers
from groundeval.parsing.reasoning import REASONING_TAGS
from groundeval.parsing.reasoning_formats import KNOWN_TAGS, begun_thought
from groundeval.parsing.remembered import remembered
from groundeval.records import Document, Example
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.fields import example_from

NAME = 'column "example"'


def example_json(example: Example) -> str:
    """An example as a JSON record, in the form that `example_of` and the readers of example files accept."""
    record: dict[str, Any] = {
        "id": example.id,
        "question": example.question,
        "docs": None if example.docs is None else [_document(document) for document in example.docs],
        "answers": example.answers,
        "qa_pairs": None
        if example.qa_pairs is None
        else [{"question": pair.question, "short_answers": pair.short_answers} for pair in example.qa_pairs],
        "claims": example.claims,
        "answer": example.answer,
        "annotations": None if example.annotations is None else [{"long_answer": each} for each in example.annotations],
        "response": example.response,
        "extra": dict(example.extra) or None,
    }
    # ASCII escapes preserve lone surrogates, which tables and HTTP reject.
    return json.dumps({name: value for name, value in record.items() if value is not None})


def _document(document: Document) -> dict[str, Any]:
    parts = {
        "title": document.title,
        "text": document.text,
        "sent": document.sent,
        "summary": document.summary,
        "extraction": document.extraction,
        "answers_found": document.answers_found,
    }
    return {name: value for name, value in parts.items() if value is not None}


@remembered(4_096)
def example_of(text: str) -> Example:
    """The example in a JSON string, with `answers` derived from short answers or claims if missing.

    Cached, because the rollouts of a group share it. Raises DataError, which names the field and what is allowed.
    """
    try:
        data = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{NAME} is no JSON: {error}; it is {excerpt(text)}") from None
    if not isinstance(data, dict):
        raise DataError(f"{NAME} must be a JSON object with question, docs and gold answers, not {excerpt(text)}")
    example = with_answers(example_from(Record(NAME, 1, data), "0"))
    extra = data.get("extra")
    return replace(example, extra=extra) if isinstance(extra, Mapping) else example


class Carried(NamedTuple):
    """The fields that a trainer passes on from the data to the reward."""

    task: str
    example: str
    """JSON."""
    prefill: str = ""
    """The reasoning tag opened by the chat template, if the data name it."""
    tasks: tuple[str, ...] = ()
    """All tasks of the data set, if there are several."""


def carried(info: Any, what: str = "info") -> Carried:
    """`task`, `example`, `prefill` and `tasks` of a mapping or of JSON, as `groundeval data export` writes them.

    Raises DataError, which calls the argument `what`, if task or example is missing.
    """
    found = info
    if isinstance(info, str):
        try:
            found = json.loads(info)
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, Mapping) or "task" not in found or "example" not in found:
        raise DataError(
            f"{what} {excerpt(info)}: must hold `task` and `example`, as `groundeval data export` writes them"
        )
    if not isinstance(found["task"], str):
        raise DataError(f"{what}: unknown task {excerpt(found['task'])}: must be the name of a task")
    example, prefill, tasks = found["example"], found.get("prefill"), found.get("tasks")
    return Carried(
        found["task"],
        example if isinstance(example, str) else json.dumps(example),
        prefill if isinstance(prefill, str) else "",
        () if tasks is None else task_names(tasks, what),
    )


def task_names(tasks: Any, what: str) -> tuple[str, ...]:
    """The names in a list of tasks, which may arrive as an array or as one name. Raises DataError for anything else."""
    if isinstance(tasks, str):
        return (tasks,)
    if not hasattr(tasks, "__iter__") or isinstance(tasks, bytes):
        raise DataError(f"{what}: tasks is {excerpt(tasks)}; it must be a list of names of tasks")
    return tuple(map(str, tasks))


def completion_text(completion: str | Sequence[Mapping[str, Any]] | Mapping[str, Any], prefill: str = "") -> str:
    """The text of a completion: the completion itself, or the content of its last assistant message.

    Reasoning that a parser has moved into a field of its own is put back between tags; the opening tag is left out if
    the `prefill` already holds it. Raises DataError for anything but a text, a message or a list of messages.
    """
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Mapping | Sequence):
        raise DataError(f"completion {excerpt(completion)}: must be a text, a message or a list of messages")
    messages = [completion] if isinstance(completion, Mapping) else list(completion)
    last = next((message for message in reversed(messages) if _field(message, "role") == "assistant"), None)
    if last is None:
        return ""
    reasoning = next((found for name in _REASONING if (found := _field(last, name))), None)
    text = plain_text(_field(last, "content"))
    if not isinstance(reasoning, str):
        return text
    begun = opened(prefill).rstrip()
    close = next((tags.think_close for tags in KNOWN_TAGS if tags.think_open == begun), REASONING_TAGS.think_close)
    return f"{'' if begun else REASONING_TAGS.think_open}{reasoning}{close}{text}"


_REASONING = ("reasoning_content", "reasoning", "thinking")


def _field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, Mapping) else getattr(message, name, None)


def plain_text(content: Any) -> str:
    """The text of a message's content: a string, a list of parts, or None. Raises DataError for anything else."""
    if isinstance(content, str):
        return content
    if content is not None and not isinstance(content, Sequence):
        raise DataError(f"content {excerpt(content)}: must be a text or a list of parts")
    parts = (_field(part, "text") for part in content or ())
    return "".join(part for part in parts if isinstance(part, str))


def opened(prompt: str) -> str:
    """The open reasoning tag, of any known format, with which a rendered prompt ends, with the white space after it;
    "" if there is none."""
    begun = begun_thought(prompt)
    return begun if begun.rstrip() in {tags.think_open for tags in KNOWN_TAGS} else ""
