"""Parses the words of a command line into values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from groundeval.errors import UsageError, did_you_mean, excerpt, no_such
from groundeval.generation.interface import SamplingParams
from groundeval.nli.secrets import refuse_secrets
from groundeval.parsing.reasoning import ReasoningTags, tags_from


def listed(text: str | None, flag: str) -> tuple[str, ...]:
    """`a,b` as a tuple. Raises UsageError for an empty part."""
    if text is None:
        return ()
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise UsageError(f"{flag} {text}: an empty name; separate names by commas")
    return parts


_QUOTED = r""""(?:[^"\\]|\\.)*"|'[^']*'"""
_ASSIGNED = re.compile(rf"(?:{_QUOTED}|\[(?:{_QUOTED}|[^\]\"'])*\]|\{{(?:{_QUOTED}|[^}}\"'])*\}}|[^,])+")
"""One item of a comma-separated list; commas inside quotes or brackets belong to it."""


def assignments(text: str | None, flag: str, texts: Collection[str] = ()) -> dict[str, Any]:
    """`a=1,b=x` as a dict, or a JSON object; values are read as YAML (`0.5`, `true`, `text`, `"x,y"`, `[1, 2]`).

    Those of `texts` are read by `texts_from` instead. Raises UsageError for an unreadable value or a repeated name.
    """
    if text is not None and text.lstrip().startswith("{"):
        return _json_object(text, flag)
    parts = [] if text is None else [part.strip() for part in _ASSIGNED.findall(text)]
    if text is not None and len(_ASSIGNED.sub("", text)) != len(parts) - 1:
        raise UsageError(f"{flag} {text}: an empty part; write NAME=VALUE,NAME=VALUE")
    found: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"{flag}: {excerpt(part)} is not of the form NAME=VALUE")
        if name in found:
            raise UsageError(f"{flag}: {name} is given twice; several values are a list: {name}=[...]")
        try:
            found[name] = texts_from(value) if name in texts else yaml.safe_load(value)
        except (yaml.YAMLError, ValueError) as error:
            why = "" if isinstance(error, yaml.YAMLError) else f" ({error})"
            raise UsageError(f"{flag}: the value of {name} cannot be read: {excerpt(value)}{why}") from None
    return found


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.|$)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


def texts_from(value: str) -> Any:
    """One text or a list of them, in which `\\n`, `\\t`, `\\r`, `\\\\` and `\\u0041` stand for what they do in JSON.

    `\\n`, `Q:` and `"a, b"` are a text each, `["\\n", "Q:"]` is a list of two, and so is `[\\n, Q]`. Raises ValueError
    for another escape, and YAMLError for a list or a quoted text that has no end.
    """
    value = value.strip()
    if not value.startswith(("[", '"', "'")):
        return _unescaped(value)
    try:
        return json.loads(value)
    except ValueError:
        found = yaml.safe_load(value)
    if '"' in value:
        return found  # YAML has read the escapes.
    return (
        [_unescaped(each) if isinstance(each, str) else each for each in found]
        if isinstance(found, list)
        else (_unescaped(found))
    )


def _unescaped(text: str) -> str:
    def meant(escape: re.Match[str]) -> str:
        if len(escape[1]) > 1:
            return chr(int(escape[1][1:], 16))
        if escape[1] not in _ESCAPED:
            raise ValueError(rf"{escape[0]} is not an escape; a backslash itself is \\")
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(meant, text)


def _json_object(text: str, flag: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{flag}: begins with a brace, but is not JSON: {error}") from None
    assert isinstance(found, dict)
    return found


def nli_options(text: str | None, *, no_cache: bool = False, trust_remote_code: bool = False) -> dict[str, Any]:
    """`--nli-args` and related flags as options of the NLI model; flags win. Raises UsageError for a token."""
    options = assignments(text, "--nli-args")
    refuse_secrets(options, "--nli-args")
    if no_cache:
        options["cache"] = False
    if trust_remote_code:
        options["trust_remote_code"] = True
    return options


def sampling_from(text: str | None, seed: int) -> SamplingParams:
    """`--gen-kwargs` as sampling parameters. Raises UsageError for unknown names and values out of range.

    `none` leaves temperature, top_p or seed to the server; `seed` may be nothing else here.
    """
    given = assignments(text, "--gen-kwargs", texts=("stop",))
    known = [field.name for field in fields(SamplingParams)]
    for name in given:
        if name not in known:
            raise UsageError(f'--gen-kwargs: unknown "{name}".{did_you_mean(name, known)}\n  Known: {", ".join(known)}')
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "temperature": (lambda v: _is_none(v) or (_is_number(v) and v >= 0), "a number, 0 (greedy) or more; or none"),
        "top_p": (lambda v: _is_none(v) or (_is_number(v) and 0 < v <= 1), "a number above 0, up to 1; or none"),
        "top_k": (lambda v: type(v) is int and v >= 0, "an integer, 0 (off) or more"),
        "max_new_tokens": (lambda v: type(v) is int and v >= 1, "an integer, 1 or more"),
        "stop": (
            lambda v: all(isinstance(each, str) and each for each in _several(v)),
            r"""a text, or a list of texts: stop=\n or stop=["\n", ":"]""",
        ),
        "seed": (_is_none, "none (a server is told no seed); a number is given by --seed"),
    }
    for name, value in given.items():
        holds, allowed = checks[name]
        if not holds(value):
            raise UsageError(f"--gen-kwargs: {name}={excerpt(value)}; allowed: {allowed}")
    if "stop" in given:
        given["stop"] = tuple(_several(given["stop"]))
    left_out = {name: None for name, value in given.items() if name != "stop" and _is_none(value)}
    return replace(SamplingParams(seed=seed), **{**given, **left_out})


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.lower() == "none")


