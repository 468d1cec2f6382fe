"""Checks a documented command without running it: do its flags exist, are its values read, are its names registered."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENDS_COMMAND = frozenset({"|", "||", "&&", ";", "&"})
REDIRECTS = frozenset({">", ">>", "<"})
LOOP_WORDS = frozenset({"do", "done"})
KNOWN = frozenset(
    {
        "groundeval",
        "pip",
        "make",
        "python",
        "curl",
        "cp",
        "mkdir",
        "cat",
        "cd",
        "kill",
        "accelerate",
        "torchrun",
        "pytest",
    }
)
_HERE_DOCUMENT = re.compile(r"[ ]*<<'?(\w+)'?\n.*?^\1$", re.MULTILINE | re.DOTALL)


def commands_in(script: str) -> Iterator[list[str]]:
    """The commands of a shell script as words, what follows a pipe and what a loop repeats apart; without comments,
    assignments before a command, redirections and here-documents."""
    for line in _HERE_DOCUMENT.sub("", script).replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        read = iter([*lexer, ";"])
        for word in read:
            if word in REDIRECTS:
                next(read)
                continue
            if word not in ENDS_COMMAND:
                words.append(word)
                continue
            while words and (words[0] in LOOP_WORDS or re.match(r"[A-Za-z_]\w*=", words[0])):
                words.pop(0)
            if words and words[0] != "for":
                yield words
            words = []


def problem_with(words: list[str]) -> str | None:
    """What is wrong with a command; None where it could be run as far as can be told without doing so."""
    name, *rest = words
    try:
        if name == "groundeval":
            _parse([word for word in rest if word != "..."])
        elif name == "make":
            _targets([word for word in rest if "=" not in word])
        elif name == "pip":
            _extras(rest)
        elif name == "python" and rest and rest[0].endswith(".py") and not (ROOT / rest[0]).is_file():
            raise ValueError(f"{rest[0]}: no such file")
    except Exception as error:
        # Of a wrong flag, `str` gives only a part.
        said = str(error.format_message() if hasattr(error, "format_message") else error)
        return f"{shlex.join(words)}: {said.splitlines()[0]}"
    return None if name in KNOWN or "/" in name else f"{shlex.join(words)}: an unknown program"


def _parse(arguments: list[str]) -> None:
    """Read a command line as `groundeval` does, and look up the names in it; raises what it would say."""
    from groundeval.cli.app import command_line
    from groundeval.cli.words import with_flag_repeated
    from groundeval.registry import load_plugins

    arguments = with_flag_repeated(arguments, "--map")
    command = command_line()
    if arguments and arguments[0] in ("--version", "--install-completion"):
        return
    arguments = [word for word in arguments if word != "--help"]
    context = command.make_context("groundeval", ["list", "tasks"])
    name: str | None = "groundeval"
    while hasattr(command, "resolve_command"):
        name, command, arguments = command.resolve_command(context, arguments)
        if hasattr(command, "resolve_command"):
            context = command.make_context(name, list(arguments), parent=context)
    if "--config" in arguments:
        # What the file holds is checked when the command is run.
        return
    read = command.make_context(name, list(arguments), parent=context)
    values = {
        each: value for each, value in read.params.items() if "DEFAULT" not in str(read.get_parameter_source(each))
    }
    plugins = [ROOT / str(path) for path in values.get("include_path") or ()]
    if not all(plugin.exists() for plugin in plugins):
        # A plugin of the reader's own: which names it registers is not known here.
        return
    load_plugins(plugins)
    for field, check in _checks(str(name)).items():
        for value in _several(values.get(field)):
            # MODEL stands for a name of the reader's.
            if not value.isupper():
                check(value)


def _several(value: object) -> list[str]:
    return [] if value is None else [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def _checks(command: str) -> Mapping[str, Callable[[str], object]]:
    """By parameter: what raises for a value that the command would not take."""
    from groundeval.cli.arguments import assignments, sampling_from
    from groundeval.generation.interface import GENERATORS
    from groundeval.metrics.profiles import profile_named
    from groundeval.nli.handles import resolve
    from groundeval.nli.model import NLIOptions

    def each(check: Callable[[str], object]) -> Callable[[str], None]:
        def checked(value: str) -> None:
            for part in value.split(","):
                check(part)

        return checked

    def judge(spec: str) -> object:
        return resolve(spec, NLIOptions())

    def backend(name: str) -> object:
        return GENERATORS.get(name.removeprefix("ray:"))

    judges = {"model": each(judge)} if command in ("serve-nli", "nli") else {}
    return {
        "task": each(_task),
        "tasks": each(_task),
        "profile": each(profile_named),
        "nli": judge,
        "backend": backend,
        "backends": each(backend),
        "reward": each(_reward),
        "rewards": each(_reward),
        "recipe": _recipe,
        "gen_kwargs": lambda value: sampling_from(value, seed=0),
        "model_args": lambda value: assignments(value, "--model-args"),
        "nli_args": lambda value: assignments(value, "--nli-args"),
        **judges,
    }


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".py")) or ".py:" in name


def _task(name: str) -> None:
    from groundeval.tasks import load_task

    if not _is_file(name):
        load_task(name)


def _reward(name: str) -> None:
    from groundeval.errors import unknown
    from groundeval.rewards.registry import REWARDS

    if not _is_file(name) and name not in REWARDS:
        raise unknown("reward", name, REWARDS.names())


def _recipe(name: str) -> None:
    from groundeval.errors import unknown

    known = [path.stem for path in (ROOT / "trainers" / "recipes").glob("*.yaml")]
    if not _is_file(name) and name not in known:
        raise unknown("recipe", name, known)


def _targets(names: list[str]) -> None:
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for name in names:
        if name not in known:
            raise ValueError(f"the Makefile has no target {name}")


def _extras(arguments: list[str]) -> None:
    """Raises ValueError for an extra that the project does not have, and for the project by its name.

    Before the first release, the package index has none of that name: it is installed from a checkout or from git.
    """
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    optional = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    known = re.findall(r"^([a-z-]+) *=", optional, re.MULTILINE)
    for argument in arguments:
        if re.fullmatch(r"groundeval(\[[^\]]*\])?([=<>~].*)?", argument):
            raise ValueError("not on the package index yet: install '.[EXTRA]' from a checkout, or from git")
        extras = re.match(r"(?:\.|groundeval)\[([^\]]*)\]", argument)
        for extra in extras[1].split(",") if extras else ():
            if extra not in known:
                raise ValueError(f"the project has no extra {extra}; it has {', '.join(known)}")
