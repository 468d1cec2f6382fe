"""`groundeval.validate`: checks of a task or a reward before use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import UsageError, option, unknown
from groundeval.mappings import check_mapping
from groundeval.registry import load_plugin
from groundeval.rewards import REWARDS, Reward, load_reward
from groundeval.run.options import ScoringOptions
from groundeval.tasks import TASKS, Task, load_task
from groundeval.validation.reward import validate_reward
from groundeval.validation.task import Checks, validate_task_and_metrics


def validate(
    task_or_reward: str | Path | Task | Reward,
    *,
    task: str | Task = "trust_asqa",
    data: str | Path | None = None,
    nli: str = "lexical",
    nli_options: Mapping[str, Any] | None = None,
    reward_args: Mapping[str, Any] | None = None,
) -> Checks:
    """Check a task or a reward before using it: the Python form of `groundeval validate`.

    `task_or_reward` is an object, a name, a YAML file or `plugin.py:name`; `task:NAME` and `reward:NAME` tell the two
    apart. A task is checked on its data (`data`: a file or `embedded`), a reward with the parameters
    `reward_args` on those of `task`. `nli` judges; the default is a proxy that needs no model. Raises UserError for
    names that do not exist and for data that cannot be read; what is wrong with sound data is a check that failed.
    """
    check_mapping("nli_options", nli_options or {})
    check_mapping("reward_args", reward_args or {})
    options = dict(nli_options or {})
    source = None if data is None else str(data)
    if isinstance(task_or_reward, Reward):
        return validate_reward(task_or_reward, _task(task), source)
    kind, name = ("task", "") if isinstance(task_or_reward, Task) else kind_of(str(task_or_reward))
    if kind == "reward":
        bound = _task(task)
        reward = load_reward(name, bound, nli=nli, nli_options=options, **(reward_args or {}))
        return validate_reward(reward, bound, source)
    if reward_args:
        raise UsageError(f"{option('reward_args')}: {task_or_reward} is a task, and only rewards have parameters")
    checked = task_or_reward if isinstance(task_or_reward, Task) else load_task(name)
    return validate_task_and_metrics(checked, source, ScoringOptions(nli=nli, nli_options=options))


def _task(task: str | Task) -> Task:
    return task if isinstance(task, Task) else load_task(task)


def kind_of(name: str) -> tuple[str, str]:
    """`task` or `reward`, and the name without that prefix.

    Raises UsageError for a name of both or of neither.
    """
    for kind in ("task", "reward"):
        if name.startswith(f"{kind}:"):
            return kind, name.removeprefix(f"{kind}:")
    if name.endswith((".yaml", ".yml")):
        return ("reward" if describes_a_reward(Path(name)) else "task"), name
    file, colon, bare = name.rpartition(":")
    if colon and file.endswith(".py"):
        load_plugin(file)
    elif name.endswith(".py"):
        load_plugin(name)
        return ("reward" if REWARDS.registered_by(name) and not TASKS.registered_by(name) else "task"), name
    known = [kind for kind, registry in (("task", TASKS), ("reward", REWARDS)) if bare in registry]
    if len(known) == 2:
        raise UsageError(
            f'"{bare}" is the name of a task and of a reward. Say which one to check: task:{name} or reward:{name}'
        )
    if not known:
        raise unknown("task or reward", name, {*TASKS.names(), *REWARDS.names()})
    return known[0], name


def describes_a_reward(file: Path) -> bool:
    """Whether a YAML file has the components of a reward."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and "components" in content
