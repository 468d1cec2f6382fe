"""`groundeval serve-rewards`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.config import Config
from groundeval.cli.serving import AllowedHost, Host, Insecure, MaxWaiting, Port, TokenFile, token_for

PANEL_REWARD = "Reward"


def serve_rewards(
    reward: Annotated[
        str,
        typer.Option(
            help="A reward: a name (`groundeval list rewards`), reward.yaml, or plugin.py:name.",
            rich_help_panel=PANEL_REWARD,
        ),
    ] = "default",
    task: Annotated[
        str | None,
        typer.Option(help="The task of samples that name no task.", rich_help_panel=PANEL_REWARD),
    ] = None,
    reward_args: Annotated[
        str | None, typer.Option(help="Parameters of the reward: NAME=VALUE,...", rich_help_panel=PANEL_REWARD)
    ] = None,
    nli: Annotated[
        str,
        typer.Option(
            help="The NLI model: true, lexical, http://host:port (or several, with commas), a folder ...",
            rich_help_panel=PANEL_REWARD,
        ),
    ] = "true",
    nli_args: Annotated[
        str | None, typer.Option(help="Options of the NLI model: NAME=VALUE,...", rich_help_panel=PANEL_REWARD)
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A plugin file or folder to load first.", rich_help_panel=PANEL_REWARD)
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8766,
    token_file: TokenFile = None,
    insecure: Insecure = False,
    allowed_host: AllowedHost = None,
    max_waiting: MaxWaiting = 16_384,
    config: Config = None,
) -> None:
    """Serve a reward to any number of trainers, over HTTP.

    Samples of all requests share one NLI model and its batches. POST /rewards takes samples, POST / is OpenRLHF's form
    and POST /verify NeMo Gym's. /health says whether the NLI model is loaded, /metrics has counts and batch sizes.

    Requests name registered tasks, those of --include-path, or the one of --task; they cannot name files. One whose
    task the reward cannot judge gets an error that says why.

    Examples:

      groundeval serve-rewards --reward ground_grpo_stage2 --task trust_asqa --nli true --port 8766

      groundeval serve-rewards --reward ground_grpo_stage2 --reward-args reduction=mean --nli http://127.0.0.1:8765
    """
    from groundeval.cli.arguments import assignments, nli_options
    from groundeval.console.progress import say
    from groundeval.extras import require
    from groundeval.registry import load_plugin

    require("server", "groundeval serve-rewards")
    from groundeval.rewards.rollouts import Rewarder
    from groundeval.rewards.server import TOKEN_VARIABLE, RewardServer
    from groundeval.tasks import TASKS

    token = token_for(host, token_file, TOKEN_VARIABLE, insecure)
    for path in include_path or ():
        load_plugin(path)
    options = {"in_process": True, **nli_options(nli_args)}
    rewarder = Rewarder.of(reward, nli=nli, nli_options=options, parameters=assignments(reward_args, "--reward-args"))
    verifier = rewarder.verifier(rewarder.fitting(TASKS.names()) if task is None else [task])
    server = RewardServer(
        rewarder, verifier, task=task, token=token, max_waiting=max_waiting, allowed_hosts=allowed_host or ()
    )
    server.serve(host, port, lambda address: say(f"serving {rewarder.name} on {address}"))
    say("stopped")
