"""The schema of a YAML task; docs/yaml_tasks.md explains it field by field."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from groundeval.storage.json_records import Layout
from groundeval.tasks.formats.field_path import FieldPath, parse_path
from groundeval.tasks.formats.patterns import pattern

T = TypeVar("T")


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


def _is_a_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", value):
        raise ValueError("a name is made of letters, digits, `_`, `-` and `.`, since folders are named after it")
    return value


OneOrMany = Annotated[list[T], BeforeValidator(_as_list)]
"""A list, or its only element."""

Name = Annotated[str, AfterValidator(_is_a_name)]
"""A name that can be the name of a folder."""


class Section(BaseModel):
    """A part of the file: unknown fields are errors, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    short_form: ClassVar[str | None] = None
    """The field that a plain string in place of the section sets."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        return {cls.short_form: value} if cls.short_form and isinstance(value, str) else value


class Value(Section):
    """The source of a value: a path into the record, or a constant."""

    short_form = "path"

    path: str | None = None
    constant: Any = None
    decode: Literal["json", "python_literal"] | None = None
    inside: str | None = None
    default: Any = None
    remove: str | None = None

    @field_validator("path", "inside")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None:
            parse_path(value)
        return value

    @field_validator("remove")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        pattern(value or "")
        return value

    @model_validator(mode="after")
    def _has_one_origin(self) -> Value:
        if ("path" in self.model_fields_set) == ("constant" in self.model_fields_set):
            raise ValueError("give a path (the short form is just the path), or a constant")
        return self

    @property
    def optional(self) -> bool:
        """Whether there is a default for records that lack the value."""
        return "default" in self.model_fields_set

    @property
    def where(self) -> FieldPath | None:
        """The parsed path."""
        return None if self.path is None else parse_path(self.path)


class Gold(Value):
    """Gold answers."""

    list_of: Literal["answers", "aliases"] = "answers"


class Answerable(Value):
    """Source of whether a record's own documents answer its question."""

    equals: Any = None


class Documents(Value):
    """The documents of a record: strings, lists, or objects with a title and a text."""

    title: str | None = "title"
    text: str = "text"
    sent: str | None = None
    summary: str | None = None
    extraction: str | None = None
    holds_answer: bool | str | None = None
    join: str = " "
    drop_repeated: bool = False

    @field_validator("title", "text", "sent", "summary", "extraction", "holds_answer")
    @classmethod
    def _is_a_subpath(cls, value: str | bool | None) -> str | bool | None:
        if isinstance(value, str):
            parse_path(value)
        return value


class Fields(Section):
    """The mapping from a record to the parts of an example."""

    question: Value
    id: Value | None = None
    documents: Documents | None = None
    answers: Gold | None = None
    claims: Value | None = None
    answer: Value | None = None
    response: Value | None = None
    answerable: Answerable | None = None
    extra: dict[str, Value] = Field(default_factory=dict)


class Source(Section):
    """A file of records."""

    short_form = "path"

    path: str
    skip: int = Field(default=0, ge=0)
    limit: int | None = Field(default=None, ge=1)
    format: Layout = "auto"


class Distractors(Section):
    """Documents of other records, added to those of each record."""

    count: int = Field(ge=1)
    seed: int = 0


class Prompt(Section):
    """A built-in prompt, or changes to one."""

    short_form = "base"

    base: Literal["cited_answer", "list", "trust", "trust_list"] | None = None
    instruction: str | None = None
    document: str | None = None
    question: str | None = None
    answer: str | None = None
    separator: str | None = None
    document_separator: str | None = None
    closed_book: str | None = None
    system: str | None = None


class Demonstrations(Section):
    """Few-shot examples: a file in the format of groundeval's own data, or the embedded ones of a data set."""

    short_form = "path"

    path: str | None = None
    embedded: Literal["asqa", "qampari", "eli5", "expertqa"] | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Demonstrations:
        if (self.path is None) == (self.embedded is None):
            raise ValueError("give the path of a file, or `embedded: asqa | qampari | eli5 | expertqa`")
        return self


class YamlTask(Section):
    """The whole file."""

    name: Name
    kind: Literal["em", "list", "claims"]
    data: OneOrMany[Source] = Field(min_length=1)
    fields: Fields
    train: OneOrMany[Source] = Field(default_factory=list)
    profile: str | None = None
    prompt: Prompt = Prompt()
    headline: OneOrMany[str] | None = None
    metrics: OneOrMany[str] | None = None
    reward: str | dict[str, float] | None = None
    distractors: Distractors | None = None
    demonstrations: Demonstrations | None = None
    description: str = ""
    licence: str = ""
    download: str = ""
    """Where the data can be downloaded; said where a file of it is missing."""
    version: int = 1

    @model_validator(mode="after")
    def _has_gold_data(self) -> YamlTask:
        if self.fields.answers is None and self.fields.claims is None:
            raise ValueError("map `answers` or `claims` under `fields`: without gold data there is nothing to score")
        if self.fields.claims is not None and self.kind != "claims":
            raise ValueError(f"`claims` are gold data of kind claims, and the kind is {self.kind}; map `answers`")
        if self.distractors is not None and self.fields.documents is None:
            raise ValueError("`distractors` are drawn from the documents of other records: map `documents`")
        return self
