"""`groundeval serve-nli`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundeval.cli.config import Config
from groundeval.cli.serving import PANEL, AllowedHost, Host, Insecure, MaxWaiting, Port, TokenFile, token_for
from groundeval.errors import UsageError

if TYPE_CHECKING:
    from groundeval.nli import NLI

PANEL_MODEL = "Model"
LOCAL = ("seq2seq", "classifier", "causal", "plugin")
"""Kinds of verifiers that may hold a model on a GPU."""


def serve_nli(
    model: Annotated[
        str,
        typer.Option(
            help="The model to serve, as for --nli: true, minicheck, a folder, a hub name, ...",
            rich_help_panel=PANEL_MODEL,
        ),
    ] = "true",
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub.", rich_help_panel=PANEL_MODEL)
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="bfloat16 or float32. Default: bfloat16 where the hardware has it.", rich_help_panel=PANEL_MODEL
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu, cuda:N, auto (one model over all GPUs), replicas (a copy on each). Default: the first GPU.",
            rich_help_panel=PANEL_MODEL,
        ),
    ] = None,
    exact: Annotated[
        str,
        typer.Option(
            help="batch, or generate: one pair at a time, as the original evaluators do.", rich_help_panel=PANEL_MODEL
        ),
    ] = "batch",
    token_budget: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens in a batch. Default: by the device.", rich_help_panel=PANEL_MODEL),
    ] = None,
    nli_args: Annotated[
        str | None,
        typer.Option(help="Further options of the NLI model: NAME=VALUE,...", rich_help_panel=PANEL_MODEL),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Run code that comes with the model.", rich_help_panel=PANEL_MODEL)
    ] = False,
    cache: Annotated[
        bool, typer.Option(help="Keep verdicts on disk, for the next start.", rich_help_panel=PANEL_MODEL)
    ] = True,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A plugin file or folder to load first.", rich_help_panel=PANEL_MODEL)
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8765,
    token_file: TokenFile = None,
    insecure: Insecure = False,
    allowed_host: AllowedHost = None,
    max_waiting: MaxWaiting = 32_768,
    launch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of servers to start, one for each GPU, on ports from --port on.", rich_help_panel=PANEL
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Serve one NLI model to any number of clients, over HTTP.

    Clients name the address where they would name the model. Pairs of all clients share one queue: a pair is judged
    once for all clients, and batches are formed across clients. A client whose server dies waits until it is back, or
    stops with exit code 3 and resumes by the same command.

    Examples:

      groundeval serve-nli --model true --port 8765

      groundeval score predictions.json --task asqa --nli http://127.0.0.1:8765

    For other machines, with a token that both sides have in their environment:

      export GROUNDEVAL_NLI_TOKEN=...

      groundeval serve-nli --model true --host 0.0.0.0

    One server for each of four GPUs, which clients use as one, with failover:

      groundeval serve-nli --model true --launch 4 --port 8765

      groundeval score predictions.json --task asqa --nli http://127.0.0.1:8765,http://127.0.0.1:8766

    Monitoring: /health says `loading` or `ready` and which model, /metrics has counts for Prometheus. SIGTERM and
    Ctrl-C finish what is in flight, then stop.
    """
    from groundeval.cli.arguments import nli_options
    from groundeval.console.progress import say
    from groundeval.extras import require
    from groundeval.registry import load_plugin

    require("server", "groundeval serve-nli")
    from groundeval.nli.remote import TOKEN_VARIABLE
    from groundeval.nli.server import VerdictServer

    token = token_for(host, token_file, TOKEN_VARIABLE, insecure)
    for path in include_path or ():
        load_plugin(path)
    # Flags that are not given are left to NLIOptions, or to --nli-args.
    flags = {"revision": revision, "dtype": dtype, "device": device, "token_budget": token_budget}
    options: dict[str, Any] = {
        **{name: value for name, value in flags.items() if value is not None},
        **({"exact": exact} if exact != "batch" else {}),
        **({"trust_remote_code": True} if trust_remote_code else {}),
        **({} if cache else {"cache": False}),
        **nli_options(nli_args),
    }
    nli = _verifier(model, options)
    if launch is not None:
        given: dict[str, Sequence[object]] = {
            "--model": [model],
            "--revision": [revision],
            "--dtype": [dtype],
            "--device": [device],
            "--exact": [exact],
            "--token-budget": [token_budget],
            "--nli-args": [nli_args],
            "--max-waiting": [max_waiting],
            "--token-file": [token_file],
            "--include-path": include_path or [],
            "--allowed-host": allowed_host or [],
        }
        switches = {"--trust-remote-code": trust_remote_code, "--no-cache": not cache, "--insecure": insecure}
        _launch(given, switches, launch, host, port, needs_gpu=device is None and nli.traits.kind in LOCAL)
        return
    server = VerdictServer(nli, token=token, max_waiting=max_waiting, allowed_hosts=allowed_host or ())
    server.serve(host, port, lambda address: say(f"serving {model} on {address}; clients: --nli {address}"))
    say("stopped")


def _launch(
    given: Mapping[str, Sequence[object]],
    switches: Mapping[str, bool],
    count: int,
    host: str,
    port: int,
    *,
    needs_gpu: bool,
) -> None:
    """Run several servers with the same options."""
    from groundeval.cli.launching import launch, visible_gpus

    options = [
        part for name, values in given.items() for each in values if each is not None for part in (name, str(each))
    ]
    options += [name for name, is_set in switches.items() if is_set]
    launch(["serve-nli", *options], count, host, port, visible_gpus() if needs_gpu else [])


def _verifier(model: str, options: dict[str, Any]) -> NLI:
    """The verifier to serve, not yet loaded. Raises UsageError for one that is already a server."""
    from groundeval.nli import connect

    # One server for a job of several ranks is what the check for several ranks asks for.
    nli = connect(model, **{"in_process": True, **options})
    if nli.traits.kind == "remote":
        raise UsageError(f"--model {model}: this is already a server; give its address to the clients: --nli {model}")
    return nli
