"""The code behind what a plugin registers, as a hash: part of the identity of whatever it computes.

It tells the numbers of one version of a plugin from those of the next, as a revision does with a model's.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from functools import partial
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

NOT_OWN = frozenset({"groundeval", *sys.stdlib_module_names})
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages: what a plugin imports from there belongs to the environment."""


def code_of(value: object) -> str | None:
    """SHA-256 of the code of a function or class, whatever its files are called; None for what ships with groundeval.

    Of a module in a package, it covers all Python files of the package; of any other file, that file and what it
    imports, except for installed packages. What was typed into a notebook has no file: its own text counts.
    """
    while isinstance(value, partial):
        value = value.func
    module = getattr(value, "__module__", None) or ""
    if module.partition(".")[0] in NOT_OWN:
        return None
    # Sorted by content: files may be renamed and moved.
    parts = sorted(sha256(part).hexdigest() for part in _files(module) or _texts(value))
    return sha256("\n".join(parts).encode()).hexdigest() if parts else None


def _files(module: str) -> list[bytes]:
    """The content of the files behind a module."""
    found: dict[Path, bytes] = {}
    waiting = [_place(module)]
    while waiting:
        place = waiting.pop()
        if place is None or place in found:
            continue
        if place.is_dir():
            # Editors leave links to nowhere with such names.
            found |= {file: file.read_bytes() for file in place.rglob("*.py") if file.is_file()}
            continue
        found[place] = place.read_bytes()
        imported = map(_place, _imports(found[place]))
        waiting += [each for each in imported if each is not None and INSTALLED.isdisjoint(each.parts)]
    return list(found.values())


def _place(module: str) -> Path | None:
    """The file of a module, or the folder of the outermost package that it is in; None where there is none."""
    for name in accumulate(module.split("."), "{}.{}".format):
        loaded = sys.modules.get(name)
        try:
            spec = None if loaded else importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        file = getattr(loaded, "__file__", None) if loaded else spec and spec.origin
        if file:
            is_package = hasattr(loaded, "__path__") if loaded else spec and spec.submodule_search_locations is not None
            path = Path(file)
            return None if path.suffix != ".py" or not path.is_file() else path.parent if is_package else path
        if not (loaded or spec):
            return None
        # A namespace, which has no file of its own.
    return None


def _imports(source: bytes) -> set[str]:
    """The modules that a file imports, by their whole names; of `from a import b` it is `a.b`, which may be a name."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return set()
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    named |= {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return {name for name in named if name.partition(".")[0] not in NOT_OWN}


def _texts(value: object) -> list[bytes]:
    """The text of a function, or those of a class's functions, where no file holds them."""
    parts = [*vars(value).values()] if inspect.isclass(value) else [value]
    try:
        return [inspect.getsource(each).encode() for each in parts if inspect.isfunction(each)]
    except (OSError, TypeError):
        return []