def _several(value: object) -> list[Any]:
    return value if isinstance(value, list) and value else [value]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def data_from(values: Sequence[str]) -> dict[str, str]:
    """`--data TASK=FILE`, `--data FILE` or `--data embedded` (for all tasks) as task name to source; `*` is all."""
    found: dict[str, str] = {}
    for value in values:
        task, equals, source = value.partition("=")
        name, source = (task, source) if equals else ("*", value)
        if not source:
            raise UsageError(f"--data {value}: allowed are TASK=FILE, TASK=embedded, FILE and embedded")
        if name in found:
            raise UsageError(f"--data: {'all tasks' if name == '*' else name} is given twice")
        found[name] = source
    return found


def paths_from(values: Sequence[str], flag: str) -> dict[str, str]:
    """`--map PART=FIELD` as part to field path; one word may hold several, comma-separated."""
    found: dict[str, str] = {}
    for part in (each.strip() for value in values for each in _ASSIGNED.findall(value)):
        name, equals, path = (each.strip() for each in part.partition("="))
        if not equals or not name or not path:
            raise UsageError(f"{flag}: {excerpt(part)} is not of the form PART=FIELD, for instance question=query")
        if name in found:
            raise UsageError(f"{flag}: {name} is given twice")
        found[name] = path
    return found


def batch_size_from(text: str, flag: str) -> int | None:
    """`auto` as None, else the number."""
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"{flag} {text}: must be auto, or an integer of 1 or more")
    return int(text)


def tags(text: str | None) -> ReasoningTags | None:
    """`--reasoning-tags` as tags; None where they are not given."""
    return None if text is None else tags_from(text.split(","), "--reasoning-tags")


def shard_from(text: str | None) -> tuple[int, int] | None:
    """`I/N` as two integers."""
    if text is None:
        return None
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit()):
        raise UsageError(f"--shard {text}: must be I/N, for instance 1/4")
    return int(index), int(count)


FlagKind = Literal["text", "texts", "whole number", "number", "yes or no"]
"""Kind of a flag's value; `texts` may be given several times."""


def read_config(path: Path, flags: Mapping[str, FlagKind]) -> dict[str, Any]:
    """A YAML file of flags (`num-docs: 3` or `num_docs: 3`) as defaults for a command.

    Raises UsageError for a file that cannot be read, a flag that does not exist (with the nearest match), and a value
    of the wrong kind. A flag without a value is left out.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_such(path, given=f"--config {path}") from None
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except Exception as error:
        # Not only YAMLError: a date such as 2020-99-99 is a ValueError, `!!timestamp x` an AttributeError.
        raise UsageError(f"--config {path}: not YAML: {error}") from None
    if not isinstance(content, Mapping):
        raise UsageError(f"--config {path}: must be a mapping of flags to values, not {excerpt(content)}")
    defaults: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in flags:
            known = [each.replace("_", "-") for each in flags]
            raise UsageError(
                f'--config {path}: unknown flag "{key}".{did_you_mean(str(key), known)}\n  Known: {", ".join(known)}'
            )
        if value is not None:
            defaults[name] = _from_yaml(value, flags[name], f"--config {path}: {key}")
    return defaults


def _from_yaml(value: Any, kind: FlagKind, where: str) -> Any:
    """A YAML value in the form of the command line: mappings as JSON, lists joined by commas.

    YAML reads `yes` as true, and a flag that takes a number would take that for 1.
    """
    fits = {
        "text": lambda: not isinstance(value, bool),
        "texts": lambda: not isinstance(value, bool),
        "whole number": lambda: type(value) is int,
        "number": lambda: _is_number(value),
        "yes or no": lambda: isinstance(value, bool),
    }
    if not fits[kind]():
        allowed = "true or false" if kind == "yes or no" else f"a {kind.removesuffix('s')}"
        hint = ", in quotes if need be" if kind in ("text", "texts") else ""
        raise UsageError(f"{where}: is {json.dumps(value, default=str)}, must be {allowed}{hint}")
    if kind == "texts":
        if isinstance(value, Mapping):
            return [f"{key}={each}" for key, each in value.items()]
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return value
