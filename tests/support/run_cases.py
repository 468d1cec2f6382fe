"""Small files that a user could have, and a backend that counts what it generates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from groundeval.generation.interface import GENERATORS, Completion, SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.normalize import printable
from groundeval.records import Prompt, Rendered


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]

REFUSAL = "I apologize, but I couldn't find an answer to your question in the search results."


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A complete record of ASQA in the ALCE format; a change to `...` takes the field out."""
    city = ("Paris", "Rome", "Oslo", "Bonn")[number % 4]
    whole = {
        "id": f"q{number}",
        "question": f"What is city {number}?",
        "output": f"City {number} is {city} [1]. It is old [2].",
        "docs": [
            {"title": city, "text": f"City {number} is {city}."},
            {"title": "Age", "text": "It is old and large."},
        ],
        "qa_pairs": [{"question": "Which?", "short_answers": [city]}, {"question": "Age?", "short_answers": ["old"]}],
        "answers": [[city], ["old"]],
        "answer": f"The city is {city}.",
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not ...}


def records(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [record(number, **changes) for number in range(count)]


def write(path: Path, content: Any) -> Path:
    """A JSON file; text is written as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


class Counting:
    """Gives each prompt a text made of its id, counts how often, and fails where it is told to."""

    generated: ClassVar[list[str]] = []
    loaded = 0
    closed = 0
    fail: ClassVar[set[str]] = set()
    """Ids of samples that get an error instead of a text."""
    break_at: str | None = None
    """Id of the sample at which the backend as a whole breaks down."""
    window = 2
    unloadable: ClassVar[dict[str, Exception]] = {}
    """Names of models that cannot be loaded, and why."""

    def __init__(self, options: GeneratorOptions) -> None:
        self.options = options

    @classmethod
    def reset(cls) -> None:
        cls.generated, cls.loaded, cls.closed, cls.fail, cls.break_at, cls.window = [], 0, 0, set(), None, 2
        cls.unloadable = {}

    def load(self) -> None:
        type(self).loaded += 1
        if self.options.model in self.unloadable:
            raise self.unloadable[self.options.model]

    def render(self, prompt: Prompt) -> Rendered:
        return Rendered(printable(prompt.user), 7)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        from groundeval.errors import BackendError

        for prompt in reversed(prompts):
            if prompt.id == self.break_at:
                raise BackendError("the engine ran out of memory")
            self.generated.append(prompt.id)
            if prompt.id in self.fail:
                yield Completion(prompt.id, "", error="the prompt is too long")
            else:
                yield Completion(prompt.id, f"Answer to {prompt.id} is old [2].", "stop", 7, 3)

    def identity(self) -> Mapping[str, Any]:
        return {"backend": "counting", "model": self.options.model}

    def close(self) -> None:
        type(self).closed += 1


if "counting" not in GENERATORS:
    GENERATORS.add("counting", Counting, "the tests")
