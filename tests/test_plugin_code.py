"""The hash of a plugin's code: the file, what is beside it, the package; never what is installed."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from run_cases import write

from groundeval.metrics.citation import citation
from groundeval.plugin_code import code_of


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python imports from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def code(module: str) -> str:
    found = code_of(import_module(module).f)
    assert found is not None
    return found


def test_what_ships_with_groundeval_or_with_python_has_none():
    assert (code_of(citation), code_of(partial(citation)), code_of(Path), code_of(None), code_of(1)) == (None,) * 5


def test_a_file_counts_with_the_files_that_it_imports_and_no_others(own: Path):
    write(own / "mine.py", "import json, pytest, groundeval\nfrom words import W\ndef f(): return W")
    write(own / "words.py", "def g():\n    import more\nW = 1")
    write(own / "more.py", "M = 1")
    write(own / "test_mine.py", "import mine")
    first = code("mine")
    assert code_of(partial(import_module("mine").f)) == first
    write(own / "test_mine.py", "import mine, sys")
    assert code("mine") == first
    for changed in ("mine.py", "words.py", "more.py"):
        (own / changed).write_text((own / changed).read_text() + "\n# changed")
        assert code("mine") != first, changed
        first = code("mine")


def test_of_a_package_all_its_files_count(own: Path):
    for part in ("acme", "acme/inner", "space", "space/regular"):
        (own / part).mkdir()
    for file in ("acme/__init__.py", "acme/inner/__init__.py", "acme/words.py", "space/regular/__init__.py"):
        write(own / file, "")
    for file in ("acme/inner/mine.py", "space/regular/mine.py", "space/other.py"):
        write(own / file, "def f(): ...")
    first, namespaced = code("acme.inner.mine"), code("space.regular.mine")
    (own / "acme/.#words.py").symlink_to("somebody@editing")
    assert code("acme.inner.mine") == first
    write(own / "acme/words.py", "W = 2")
    assert code("acme.inner.mine") != first
    write(own / "space/other.py", "def f(): return 1")
    assert code("space.regular.mine") == namespaced, "a namespace is no package of its author's"


def test_installed_packages_do_not_count_but_the_plugin_itself_may_be_one(own: Path, monkeypatch: pytest.MonkeyPatch):
    installed = own / "site-packages"
    installed.mkdir()
    monkeypatch.syspath_prepend(str(installed))
    write(own / "mine.py", "import tool\ndef f(): ...")
    write(installed / "tool.py", "def f(): ...")
    mine, tool = code("mine"), code("tool")
    write(installed / "tool.py", "def f(): return 1")
    assert code("mine") == mine
    assert code("tool") != tool


def test_a_function_of_a_notebook_counts_by_its_own_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "cells", ModuleType("cells"))

    def cell(text: str) -> str | None:
        place: dict[str, object] = {"__name__": "cells"}
        linecache.cache["<cell>"] = (len(text), None, text.splitlines(keepends=True), "<cell>")
        exec(compile(text, "<cell>", "exec"), place)
        return code_of(place["f"])

    function, verifier = "def f():\n    return {}\n", "class f:\n    def score(self):\n        return {}\n"
    for form in (function, verifier):
        assert cell(form.format(1)) == cell(form.format(1)) != cell(form.format(2))
        assert cell(form.format(1)) is not None
