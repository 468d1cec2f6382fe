"""The manifest of a run's texts, read as data: types and ranges are checked, nothing that it names is run or opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groundeval.errors import DataError, excerpt
from groundeval.parsing.reasoning import ReasoningTags

MOST_DOCUMENTS = 100_000
"""Largest number of documents per prompt that a manifest may give."""
MOST_ANSWERS = 1_000_000
"""Largest number of answers per question that a manifest may give."""


class DataOfRun(BaseModel):
    """The data that a run was generated from."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    requested: str | None = None
    """`embedded`, or the file that was named; None: the task's own data set."""
    source: str | None = None
    sha256: str | None = None
    split: Literal["test", "train"] = "test"


class RunIdentity(BaseModel):
    """The settings that determined the texts of a run. Other fields are shown and compared, never acted on."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    task: str | None = None
    task_version: int | None = None
    task_reference: str | None = None
    """The name given for the task: a registered name or a path. It is shown in messages and never opened."""
    data: DataOfRun = Field(default_factory=DataOfRun)
    backend: str | None = None
    generator: dict[str, Any] = Field(default_factory=dict)
    prompt: dict[str, Any] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)
    num_docs: int = Field(default=0, ge=0, le=MOST_DOCUMENTS)
    num_fewshot: int = Field(default=0, ge=0)
    oracle_docs: bool = False
    num_samples: int = Field(default=1, ge=1, le=MOST_ANSWERS)
    reasoning_tags: tuple[str, ...] | None = Field(default=None, strict=False, min_length=2, max_length=4)
    """The tags around reasoning, and around the answer; None: the usual ones, or what the form of a text shows."""
    reasoning_tags_from: str | None = None
    """`model name` where only that shows the tags."""


def stored_tags(found: object, place: Path) -> ReasoningTags | None:
    """The reasoning tags that a manifest holds, as `Response.build` takes them. Raises DataError for anything else."""
    if found is None:
        return None
    if not isinstance(found, list | tuple) or len(found) not in (2, 4) or not all(isinstance(t, str) for t in found):
        raise DataError(f"{place}: reasoning_tags must be two or four texts, not {excerpt(found)}")
    return ReasoningTags(*found)


def sessions_of(manifest: object) -> list[dict[str, Any]]:
    """The sessions that a manifest lists; malformed entries are left out."""
    found = manifest.get("sessions") if isinstance(manifest, Mapping) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def longest_answer(backend: str | None, sampling: Mapping[str, Any]) -> int | None:
    """The limit on an answer's length that a run had, in tokens; None where its texts come from elsewhere."""
    found = sampling.get("max_new_tokens")
    return found if backend != "replay" and type(found) is int and found > 0 else None


def run_identity(manifest: Any, folder: Path, needed: Collection[str] = ()) -> RunIdentity:
    """The checked identity in the manifest of a run folder. Raises DataError unless the `needed` fields are there."""
    found = manifest.get("identity") if isinstance(manifest, Mapping) else None
    if not isinstance(found, Mapping) or any(name not in found for name in needed):
        raise DataError(
            f"{folder}/manifest.json is damaged: its identity must have {', '.join(needed)}.\n"
            "  The command that made the run writes it again."
        )
    try:
        return RunIdentity.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, ("identity", *first["loc"])))
        raise DataError(
            f"{folder}/manifest.json is damaged: field {field}: {first['msg']}, found {excerpt(first['input'])}"
        ) from None
