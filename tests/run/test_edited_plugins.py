"""After a plugin was edited, the same command gives the numbers of the new code, and leaves all others as they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, lines_of, records, write

from groundeval.generation.interface import GENERATORS
from groundeval.metrics.metric import METRICS
from groundeval.nli import NLI_MODELS
from groundeval.rewards.registry import REWARDS
from groundeval.tasks import TASKS

METRIC = """
from groundeval import register_metric

@register_metric("m", keys=("m",))
def m(response, ctx):
    return {"m": VALUE}
"""
REWARD = """
from groundeval import Reward, register_reward

def parts(values, line):
    return {"all": VALUE}

@register_reward("r")
def r(task):
    return Reward(metrics=("answering",), formula=parts, profile="trust")
"""
VERIFIER = """
from groundeval import Verdict, register_nli
from groundeval.nli import Traits

@register_nli("v")
class V:
    name, revision = "v", None
    traits = Traits(persistent=True)

    def __init__(self, options):
        pass

    def score(self, pairs):
        return [Verdict(VALUE >= 0.5, 0.5) for pair in pairs]
"""
GENERATOR = """
from groundeval import Completion, Rendered, register_generator

@register_generator("g")
class G:
    def __init__(self, options):
        pass

    def load(self):
        pass

    def render(self, prompt):
        return Rendered(prompt.user, tokens=None)

    def generate(self, prompts, params):
        for prompt in prompts:
            yield Completion(prompt.id, "It is VALUE.")

    def identity(self):
        return {"backend": "g"}

    def close(self):
        pass
"""

TASK = """
import groundeval
from groundeval.tasks.formats.examples import content_hash
from groundeval.tasks.prompts import TRUST_ANSWER
from groundeval.tasks.task import Dataset, Task

def data(source=None, split="test"):
    docs = (groundeval.Document("", "It is VALUE."),)
    examples = (groundeval.Example("1", "What?", docs, answers=(("VALUE",),)),)
    return Dataset(examples, "t", content_hash(examples))

@groundeval.register_task("t")
def t():
    return Task("t", "em", data, TRUST_ANSWER, "trust", ("trust_score",))
