"""Finding tasks by name, in YAML files, in Python files, and in installed packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from groundeval.errors import UsageError
from groundeval.tasks import TASKS, load_task

PLUGIN = """
from groundeval.tasks.prompts import CITED_ANSWER
from groundeval.tasks.formats.sources import file_dataset
from groundeval.tasks.task import Dataset, Task, register_task

def load(source=None, split="test"):
    return Dataset((), "nothing", "0")

@register_task("{name}")
def make():
    return {value}
"""
TASK = 'Task(name="{name}", kind="em", load=load, prompt=CITED_ANSWER, profile="alce", headline=("str_em",))'


def plugin(folder: Path, name: str, value: str = TASK) -> Path:
    path = folder / f"{name}_file.py"
    path.write_text(PLUGIN.format(name=name, value=value.format(name=name)))
    return path


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo a test's registrations after it."""
    TASKS.names()
    monkeypatch.setattr(TASKS, "_entries", dict(TASKS._entries))


def test_an_unknown_name_offers_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r'unknown task "trust_asqua"\. Did you mean "trust_asqa"\?'):
        load_task("trust_asqua")


def test_a_task_of_a_python_file_is_named_behind_a_colon_or_alone_in_it(tmp_path: Path) -> None:
    path = plugin(tmp_path, "from_a_file")
    assert load_task(f"{path}:from_a_file").name == "from_a_file"
    assert load_task(path).name == "from_a_file"
    assert load_task("from_a_file").name == "from_a_file"
    with pytest.raises(UsageError, match=r'unknown task "from_a_fil"\. Did you mean "from_a_file"\?'):
        load_task(f"{path}:from_a_fil")


def test_a_python_file_with_two_tasks_has_to_be_told_which(tmp_path: Path) -> None:
    path = plugin(tmp_path, "one_of_two")
    path.write_text(path.read_text() + path.read_text().replace("one_of_two", "two_of_two"))
    with pytest.raises(UsageError, match=r"registers 2 tasks \(one_of_two, two_of_two\); name one: .*:NAME"):
        load_task(path)


def test_a_name_that_is_taken_names_both_places(tmp_path: Path) -> None:
    path = plugin(tmp_path, "asqa")
    with pytest.raises(UsageError, match='task "asqa" is registered twice') as raised:
        load_task(path)
    assert "groundeval.tasks.asqa" in str(raised.value)
    assert str(path) in str(raised.value)
    assert load_task("asqa").prompt.name == "cited_answer"


@pytest.mark.parametrize(
    ("value", "says"),
    [("None", "must return a Task, not None"), ("1 / 0", "cannot be made: ZeroDivisionError")],
)
def test_a_task_function_that_goes_wrong_is_named_with_its_place(value: str, says: str, tmp_path: Path) -> None:
    name = "bad_" + "".join(filter(str.isalpha, says))[:12].lower()
    path = plugin(tmp_path, name, value)
    with pytest.raises(UsageError, match=says) as raised:
        load_task(f"{path}:{name}")
    assert str(path) in str(raised.value)


def test_files_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_task(tmp_path / "nothing.py")
    with pytest.raises(UsageError, match="no such file"):
        load_task(tmp_path / "nothing.yaml")
    (tmp_path / "broken.py").write_text("def (")
    with pytest.raises(UsageError, match="cannot be imported"):
        load_task(tmp_path / "broken.py")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UsageError, match="registers no task"):
        load_task(tmp_path / "empty.py")
    (tmp_path / "task.json").write_text("{}")
    with pytest.raises(UsageError, match=r"must be called \.yaml, \.yml or \.py"):
        load_task(tmp_path / "task.json")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the example plugin has been installed with pip."""
    work = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(Path(__file__).parents[1] / "plugin_package", work / "source")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(work / "site"), str(source)], check=True, timeout=120
    )
    return work / "site"


def in_new_process(code: str, site: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_an_installed_plugin_is_listed_without_being_imported(installed: Path) -> None:
    code = """
import sys
from groundeval.generation.interface import GENERATORS
from groundeval.metrics.metric import METRICS
from groundeval.tasks import TASKS
print("capitals" in TASKS, "shouting" in METRICS, "parrot" in GENERATORS, "groundeval_capitals" in sys.modules)
"""
    result = in_new_process(code, installed)
    assert result.stdout.split() == ["True", "True", "True", "False"], result.stderr


def test_task_metric_and_generator_of_an_installed_plugin_work_together(installed: Path) -> None:
    code = """
import json
from groundeval.generation.interface import GENERATORS, SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.generation.prompts import render_prompt
from groundeval.metrics.metric import METRICS, Context
from groundeval.metrics.profiles import profile_named
from groundeval.records import Response
from groundeval.tasks import load_task

task = load_task("capitals")
examples = task.load().examples
generator = GENERATORS.get("parrot")(GeneratorOptions("any"))
prompts = [render_prompt(example, task.prompt, num_docs=5) for example in examples]
texts = [completion.text for completion in generator.generate(prompts, SamplingParams())]
shouting = METRICS.get("shouting").score
ctx = Context(profile_named(task.profile), task.kind)
values = [shouting(Response.build(e, t), ctx)["shouting"] for e, t in zip(examples, texts)]
print(json.dumps([texts, values]))
"""
    result = in_new_process(code, installed)
    assert result.returncode == 0, result.stderr
    texts, values = json.loads(result.stdout)
    assert texts == [
        "Oslo is the capital of Norway and its largest city [1].",
        "Porto lies at the mouth of the river Douro [1].",
    ]
    assert values == [2 / 41, 2 / 34]


def test_an_installed_plugin_that_takes_a_name_is_named_with_the_one_that_has_it(
    installed: Path, tmp_path: Path
) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    [points] = site.glob("*.dist-info/entry_points.txt")
    points.write_text("[groundeval.tasks]\nasqa = groundeval_capitals.task:capitals\n")
    result = in_new_process("from groundeval.tasks import load_task; load_task('eli5')", site)
    assert 'task "asqa" is registered twice: by groundeval.tasks.asqa' in result.stderr
    assert "by entry point groundeval_capitals.task:capitals of groundeval-capitals 0.1.0" in result.stderr


def test_an_installed_plugin_that_breaks_leaves_the_others_usable(installed: Path, tmp_path: Path) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    (site / "groundeval_capitals" / "task.py").write_text("raise OSError('no disk')")
    assert in_new_process("from groundeval.tasks import load_task; load_task('eli5')", site).returncode == 0
    result = in_new_process("from groundeval.tasks import load_task; load_task('capitals')", site)
    assert 'task "capitals" (entry point groundeval_capitals.task:capitals of groundeval-capitals' in result.stderr
    assert "cannot be loaded: OSError('no disk')" in result.stderr
