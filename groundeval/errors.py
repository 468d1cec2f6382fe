"""The error model: three kinds of failure, each handled in the same way everywhere.

- **A user error** (`UserError`): a flag, a file or a plugin is wrong. The command stops before anything expensive
  starts, and its message says what is wrong, what is allowed, and what to do. Exit code 2 for wrong usage
  (`UsageError`), 1 for bad data (`DataError`).
- **A bad sample** is data, not an exception: it is recorded with its `Status` and the run continues.
- **A failed backend** (`BackendError`): a model, an engine or a server broke. Everything already computed has been
  written, and the same command resumes. Exit code 3.
"""

from __future__ import annotations

import difflib
import os
import shlex
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePath

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_RESUMABLE = 0, 1, 2, 3


class GroundevalError(Exception):
    """Base of all errors raised by groundeval; `str()` is the message for the user."""

    exit_code = EXIT_FAILED


class Interrupted(GroundevalError):
    """The run was stopped by the user or the system; the same command resumes it."""

    exit_code = EXIT_RESUMABLE


class UserError(GroundevalError):
    """An error that the user can correct."""


class UsageError(UserError):
    """A wrong flag, name or combination of them."""

    exit_code = EXIT_USAGE


class DataError(UserError):
    """A file whose content cannot be used. The message names the file, the record, the field and the value."""


class BackendError(GroundevalError):
    """A model, engine or server failed; nothing computed so far is lost and the run can be resumed."""

    exit_code = EXIT_RESUMABLE


class SampleError(GroundevalError):
    """One sample cannot be scored (for instance, a pair that alone does not fit into memory).

    Raised by a verifier for a pair and caught by the scorer: the sample is recorded with status `error`, and the run
    continues.
    """


class MissingExtra(UsageError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed, those of groundeval[{extra}].\n"
            f"  Install them in the checkout of groundeval: pip install -e '.[{extra}]'"
        )


_ALONE = object()
Spelling = Callable[[str, object, Mapping[str, object]], str]
"""Spells an option: its name, its value (or none), the parts of a value that is a mapping."""


def option(name: str, value: object = _ALONE, /, **parts: object) -> str:
    """An option as written by the user: `num_docs=-1` in Python, `--num-docs -1` on the command line.

    `parts` name entries of an option that holds several: `option("model_args", lora="FOLDER")`. Messages name options
    with this alone, so that each is written once for both.
    """
    return _spelling(name, value, parts)


def as_parameter(name: str, value: object, parts: Mapping[str, object]) -> str:
    """An option as a Python parameter: `num_docs=-1`, `model_args={'lora': 'FOLDER'}`."""
    if parts:
        inside = ", ".join(f"{part}={each!r}" for part, each in parts.items())
        return f"sampling=SamplingParams({inside})" if name == "sampling" else f"{name}={dict(parts)!r}"
    return name if value is _ALONE else f"{name}={str(value)!r}" if isinstance(value, Path) else f"{name}={value!r}"


def as_flag(flag: str, value: object, parts: Mapping[str, object]) -> str:
    """An option as a flag: `--num-docs -1`, `--model-args lora=FOLDER`."""
    if value is False:
        return f"--no-{flag.removeprefix('--')}"
    shown = value
    if parts:
        shown = shlex.quote(",".join(f"{part}={'none' if each is None else each}" for part, each in parts.items()))
    return flag if shown is _ALONE or shown is True else f"{flag} {shown}"


_spelling: Spelling = as_parameter


def spelling() -> Spelling:
    """How the messages of this process spell options."""
    return _spelling


@contextmanager
def spelling_options(chosen: Spelling) -> Iterator[None]:
    """Context in which all messages of this process spell options in another way, used by the command line."""
    global _spelling
    before, _spelling = _spelling, chosen
    try:
        yield
    finally:
        _spelling = before


_LONGEST_NAME = 200
"""Characters of a name that messages show."""


def unknown(what: str, name: str, allowed: Iterable[str]) -> UsageError:
    """The error for an unregistered name, with the nearest match and the allowed names."""
    names = sorted(allowed)
    shown = did_you_mean(name[:_LONGEST_NAME], names)
    return UsageError(f"unknown {what} {_quoted(name)}.{shown}\n  Known: {', '.join(names) or 'none'}")


