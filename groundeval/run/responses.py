"""The responses that a scoring is given, each read when it is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from groundeval.errors import GroundevalError, option, what_happened
from groundeval.extras import require
from groundeval.models.sentence_encoder import SentenceEncoder
from groundeval.records import Example, Response
from groundeval.run.options import ScoringOptions
from groundeval.scoring.posthoc import cite_afterwards, encoded
from groundeval.tasks.formats.examples import ContentHashes, content_hash
from groundeval.tasks.task import Task


@dataclass(frozen=True, slots=True)
class ResponseSet:
    """Responses to score: the examples in their order, and the response to each.

    Both are read one at a time, as often as they are needed: neither need be in memory.
    """

    task: Task
    examples: Sequence[Example]
    at: Callable[[int], Response]
    """The response to the example at a position."""
    fields: frozenset[str]
    """Fields of `Example` that the data has."""
    notes: tuple[str, ...] = ()
    folder: Path | None = None
    """The run folder, or None where nothing is written."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Distinguishes these responses from others scored into the same folder; a run folder holds one set only."""
    longest_answer: int | None = None
    """The limit on an answer's length in tokens (`max_new_tokens`); None where it is not known."""
    num_samples: int = 1
    """Answers per question, in consecutive rows (`groundeval.stats.repeats`)."""
    content: ContentHashes | None = None
    """Hashes of the examples, if whoever read them has computed them on the way."""
    warnings: tuple[str, ...] = ()
    """Notes without which the numbers mislead."""


def with_citations(responses: ResponseSet, options: ScoringOptions) -> ResponseSet:
    """The responses as they are scored: with citations attached if requested."""
    if options.post_hoc == "none":
        return responses
    original, kind = responses.at, responses.task.kind
    note = f"citations were attached to uncited statements afterwards ({options.post_hoc})"
    encoder = encoder_of(options)
    comparing = None if encoder is None else encoded(encoder)
    cited = read_alone(lambda row: cite_afterwards(original(row), kind, comparing), responses.examples)
    attached = replace(responses, at=cited)
    return replace(attached, notes=(*responses.notes, note))


def read_alone(at: Callable[[int], Response], examples: Sequence[Example]) -> Callable[[int], Response]:
    """The responses of `at`; a text that cannot be read is the error of its sample."""

    def read(row: int) -> Response:
        try:
            return at(row)
        except GroundevalError:
            raise
        except Exception as error:
            return Response.failed(examples[row], f"its text cannot be read: {what_happened(error)}")

    return read


def encoder_of(options: ScoringOptions) -> SentenceEncoder | None:
    """The encoder behind post-hoc citation, not yet loaded. Raises UserError for one that cannot be used."""
    if options.post_hoc_encoder is None:
        return None
    require("hf", option("post_hoc", "encoder"))
    return SentenceEncoder(options.post_hoc_encoder)


def sample_hash(response: Response, example: str | None = None) -> str:
    """A short hash of what was scored: the text with the answer in it, and the example with documents and gold data.

    `example`: the hash of the example alone, where it is known.
    """
    texts = json.dumps([response.raw, response.text]).encode("ascii")
    return sha256((example or content_hash((response.example,))).encode() + texts).hexdigest()[:16]
