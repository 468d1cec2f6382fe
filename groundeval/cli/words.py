"""The words of a command line before they are parsed, and of its help before they are printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_ASSIGNS = re.compile(r"[A-Za-z_]\w*=")


def with_flag_repeated(words: Sequence[str], flag: str) -> list[str]:
    """A command line in which a flag may be followed by several words NAME=VALUE: it is put before each of them."""
    found: list[str] = []
    follows = False
    for word in words:
        if follows and found[-1] != flag and _ASSIGNS.match(word):
            found.append(flag)
        follows = word == flag or (follows and (found[-1] == flag))
        found.append(word)
    return found


def reflowed(command: Any) -> Any:
    """A command and its subcommands with every paragraph of their help on one line, for the terminal to wrap.

    The typing of the command is that of typer's own copy of click, whose place differs between its versions. Indented
    paragraphs (examples) keep their lines.
    """
    first, *others = (command.help or "").split("\n\n")
    lines = [each if each.startswith(" ") else each.replace("\n", " ") for each in (first, *others)]
    if others and others[1:] and all(each.startswith(" ") for each in others[1:]):
        # The second paragraph on its own sets no margin: typer would take the indent of the others for one.
        lines[1] = f"\n{lines[1].strip()}"
    command.help = "\n\n".join(lines)
    for each in getattr(command, "commands", {}).values():
        reflowed(each)
    return command
