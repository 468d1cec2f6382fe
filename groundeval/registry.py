"""One lazy registry for everything a plugin can add: tasks, metrics, rewards, verifiers, generators.

Values are registered by a decorator in a built-in module, by an entry point of an installed package
(`groundeval.tasks`, `.metrics`, `.rewards`, `.nli`, `.generators`), or by a decorator in a plugin file that
`load_plugin` imports. Nothing is imported before a name is requested.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeVar

from groundeval.errors import UsageError, no_such, option, unknown
from groundeval.plugin_code import code_of

T = TypeVar("T")

_PLUGIN = "groundeval_plugin_"
"""The names of plugin files as modules begin with it."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A registered value, its source, and the hash of the plugin's code that registered it."""

    value: T
    source: str
    code: str | None = None


class Registry(Generic[T]):
    """Names to values of one kind.

    `kind` is the word used in messages; `builtin` are modules whose import registers what ships with groundeval;
    `group` is the entry-point group of plugins.
    """

    def __init__(self, kind: str, *, group: str, builtin: Sequence[str] = ()) -> None:
        self.kind = kind
        self.group = group
        self._builtin = tuple(builtin)
        self._entries: dict[str, Entry[T]] = {}
        self._plugins: dict[str, EntryPoint] = {}
        self._discovered = False

    def add(self, name: str, value: T, source: str, *, made_by: object = None) -> None:
        """Register a value. Raises an error that names both sources if the name is already taken.

        `made_by`: the plugin's function or class, where the value is not that itself.
        """
        taken = self._entries.get(name)
        if taken is not None and taken.source != source:
            raise UsageError(f'{self.kind} "{name}" is registered twice: by {taken.source} and by {source}')
        plugin = self._plugins.get(name)
        if taken is None and plugin is not None and not source.startswith(plugin.module):
            raise UsageError(f'{self.kind} "{name}" is registered twice: by {_described(plugin)} and by {source}')
        # Now, while the files are those that were just imported.
        self._entries[name] = Entry(value, source, code_of(value if made_by is None else made_by))

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of `add`; the source is the location of the decorated object."""

        def decorate(value: T) -> T:
            self.add(name, value, source_of(value))
            return value

        return decorate

    def get(self, name: str) -> T:
        """The value of a name. Raises UsageError, with the nearest match, for an unknown one."""
        self._discover()
        if name not in self._entries and name in self._plugins:
            self._load(name)
        if name not in self._entries:
            where = f"\n  A name from a plugin needs its file: {option('include_path', 'PLUGIN')}"
            raise UsageError(f"{unknown(self.kind, name, self.names())}{where}")
        return self._entries[name].value

    def names(self) -> list[str]:
        """All names, sorted. Plugins of installed packages are named without being imported."""
        self._discover()
        return sorted({*self._entries, *self._plugins})

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def items(self) -> Iterator[tuple[str, T]]:
        """All names with their values, sorted by name."""
        for name in self.names():
            yield name, self.get(name)

    def known(self) -> Iterator[T]:
        """The values registered so far; those of an installed plugin only after one of its names was requested."""
        for module in self._builtin:
            importlib.import_module(module)
        return (entry.value for entry in list(self._entries.values()))

    def source(self, name: str) -> str:
        """The source of a name: `file:line`, or the entry point of a package."""
        self.get(name)
        return self._entries[name].source

    def ships(self, name: str) -> bool:
        """Whether a name ships with groundeval, rather than with a plugin or a script."""
        self.get(name)
        return self._entries[name].source.startswith("groundeval.")

    def code(self, value: T) -> str | None:
        """The hash of the plugin's code behind a registered value; None for what ships with groundeval."""
        return next((entry.code for entry in self._entries.values() if entry.value is value), None)

    def registered_by(self, file: str | Path) -> list[str]:
        """The names that a Python file has registered so far."""
        place = f"({Path(file).resolve()}:"
        return sorted(name for name, entry in self._entries.items() if place in entry.source)

    def resolve(self, reference: str) -> str:
        """The registered name of a reference: a name, `file.py:name`, or a `file.py` that registers only one.

        Imports the file. Raises UsageError for a file that is missing, fails to import, or does not determine the name.
        """
        file, colon, name = reference.rpartition(":")
        if colon and file.endswith(".py"):
            load_plugin(file)
            return name
        if not reference.endswith(".py"):
            return reference
        load_plugin(reference)
        names = self.registered_by(reference)
        if len(names) != 1:
            what = f"{len(names)} {self.kind}s ({', '.join(names)})" if names else f"no {self.kind}"
            raise UsageError(f"{self.kind} {reference}: the file registers {what}; name one: {reference}:NAME")
        return names[0]

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        for module in self._builtin:
            importlib.import_module(module)
        for point in entry_points(group=self.group):
            other = self._plugins.get(point.name)
            mine = self._entries.get(point.name)
            if mine is not None and not mine.source.startswith(point.module):
                raise UsageError(
                    f'{self.kind} "{point.name}" is registered twice: by {mine.source} and by {_described(point)}'
                )
            if other is not None and other.value != point.value:
                raise UsageError(
                    f'{self.kind} "{point.name}" is registered twice: by {_described(other)} and by {_described(point)}'
                )
            self._plugins[point.name] = point

    def _load(self, name: str) -> None:
        point = self._plugins[name]
        try:
            value = point.load()
        except Exception as error:
            raise UsageError(f'{self.kind} "{name}" ({_described(point)}) cannot be loaded: {error!r}') from error
        if name not in self._entries and not inspect.ismodule(value):
            self.add(name, value, source_of(value))


def first_paragraph(text: str | None) -> str:
    """The first paragraph of a docstring as one line, for lists."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def source_of(value: object) -> str:
    """`module (file:line)` of a function or class; the type of anything else."""
    try:
        module = getattr(value, "__module__", "?")
        file = inspect.getsourcefile(value)  # type: ignore[arg-type]
        line = inspect.getsourcelines(value)[1]  # type: ignore[arg-type]
        return f"{module} ({file}:{line})"
    except (TypeError, OSError):
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _described(point: EntryPoint) -> str:
    package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"entry point {point.value}{package}"


def load_plugins(paths: Iterable[str | Path] | None) -> None:
    """Import the plugin files and folders given by `--include-path`."""
    for path in paths or ():
        load_plugin(path)


def loaded_plugins() -> list[str]:
    """The plugin files loaded so far, in the order of loading: another process that loads them knows their content."""
    return [str(module.__file__) for name, module in list(sys.modules.items()) if name.startswith(_PLUGIN)]


def load_plugin(path: str | Path) -> None:
    """Import a plugin file, or every `.py` file of a folder, so that its decorators register its content.

    Loading the same file twice does nothing. Raises UsageError for a missing file or one that fails to import.
    """
    target = Path(path).resolve()
    if target.is_dir():
        for file in sorted(target.glob("*.py")):
            load_plugin(file)
        return
    if not target.is_file():
        raise no_such(path, "file or folder", given=f"plugin {path}")
    # Derived from the path, not from `hash()`, so that a plugin's objects pickle between processes.
    name = f"{_PLUGIN}{target.stem}_{sha256(str(target).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, target)
    if spec is None or spec.loader is None:
        raise UsageError(f"plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"plugin {path} cannot be imported: {error!r}") from error