def did_you_mean(name: str, allowed: Iterable[str], *, likeness: float = 0.5) -> str:
    """` Did you mean "..."?` with the nearest of the allowed names; empty if none is near."""
    near = nearest(name, allowed, likeness=likeness)
    return f' Did you mean "{near}"?' if near else ""


def nearest(name: str, allowed: Iterable[str], *, likeness: float = 0.5) -> str | None:
    """The allowed name most like this one; None if none reaches the likeness, from 0 to 1."""
    near = difflib.get_close_matches(name, sorted(allowed), n=1, cutoff=likeness)
    return near[0] if near else None


def no_such(
    path: str | Path, kind: str = "file", *, given: str | None = None, advice: str = "", others: Iterable[str] = ()
) -> UsageError:
    """The error for a path that does not exist, with the nearest name that its folder holds.

    `given`: how the user wrote it, where that is more than the path (`--data FILE`). `others`: names that may stand for
    a path.
    """
    near = nearest(str(path), others, likeness=0.8) or _nearest_path(Path(path).expanduser())
    guess = "" if near is None else f' Did you mean "{near}"?'
    return UsageError(f"{path if given is None else given}: no such {kind}.{guess}{advice}")


def _nearest_path(path: Path) -> Path | None:
    """An existing path that differs from this one in one name or a few; None if some part of it is like nothing."""
    near = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 :]:
        if len(part) > _LONGEST_NAME:
            return None  # No file has such a name, and asking for it may be an error.
        if not os.path.exists(near / part):
            try:
                names = [each.name for each in islice(near.iterdir(), _MOST_NAMES)]
            except OSError:
                return None
            found = nearest(part, names, likeness=0.6)
            # A common ending alone makes no names alike.
            if found is None or nearest(Path(part).stem, [Path(found).stem], likeness=0.6) is None:
                return None
            part = found
        near /= part
    return None if near == path else near


_MOST_NAMES = 5_000
"""Names of a folder that are compared with one that it does not hold."""


def excerpt(value: object, limit: int = 60) -> str:
    """`repr` of a value, cut to `limit` characters, for error messages. Never raises on JSON, however deep or long."""
    text = _beginning(value, limit)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _beginning(value: object, limit: int) -> str:
    """The `repr` of JSON, or of more than `limit` characters only the beginning: the rest is not written out."""
    if limit <= 0:
        return "..."  # It is cut off.
    if isinstance(value, str):
        return repr(value[: limit + 1])
    if type(value) in (list, dict):
        opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
        parts: list[str] = []
        length = len(opening + closing)
        for each in value:  # type: ignore[attr-defined]
            part = _beginning(each, limit - length)
            if isinstance(value, dict):
                part += f": {_beginning(value[each], limit - length - len(part))}"
            length += len(part) + (len(", ") if parts else 0)
            parts.append(part)
            if length > limit:
                break
        return f"{opening}{', '.join(parts)}{closing}"
    try:
        return repr(value)
    except (RecursionError, ValueError):  # ValueError: a number of too many digits
        return f"{kind_of(value)} that is too long or nested too deeply to be shown"


def what_happened(error: BaseException) -> str:
    """An unexpected error in one line: its type, its message, and the line of code that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({PurePath(each.filename).name}, line {each.lineno})" for each in place)
    return f"{type(error).__name__}: {excerpt(str(error), 200)}{where}"


def quoted(names: Iterable[object], limit: int = 8) -> str:
    """The first `limit` names in quotes, for error messages; `none` if there are none."""
    listed = list(map(_quoted, islice(map(str, names), limit + 1)))
    return ", ".join(listed[:limit]) + (", ..." if len(listed) > limit else "") if listed else "none"


def _quoted(name: str) -> str:
    """A name in quotes; of a long one the beginning, and what cannot be shown, as half a surrogate pair, as escapes."""
    if len(name) <= _LONGEST_NAME and name.isprintable():
        return f'"{name}"'
    return f'"{excerpt(name, _LONGEST_NAME)[1:].removesuffix(chr(39))}"'


def kind_of(value: object) -> str:
    """JSON's word for the type of a value (`a list`, `null`), for error messages; else the type's name."""
    return _KINDS.get(type(value), type(value).__name__)


_KINDS = {
    dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number",
    type(None): "null",
}  # fmt: skip