"""
REGISTRIES: tuple[Any, ...] = (TASKS, METRICS, REWARDS, NLI_MODELS, GENERATORS)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """A function that forgets all plugins, as a new process knows none."""
    monkeypatch.setenv("GROUNDEVAL_CACHE", str(tmp_path / "cache"))
    before = [(each, each.names(), dict(each._entries)) for each in REGISTRIES]

    def forget() -> None:
        for each, _, entries in before:
            each._entries = dict(entries)
        for name in [name for name in sys.modules if name.startswith("groundeval_plugin_")]:
            del sys.modules[name]

    yield forget
    forget()


def plugin(path: Path, source: str, value: float) -> Path:
    return write(path, source.replace("VALUE", str(value)))


@pytest.mark.parametrize(
    ("source", "flags", "key", "numbers"),
    [
        (METRIC, ("--metrics", "m"), "m", (50.0, 25.0)),
        (REWARD, ("--metrics", "length", "--reward", "r"), "reward:r", (0.5, 0.25)),
        (VERIFIER, ("--metrics", "citation_rec", "--nli", "v"), "citation_rec", (100.0, 0.0)),
    ],
)
def test_an_edited_plugin_gives_its_new_numbers_and_an_unchanged_one_keeps_its_scores(
    source: str,
    flags: tuple[str, ...],
    key: str,
    numbers: tuple[float, float],
    cli: Cli,
    begin: Callable[[], None],
    tmp_path: Path,
):
    data, out = write(tmp_path / "data.json", records(2)), tmp_path / "out"

    def score(file: Path) -> tuple[float, int]:
        """The number, and how many scorings there are by now."""
        begin()
        given = ("--task", "asqa", "--nli", "lexical", *flags, "--include-path", file, "--output-path", out)
        ran = cli("score", data, *given, "--json")
        assert ran.code == 0, ran.err
        return ran.json["metrics"][key]["value"], len(list(out.rglob("results.json")))

    assert score(plugin(tmp_path / "mine.py", source, 0.5)) == (numbers[0], 1)
    (tmp_path / "elsewhere").mkdir()
    assert score(plugin(tmp_path / "elsewhere" / "renamed.py", source, 0.5)) == (numbers[0], 1)
    assert score(plugin(tmp_path / "mine.py", source, 0.25)) == (numbers[1], 2)
    assert score(plugin(tmp_path / "mine.py", source, 0.5)) == (numbers[0], 2)


def test_an_edited_reward_file_gives_its_new_numbers_and_so_does_an_edited_metric_that_it_reads(
    cli: Cli, begin: Callable[[], None], tmp_path: Path
):
    data = write(tmp_path / "data.json", records(2))

    def score(least: float, value: float) -> float:
        begin()
        text = f"profile: alce\ncomponents: {{part: m}}\ngates: [{{value: str_em, at_least: {least}}}]\n"
        reward = write(tmp_path / "gated.yaml", text)
        given = ("--task", "asqa", "--metrics", "str_em", "--reward", reward, "--output-path", tmp_path / "out")
        ran = cli("score", data, *given, "--include-path", plugin(tmp_path / "m.py", METRIC, value), "--json")
        assert ran.code == 0, ran.err
        total: float = ran.json["metrics"]["reward:gated"]["value"]
        return total

    assert (score(0.5, 0.5), score(2.0, 0.5), score(0.5, 0.25), score(0.5, 0.5)) == (0.5, 0.0, 0.25, 0.5)


def test_an_edited_generator_generates_again_and_no_other_edit_does(
    cli: Cli, begin: Callable[[], None], data: Path, tmp_path: Path
):
    out = tmp_path / "runs"

    def run(generator: float, metric: float) -> tuple[str, int]:
        """The first text, and how many scorings there are by now."""
        begin()
        files = plugin(tmp_path / "g.py", GENERATOR, generator), plugin(tmp_path / "m.py", METRIC, metric)
        loading = [word for file in files for word in ("--include-path", file)]
        given = ("--model", "any", "--tasks", "asqa", "--data", data, "--metrics", "m", "--output-path", out)
        ran = cli("run", "--backend", "g", *loading, *given, "--json")
        assert ran.code == 0, ran.err
        [text, *_] = [line["raw"] for line in lines_of(Path(ran.json["run_folder"]) / "generations.jsonl")]
        return text, len(list(out.rglob("results.json")))

    assert run(0.5, 0.5) == ("It is 0.5.", 1)
    assert run(0.5, 0.25) == ("It is 0.5.", 2)
    assert len(list(out.glob("any/asqa/*"))) == 1
    assert run(0.25, 0.5) == ("It is 0.25.", 3)


def test_of_a_task_its_data_count_and_its_remarks_do_not(cli: Cli, begin: Callable[[], None], tmp_path: Path):
    out = tmp_path / "runs"

    def run(source: str, value: float) -> int:
        begin()
        given = ("--include-path", plugin(tmp_path / "t.py", source, value), "--metrics", "answering")
        ran = cli("run", "--backend", "counting", "--model", "m", "--tasks", "t", *given, "--output-path", out)
        assert ran.code == 0, ran.err
        return len(list(out.rglob("results.json")))

    assert [run(TASK, 0.5), run(TASK + "# a remark", 0.5), run(TASK, 0.25)] == [1, 1, 2]


def test_a_comparison_tells_that_a_metric_or_a_reward_has_other_code(
    cli: Cli, begin: Callable[[], None], tmp_path: Path
):
    data = write(tmp_path / "data.json", records(2))

    def scored(name: str, value: float, *flags: str) -> Path:
        begin()
        file = plugin(tmp_path / "mine.py", METRIC + REWARD, value)
        given = ("--task", "asqa", "--include-path", file, "--output-path", tmp_path / name, *flags)
        assert cli("score", data, *given).code == 0
        [results] = (tmp_path / name).rglob("results.json")
        return results.parent

    both = ("--metrics", "str_em,m", "--reward", "r")
    first, same, other = scored("a", 0.5, *both), scored("b", 0.5, *both), scored("c", 0.25, *both)
    without = scored("d", 0.25, "--metrics", "str_em")
    for second, fields in ((same, []), (without, []), (other, ["code.m", "code.reward:r.r"])):
        compared = cli("compare", first, second, "--include-path", tmp_path / "mine.py", "--json")
        assert compared.code == 0, compared.err
        assert [each["field"] for each in compared.json["differences"] if each["concerns"] == "score"] == fields


def test_identities_without_a_plugin_have_no_code(cli: Cli, data: Path, tmp_path: Path):
    given = ("--tasks", "asqa", "--data", data, "--nli", "lexical", "--reward", "trust", "--output-path", tmp_path)
    assert cli("run", "--backend", "replay", "--model", data, *given).code == 0
    manifests = [path.read_text() for path in tmp_path.rglob("manifest.json")]
    assert len(manifests) == 2
    assert [text for text in manifests if '"code"' in text] == []
    scoring = next(json.loads(text) for text in manifests if '"scores"' in text)
    assert (scoring["identity"]["metrics"] != [], len(scoring["identity"]["rewards"])) == (True, 1)
