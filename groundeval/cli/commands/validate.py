"""`groundeval validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import EXIT_FAILED, UsageError, unknown


def validate(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TASK_OR_REWARD", help="A name, a YAML file, or plugin.py:name; task:NAME, reward:NAME."
        ),
    ],
    task: Annotated[str, typer.Option(help="The task whose data a reward is checked on.")] = "trust_asqa",
    data: Annotated[str | None, typer.Option(help="A file or `embedded`. Default: the task's own data.")] = None,
    nli: Annotated[
        str, typer.Option(help="The NLI model that judges; the default is a proxy that needs no model.")
    ] = "lexical",
    reward_args: Annotated[str | None, typer.Option(help="Parameters of the reward: NAME=VALUE,...")] = None,
    nli_args: Annotated[str | None, typer.Option(help="Options of the NLI model: NAME=VALUE,...")] = None,
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The checks as JSON on stdout.")] = False,
) -> None:
    """Check a task or a reward before using it.

    A task: sound data, gold answers score best, empty answers score 0. A reward: gold earns most, empty least, the
    order of the documents does not matter, it repeats itself, pickles, and stays in its range.

    Exit code 0 if every check passes, 1 if not.

    Examples:

      groundeval validate trust_asqa --data embedded

      groundeval validate ground_grpo_stage2 --reward-args reduction=mean --task trust_eli5 --data embedded
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from groundeval.cli.arguments import assignments, nli_options
    from groundeval.cli.tables import print_json
    from groundeval.registry import load_plugin
    from groundeval.run.options import ScoringOptions
    from groundeval.tasks import load_task
    from groundeval.validation.task import validate as check

    for path in include_path or ():
        load_plugin(path)
    kind, bare = kind_of(name)
    parameters, options = assignments(reward_args, "--reward-args"), nli_options(nli_args)
    if kind == "reward":
        from groundeval.rewards import load_reward
        from groundeval.validation.reward import validate_reward

        bound = load_task(task)
        checks = validate_reward(load_reward(bare, bound, nli=nli, nli_options=options, **parameters), bound, data)
    elif parameters:
        raise UsageError(f"--reward-args {reward_args}: {name} is a task, and only rewards have parameters")
    else:
        checks = check(load_task(bare), data, ScoringOptions(nli=nli, nli_options=options))
    if json:
        print_json([asdict(each) for each in checks])
    else:
        table = Table("check", "", "detail")
        for each in checks:
            table.add_row(each.name, "ok" if each.passed else "FAILED", each.detail)
        Console().print(table)
    if not all(each.passed for each in checks):
        raise typer.Exit(EXIT_FAILED)


def kind_of(name: str) -> tuple[str, str]:
    """`task` or `reward`, and the name without that word in front.

    Raises UsageError for a name of both, and for one of neither.
    """
    from groundeval.registry import load_plugin
    from groundeval.rewards import REWARDS
    from groundeval.tasks import TASKS

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
        raise UsageError(f'"{bare}" is the name of a task and of a reward: write task:{name} or reward:{name}')
    if not known:
        raise unknown("task or reward", name, {*TASKS.names(), *REWARDS.names()})
    return known[0], name


def describes_a_reward(file: Path) -> bool:
    """Has a YAML file the components of a reward."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and "components" in content
