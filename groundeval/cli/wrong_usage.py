"""Wrong command lines in the project's own words: typer's errors name its own parts, and not what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from groundeval.errors import did_you_mean, excerpt

_KINDS = {"integer": "a whole number", "float": "a number", "number": "a number", "boolean": "true or false"}


def told_of(error: Any, words: Sequence[str]) -> str:
    """What is wrong with a command line, what is allowed, and where help is; nothing where help was printed.

    `error` is a usage error of typer, which brings its own copy of click: its classes are known by their names alone.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "groundeval"
    message = _message(error, context, words)
    if message is None and error.format_message().strip():
        message = f"{error.format_message()}\n  See: {command} --help"
    return "" if message is None else f"error: {message}"


def _message(error: Any, context: Any, words: Sequence[str]) -> str | None:
    kind = type(error).__name__
    param = getattr(error, "param", None)
    help_line = "" if context is None else f"\n  See: {context.command_path} --help"
    if kind == "MissingParameter" and param is not None:
        what = _first_sentence(getattr(param, "help", None) or "")
        return f"{_called(param)} is missing{f': {what}' if what else ''}{help_line}"
    if kind == "BadParameter" and param is not None:
        return f"{_given(param, words)}: {_allowed(str(error.message))}"
    if kind == "NoSuchOption" and context is not None:
        flags = [flag for each in context.command.params for flag in each.opts if flag.startswith("--")]
        return f'unknown option "{error.option_name}".{did_you_mean(error.option_name, flags)}{help_line}'
    if kind == "BadOptionUsage":
        return f"{error.option_name}: a value is missing{help_line}"
    wrong = _unknown_command(context, words) if kind in ("UsageError", "NoSuchCommand") else None
    if wrong is not None:
        known = sorted(name for name, each in context.command.commands.items() if not each.hidden)
        return f'unknown command "{wrong}".{did_you_mean(wrong, known)}\n  Known: {", ".join(known)}'
    if "extra argument" in error.format_message():
        extra = error.format_message().rpartition("(")[2].rstrip(").")
        return f"too many arguments: {extra}{help_line}"
    return None


def _called(param: Any) -> str:
    return str(param.opts[0] if param.opts[0].startswith("--") else param.name.upper())


def _given(param: Any, words: Sequence[str]) -> str:
    """The flag with the value that it has on the command line."""
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in param.opts and equals:
            return f"{flag} {value}"
        if word in param.opts and place + 1 < len(words):
            return f"{word} {words[place + 1]}"
    return _called(param)


def _allowed(message: str) -> str:
    """What a value has to be, from typer's message: `Input should be a valid integer, unable to parse ...`."""
    kind = next((word for word in _KINDS if re.search(rf"\b{word}\b", message)), None)
    if kind is not None:
        return f"must be {_KINDS[kind]}"
    return excerpt(message.replace("Input should be", "must be"), 200).strip("'\"")


def _unknown_command(context: Any, words: Sequence[str]) -> str | None:
    """The word that names no command of a group."""
    commands = getattr(getattr(context, "command", None), "commands", None)
    if not commands:
        return None
    names = context.command_path.split()[1:]
    after = [word for word in words if not word.startswith("-")][len(names) :]
    return after[0] if after and after[0] not in commands else None


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")
