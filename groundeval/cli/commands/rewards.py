"""`groundeval rewards`: the files that trainers load a reward from."""

from __future__ import annotations

from typing import Annotated

import typer

from groundeval.errors import unknown

FILES = ("verl", "openrlhf")
"""Trainers that load a reward from a Python file."""

rewards = typer.Typer(no_args_is_help=True, help="Rewards for trainers: the files that some of them load.")


@rewards.command("path")
def path(trainer: Annotated[str, typer.Argument(help=" | ".join(FILES))]) -> None:
    """Print the path of the Python file from which a trainer loads its reward.

    Examples:

      python -m verl.trainer.main_ppo reward.custom_reward_function.path=$(groundeval rewards path verl) ...

      python -m openrlhf.cli.train_ppo_ray --reward.remote_url $(groundeval rewards path openrlhf) ...
    """
    from importlib.util import find_spec

    if trainer not in FILES:
        raise unknown("trainer that loads a reward from a file", trainer, FILES)
    found = find_spec(f"groundeval.rewards.adapters.{trainer}")
    assert found is not None
    typer.echo(found.origin)


@rewards.callback()
def group() -> None:
    """Rewards for trainers: the files that some of them load."""
