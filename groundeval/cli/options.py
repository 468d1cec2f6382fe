"""The flags of a command, made from the dataclass of options that it takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer

from groundeval.console.flags import PANELS, RUN, Flag
from groundeval.errors import as_flag, no_such
from groundeval.generation.interface import SamplingParams
from groundeval.parsing.reasoning import ReasoningTags

Options = TypeVar("Options")
PLAIN = (int, str, bool, Path)
"""Types that typer parses itself; all others are texts that `_parsed` reads."""
TEXTS = ("batch_size", "data", "map")
"""Fields whose flag takes more than their type says."""


def check_there(*paths: Path) -> None:
    """Check that what a command reads exists, before anything is imported for its work. Raises UsageError."""
    for path in paths:
        if not path.exists():
            raise no_such(path, "file or folder")


IncludePath = Annotated[
    list[Path] | None,
    typer.Option(help="A plugin file, or a folder of them, to load first.", metavar="PATH", rich_help_panel=RUN),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout, for machines.", rich_help_panel=RUN)]
All = Annotated[bool, typer.Option("--all", help="All metrics, not only the telling ones.", rich_help_panel=RUN)]


def flags_of(options: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of a dataclass of options.

    The command is called with a function that makes the options from their flags; parameters that it
    declares itself stay its own, and it passes fields among them to that function.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        taken = {parameter.name for parameter in own}
        declared = [each for each in fields(options) if _flag(each) and each.name not in taken]  # type: ignore[arg-type]
        declared.sort(key=lambda each: PANELS.index(_flag(each).panel))  # type: ignore[union-attr]

        @functools.wraps(command)
        def called(**given: Any) -> None:
            words = {each.name: given.pop(_parameter_name(each)) for each in declared}
            values = {each.name: _parsed(each, words[each.name]) for each in declared if words[each.name] is not None}
            command(functools.partial(options, **values), **given)

        parameters = sorted([*map(_parameter, declared), *own], key=lambda each: each.default is not each.empty)
        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        called.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        del called.__wrapped__
        return called

    return decorate


def option_of(options: type[Any], name: str) -> Any:
    """The typer option of a field, for a command that takes it in a form other than one value."""
    field = next(each for each in fields(options) if each.name == name)
    flag = _flag(field)
    assert flag is not None
    return typer.Option(f"--{_spelled(name, flag)}", help=flag.help, rich_help_panel=flag.panel, metavar=flag.metavar)


def spelled_as_flag(name: str, value: object, parts: Mapping[str, object]) -> str:
    """An option in a message, as the flag that it has on the command line."""
    from groundeval.run.options import RunOptions, ScoreOptions

    known = {each.name: _flag(each) for kind in (ScoreOptions, RunOptions) for each in fields(kind)}
    shown = f"{value[0]}/{value[1]}" if isinstance(value, tuple) and len(value) == 2 else value
    return as_flag(f"--{_spelled(name, known.get(name))}", shown, parts)


def _flag(field: Field[Any]) -> Flag | None:
    return next((each for each in get_args(field.type)[1:] if isinstance(each, Flag)), None)


def _type(field: Field[Any]) -> Any:
    """The field's type, without None and without what only Python can pass."""
    bare = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    kinds = [each for each in get_args(bare) if each is not type(None)]
    return Path if Path in kinds else kinds[0] if type(None) in get_args(bare) else bare


def _spelled(name: str, flag: Flag | None) -> str:
    return (flag and flag.name) or name.replace("_", "-")


def _parameter_name(field: Field[Any]) -> str:
    return _spelled(field.name, _flag(field)).replace("-", "_")


def _parameter(field: Field[Any]) -> inspect.Parameter:
    """The parameter from which typer makes the flag. Types unknown to typer are taken as text."""
    kind, flag = _type(field), _flag(field)
    assert flag is not None
    default = field.default if flag.default is None else flag.default
    required = default is MISSING and field.default_factory is MISSING
    plain = kind in PLAIN and field.name not in TEXTS
    words = list[str] if field.name in ("data", "map") else kind if plain else str
    # A parsed value that is not given leaves the field its default.
    shown = default if (plain or get_origin(kind) is Literal) and default is not MISSING else None
    spelled = _spelled(field.name, flag)
    # Flags that are off by default have no negated form, to keep the table of flags short.
    names = (f"--{spelled}",) if shown is False else ()
    metavar = flag.metavar or (None if plain else _metavar(kind))
    option = typer.Option(*names, help=flag.help, rich_help_panel=flag.panel, metavar=metavar)
    return inspect.Parameter(
        _parameter_name(field),
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else shown,
        annotation=Annotated[words if required or shown is not None else words | None, option],
    )


def _metavar(kind: Any) -> str | None:
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    return "NAME=VALUE,..." if _is_mapping(kind) else "NAME,..."


def _parsed(field: Field[Any], words: Any) -> Any:
    """The value of a field from the words of its flag."""
    # Imported only to parse a value: --help does not need it.
    from groundeval.cli import arguments

    kind, flag = _type(field), f"--{_spelled(field.name, _flag(field))}"
    if field.name == "batch_size":
        return arguments.batch_size_from(words, flag)
    if field.name == "data":
        return arguments.data_from(words)
    if field.name == "map":
        return arguments.paths_from(words, flag)
    if field.name == "nli_options":
        return arguments.nli_options(words)
    if kind == tuple[int, int]:
        return arguments.shard_from(words)
    if kind is ReasoningTags:
        return arguments.tags(words)
    if kind is SamplingParams:
        return arguments.sampling_from(words, seed=0)
    if kind in PLAIN or get_origin(kind) is Literal:
        return words
    return arguments.assignments(words, flag) if _is_mapping(kind) else arguments.listed(words, flag)


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)
