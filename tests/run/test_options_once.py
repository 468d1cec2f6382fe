"""Each option of a run is written once: flags, parameters and fields follow from the same declaration."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from run_cases import Cli, Counting, write

import groundeval
from groundeval.cli.app import app
from groundeval.console.flags import PANELS, Flag
from groundeval.errors import UsageError, as_parameter, option, spelling_options
from groundeval.run.options import RunOptions, ScoreOptions

COMMANDS = {"run": (RunOptions, groundeval.evaluate), "score": (ScoreOptions, groundeval.score)}
OF_THE_COMMAND_LINE = {"include_path", "config", "all", "json", "help", "predictions"}


def flag_of(field: Any) -> Flag | None:
    return next((each for each in get_args(field.type)[1:] if isinstance(each, Flag)), None)


def flags(command: str) -> dict[str, Any]:
    """The options of a command by the name of the flag."""
    whole: Any = typer.main.get_command(app)
    return {name: each for each in whole.commands[command].params for name in each.opts}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_field_is_a_parameter_and_a_flag_with_its_help_text(command: str):
    options, function = COMMANDS[command]
    assert list(inspect.signature(function).parameters) == list(inspect.signature(options).parameters)
    shown = flags(command)
    for field in fields(options):
        declared = flag_of(field)
        if declared is None:
            assert field.name in ("predictions", "task"), "a field that the command line cannot reach"
            continue
        flag = shown.pop(f"--{declared.name or field.name.replace('_', '-')}")
        assert flag.help == declared.help
        assert declared.panel in PANELS
    assert {name.removeprefix("--").replace("-", "_") for name in shown} <= OF_THE_COMMAND_LINE | {"task"}


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_those_of_the_fields(command: str):
    options, function = COMMANDS[command]
    for field in fields(options):
        declared = flag_of(field)
        if declared is None or field.default is MISSING:
            continue
        assert inspect.signature(function).parameters[field.name].default == field.default
        flag = flags(command)[f"--{declared.name or field.name.replace('_', '-')}"]
        if isinstance(field.default, int | str) and declared.default is None:
            assert flag.default == field.default, field.name


def test_the_flags_of_the_command_line_reach_every_option(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[RunOptions] = []
    monkeypatch.setattr("groundeval.run.runner.run", lambda *options: seen.extend(options) or [])
    words = (
        "--model a --model b --tasks asqa,eli5 --backend counting --split train --shard 2/3 --phase generate --limit 7 "
        "--num-docs 3 --oracle-docs --docs-field summary --num-fewshot 1 --system S --num-samples 2 --seed 5 "
        "--gen-kwargs temperature=0.5,stop=X --model-args a=1,b=x --revision r --dtype bf16 --batch-size 4 "
        "--trust-remote-code --no-apply-chat-template --chat-template-kwargs t=false --reasoning-tags <a>,</a> "
        "--profile alce,trust --metrics default,length --reward trust --nli lexical --nli-args exact=generate "
        "--no-cache --metric-models qa=F --post-hoc encoder --post-hoc-encoder E --cite-docs 9 --cot --quiet"
    )
    ran = cli("run", *words.split(), "--data", f"asqa={data}", "--data", "embedded", "--output-path", tmp_path)
    assert ran.code == 0, ran.err
    first, second = seen
    assert (first.model, second.model) == ("a", "b")
    assert second == groundeval.RunOptions(
        "b",
        ["asqa", "eli5"],
        backend="counting",
        data={"asqa": str(data), "*": "embedded"},
        split="train",
        shard=(2, 3),
        phase="generate",
        limit=7,
        num_docs=3,
        oracle_docs=True,
        docs_field="summary",
        num_fewshot=1,
        system="S",
        num_samples=2,
        seed=5,
        sampling=groundeval.SamplingParams(temperature=0.5, stop=("X",)),
        model_args={"a": 1, "b": "x"},
        revision="r",
        dtype="bf16",
        batch_size=4,
        trust_remote_code=True,
        apply_chat_template=False,
        chat_template_kwargs={"t": False},
        reasoning_tags=groundeval.ReasoningTags("<a>", "</a>"),
        profiles=["alce", "trust"],
        metrics=["default", "length"],
        rewards=["trust"],
        nli="lexical",
        nli_options={"exact": "generate"},
        no_cache=True,
        metric_models={"qa": "F"},
        post_hoc="encoder",
        post_hoc_encoder="E",
        cite_docs=9,
        cot=True,
        output_path=tmp_path,
    )


def test_names_may_be_a_text_or_a_list():
    by_text = RunOptions("m", "asqa, eli5", profiles="alce,trust")
    assert by_text.tasks == ("asqa", "eli5")
    assert by_text.profiles == ("alce", "trust")
    assert RunOptions("m", ["asqa"], profiles=["alce"]).profiles == ("alce",)


def test_an_option_that_has_its_own_field_wins_over_the_verifiers_options():
    options = RunOptions("m", "asqa", nli_options={"cache": True, "dtype": "float32"}, no_cache=True)
    assert options.verifier_options == {"cache": False, "dtype": "float32"}
    assert RunOptions("m", "asqa", trust_remote_code=True).verifier_options == {"trust_remote_code": True}
    assert RunOptions("m", "asqa").verifier_options == {}


def test_the_seed_is_that_of_sampling_too():
    assert RunOptions("m", "asqa", seed=7, sampling=groundeval.SamplingParams(seed=1)).sampling.seed == 7


@pytest.mark.parametrize(
    ("wrong", "in_python", "as_flag"),
    [
        ({"num_docs": -1}, "num_docs=-1", "--num-docs -1"),
        ({"limit": 0}, "limit=0", "--limit 0"),
        ({"num_fewshot": -2}, "num_fewshot=-2", "--num-fewshot -2"),
        ({"post_hoc": "bm25"}, "post_hoc='bm25'", "--post-hoc bm25"),
        ({"phase": "scoring"}, "phase='scoring'", "--phase scoring"),
        ({"docs_field": "body"}, "docs_field='body'", "--docs-field body"),
        ({"post_hoc": "encoder"}, "post_hoc_encoder='MODEL'", "--post-hoc-encoder MODEL"),
        ({"num_samples": 2}, "sampling=SamplingParams(temperature=0.7)", "--gen-kwargs temperature=0.7"),
        ({"shard": (3, 2)}, "shard=(3, 2)", "--shard 3/2"),
        ({"shard": (1, 2)}, "phase='generate'", "--phase generate"),
        ({"profiles": ["alce", "alce"]}, "profiles='alce,alce'", "--profile alce,alce"),
        ({"data": {"eli5": "f"}}, "task of this run in data", "task of this run in --data"),
    ],
)
def test_an_error_speaks_of_parameters_in_python_and_of_flags_on_the_command_line(
    wrong: dict[str, Any], in_python: str, as_flag: str, cli: Cli, counting: type[Counting], data: Path
):
    given = {"backend": "counting", "nli": "lexical", "data": str(data), **wrong}
    with pytest.raises(UsageError) as caught:
        groundeval.evaluate("m", "asqa", **given)
    assert in_python in str(caught.value)
    assert "--" not in str(caught.value)
    words = ["run", "--model", "m", "--tasks", "asqa"]
    for name, value in given.items():
        flag = {"profiles": "profile"}.get(name, name).replace("_", "-")
        shown = ",".join(value) if isinstance(value, list) else value
        shown = "/".join(map(str, value)) if isinstance(value, tuple) else shown
        shown = "=".join(*value.items()) if isinstance(value, dict) else shown
        words += [f"--{flag}", str(shown)]
    ran = cli(*words)
    assert ran.code == 2
    assert as_flag in ran.err


def test_errors_below_the_options_speak_of_parameters_too(data: Path, tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        groundeval.evaluate("smollm", "asqa", data="embedded", nli="lexical")
    assert str(caught.value) == "model='smollm': no such model. Did you mean \"smollm2\"?"
    with pytest.raises(UsageError, match="model_args key for backend='hf'"):
        groundeval.evaluate("smollm2", "asqa", data="embedded", nli="lexical", model_args={"devise": "cpu"})
    with pytest.raises(UsageError, match=r"nli='.*': the folder has no config.json"):
        groundeval.score(data, "asqa", nli=str(tmp_path))


def test_parts_of_an_option_are_spelled_as_python_takes_them():
    assert option("model_args", lora="FOLDER", n=1) == "model_args={'lora': 'FOLDER', 'n': 1}"
    assert option("sampling", max_new_tokens=3) == "sampling=SamplingParams(max_new_tokens=3)"
    assert option("output_path", Path("runs")) == "output_path='runs'"
    assert option("trust_remote_code", True) == "trust_remote_code=True"


def test_options_are_spelled_in_another_way_only_for_as_long_as_the_command_line_runs(cli: Cli):
    assert cli("run", "--model", "m", "--tasks", "asqa", "--limit", "0").err.startswith("error: --limit 0:")
    assert option("limit", 0) == "limit=0"

    def fails() -> None:
        with spelling_options(lambda name, value, parts: name.upper()):
            assert option("limit", 0) == "LIMIT"
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert option("limit", 0) == as_parameter("limit", 0, {})


def test_help_has_panels_and_examples(cli: Cli):
    shown = cli("run", "--help").out
    assert all(f"─ {panel} ─" in shown for panel in PANELS)
    assert "groundeval run --model smollm2" in shown
    assert "groundeval score predictions.json" in cli("score", "--help").out


def test_the_package_runs_as_a_module_from_any_folder(tmp_path: Path):
    ran = subprocess.run(
        [sys.executable, "-m", "groundeval", "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, f"groundeval {groundeval.__version__}\n")
    wrong = subprocess.run(
        [sys.executable, "-m", "groundeval", "list", "task"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_shells_can_complete_commands_and_flags(cli: Cli):
    assert "--install-completion" in cli("--help").out
    complete = {"_GROUNDEVAL_COMPLETE": "complete_bash", "COMP_WORDS": "groundeval score --post", "COMP_CWORD": "2"}
    ran = subprocess.run(
        [sys.executable, "-m", "groundeval"],
        env={**os.environ, **complete},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout.split() == ["--post-hoc", "--post-hoc-encoder"]


def test_the_file_of_flags_takes_every_flag(cli: Cli, data: Path, tmp_path: Path):
    config = write(tmp_path / "c.yaml", "cite-docs: 3\nreward: trust\nno-cache: true\ncot: false\n")
    ran = cli("score", data, "--task", "asqa", "--nli", "lexical", "--json", "--config", config)
    assert ran.code == 0, ran.err
    assert "reward:trust" in ran.json["metrics"]


def test_an_editable_install_is_found_from_the_folder_above_the_clone(tmp_path: Path):
    """A folder called like the package, without `__init__.py`, would be taken for a namespace package."""
    pytest.importorskip("setuptools", minversion="77")
    root, clone = Path(__file__).parents[2], tmp_path / "groundeval"
    (clone / "groundeval").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (clone / name).write_bytes((root / name).read_bytes())
    (clone / "groundeval" / "__init__.py").write_text("")
    build = f"import setuptools.build_meta as b; b.build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=clone, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    find = (
        f"import site, sys, zipfile; zipfile.ZipFile({str(wheel)!r}).extractall('site'); site.addsitedir('site'); "
        "import groundeval; print(groundeval.__file__)"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, ''); {find}"],
                         cwd=tmp_path, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert ran.stdout.strip() == str(clone / "groundeval" / "__init__.py"), ran.stderr
