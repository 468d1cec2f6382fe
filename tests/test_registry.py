"""One registry for everything that can be added: by decorator, by plugin file, by entry point."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from run_cases import Cli, write

from groundeval import registry as registry_module
from groundeval.errors import UsageError, excerpt, unknown
from groundeval.metrics.metric import METRICS
from groundeval.registry import Registry, load_plugin


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """A registry with no plugins but those that a test adds."""
    monkeypatch.setattr(registry_module, "entry_points", lambda group: ())
    return Registry("thing", group="groundeval.things")


def installed(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    found = tuple(EntryPoint(name, value, "groundeval.things") for name, value in points)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: found)


def test_a_registered_value_is_found_by_name(things: Registry[object]):
    @things.register("first")
    def first() -> int:
        return 1

    assert things.get("first") is first
    assert things.names() == ["first"]
    assert dict(things.items()) == {"first": first}
    assert "first" in things
    assert "second" not in things
    assert f"({__file__}:" in things.source("first")


def test_an_unknown_name_offers_the_nearest_and_lists_all(things: Registry[object]):
    things.add("citation", 1, "here")
    things.add("length", 2, "here")
    with pytest.raises(UsageError, match=r'unknown thing "citaton". Did you mean "citation"\?\n.*citation, length'):
        things.get("citaton")
    with pytest.raises(UsageError) as caught:
        things.get("zzz")
    assert "Did you mean" not in str(caught.value)
    assert "Known: none" in str(unknown("thing", "x", ()))


def test_a_reference_is_a_name_or_a_file_that_registers_it(tmp_path: Path):
    def file(name: str, *metrics: str) -> Path:
        lines = "".join(f"METRICS.add({each!r}, METRICS.get('length'), __file__ + ':1')\n" for each in metrics)
        path = tmp_path / f"{name}.py"
        path.write_text(f"from groundeval.metrics.metric import METRICS\n{lines}".replace("__file__", "f'({__file__}'"))
        return path

    one, two, none = file("one", "only"), file("two", "a", "b"), file("none")
    assert METRICS.resolve("length") == "length"
    assert METRICS.resolve(str(one)) == "only"
    assert METRICS.resolve(f"{two}:b") == "b"
    with pytest.raises(UsageError, match=r"registers 2 metrics \(a, b\); name one: .*two.py:NAME"):
        METRICS.resolve(str(two))
    with pytest.raises(UsageError, match="registers no metric; name one"):
        METRICS.resolve(str(none))
    with pytest.raises(UsageError, match="no such file or folder"):
        METRICS.resolve(f"{tmp_path}/nowhere.py:x")


def test_a_name_taken_twice_is_an_error_that_names_both(things: Registry[object]):
    things.add("x", 1, "one.py:3")
    with pytest.raises(UsageError, match=r'thing "x" is registered twice: by one.py:3 and by two.py:5'):
        things.add("x", 2, "two.py:5")
    assert things.get("x") == 1
    things.add("x", 3, "one.py:3")
    assert things.get("x") == 3, "the same place may register again"


def test_an_installed_plugin_is_named_without_being_imported_and_loaded_when_asked_for(
    things: Registry[object], monkeypatch: pytest.MonkeyPatch
):
    installed(monkeypatch, ("counter", "collections:Counter"), ("broken", "no_such_module_at_all:thing"))
    assert things.names() == ["broken", "counter"]
    from collections import Counter

    assert things.get("counter") is Counter
    with pytest.raises(
        UsageError, match=r'thing "broken" \(entry point no_such_module_at_all:thing\) cannot be loaded'
    ):
        things.get("broken")


def test_two_installed_plugins_of_one_name_are_an_error_that_names_both(
    things: Registry[object], monkeypatch: pytest.MonkeyPatch
):
    installed(monkeypatch, ("x", "one:x"), ("x", "two:x"))
    with pytest.raises(UsageError, match=r"twice: by entry point one:x and by entry point two:x"):
        things.names()


def test_an_installed_plugin_cannot_take_a_name_that_is_there_nor_the_other_way_round(
    things: Registry[object], monkeypatch: pytest.MonkeyPatch
):
    installed(monkeypatch, ("x", "one:x"))
    things.add("x", 1, "here.py:1")
    with pytest.raises(UsageError, match=r"by here.py:1 and by entry point one:x"):
        things.names()
    other: Registry[object] = Registry("thing", group="groundeval.things")
    other.names()
    with pytest.raises(UsageError, match=r"by entry point one:x and by here.py:1"):
        other.add("x", 1, "here.py:1")


METRIC = """
from groundeval import register_metric

@register_metric({name!r}, keys=({name!r},))
def words(response, ctx):
    '''Words that shout.'''
    return {{{name!r}: float(sum(word.isupper() for word in ctx.read(response).plain.split()))}}
"""


def test_a_plugin_file_adds_a_metric_that_can_be_asked_for_by_name(data: Path, tmp_path: Path, cli: Cli):
    plugin = write(tmp_path / "shouting.py", METRIC.format(name="shouting"))
    flags = ("--task", "asqa", "--nli", "lexical", "--metrics", "shouting", "--json")
    ran = cli("score", data, *flags, "--include-path", plugin)
    assert ran.code == 0, ran.err
    assert list(ran.json["metrics"]) == ["shouting"]
    # Loading it again, also through its folder, does nothing.
    assert cli("score", data, *flags, "--include-path", tmp_path).code == 0


def test_a_plugin_that_takes_a_name_names_both_places(data: Path, tmp_path: Path, cli: Cli):
    cli("list", "metrics", "--json")
    plugin = write(tmp_path / "taker.py", METRIC.format(name="citation"))
    ran = cli("score", data, "--task", "asqa", "--nli", "lexical", "--include-path", plugin)
    assert (ran.code, ran.out) == (2, "")
    assert 'metric "citation" is registered twice' in ran.err
    assert "groundeval.metrics.citation" in ran.err
    assert "taker" in ran.err


@pytest.mark.parametrize("content", ["import no_such_module_at_all", "def broken(:", "raise ValueError('no')"])
def test_a_plugin_that_cannot_be_imported_says_why_and_can_be_mended(content: str, tmp_path: Path):
    plugin = write(tmp_path / "plugin.py", content)
    with pytest.raises(UsageError, match=r"plugin.py cannot be imported: .*(no_such_module|syntax|ValueError)"):
        load_plugin(plugin)
    write(plugin, "MENDED = True")
    load_plugin(plugin)
    assert any(getattr(module, "MENDED", False) for name, module in sys.modules.items() if "plugin_plugin" in name)


def test_a_plugin_must_be_a_python_file(tmp_path: Path):
    with pytest.raises(UsageError, match="no such file or folder"):
        load_plugin(tmp_path / "nowhere.py")
    with pytest.raises(UsageError, match="not a Python file"):
        load_plugin(write(tmp_path / "plugin.txt", "x = 1"))


def test_plugins_of_equal_names_in_different_folders_are_two(tmp_path: Path):
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "same.py", f"PLACE = {folder!r}")
        load_plugin(tmp_path / folder)
    for name, module in sys.modules.items():
        if name.startswith("groundeval_plugin_same_") and Path(module.__file__ or "").is_relative_to(tmp_path):
            found.append(module.PLACE)
    assert sorted(found) == ["a", "b"]


def test_excerpts_are_short():
    assert excerpt("abc") == "'abc'"
    assert len(excerpt("x" * 500)) == 60
    assert excerpt("x" * 500).endswith("...")
