"""`groundeval score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.config import Config


def score(
    predictions: Annotated[Path, typer.Argument(help="A file of outputs (ALCE, Trust-Score, JSONL), or a run folder.")],
    task: Annotated[str | None, typer.Option(help="How the outputs are judged; a run folder knows.")] = None,
    profile: Annotated[str | None, typer.Option(help="alce, trust, strict, or several. Default: the task's.")] = None,
    metrics: Annotated[str | None, typer.Option(help="Metrics or keys; `default` stands for the defaults.")] = None,
    nli: Annotated[
        str,
        typer.Option(help="A name of `groundeval list nli`, NAME:MODEL, a folder or hub name, http://host:port."),
    ] = "true",
    nli_args: Annotated[
        str | None,
        typer.Option(
            help="Options of the NLI model: NAME=VALUE,... (exact=generate: one pair at a time, the original way)."
        ),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with the NLI model.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Leave the cache of NLI verdicts on disk alone.")
    ] = False,
    metric_models: Annotated[
        str | None, typer.Option(help="Other models behind metrics: qa=FOLDER,mauve=FOLDER.")
    ] = None,
    post_hoc: Annotated[
        str, typer.Option(help="tfidf or encoder: attach citations to uncited statements before scoring.")
    ] = "none",
    post_hoc_encoder: Annotated[
        str | None, typer.Option(help="With --post-hoc encoder: a sentence encoder's folder or hub name.")
    ] = None,
    num_docs: Annotated[int | None, typer.Option(help="Only the first so many documents count. Default: all.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many samples.")] = None,
    reasoning_tags: Annotated[
        str | None,
        typer.Option(help="'<reason>,</reason>'; none: the whole text. Default: the run's, or <think>."),
    ] = None,
    cot: Annotated[bool, typer.Option("--cot", help="List tasks: only what follows the first colon counts.")] = False,
    output_path: Annotated[
        Path | None, typer.Option(help="Keep per-sample scores and results there, and resume from them.")
    ] = None,
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
    config: Config = None,
    full: Annotated[bool, typer.Option("--full", help="All metrics, also of several results.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Results as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option(help="No progress on stderr.")] = False,
) -> None:
    """Score outputs that you already have, or a run folder again. Nothing is generated.

    A record has `question`, `output`, `docs` (a list of title and text) and the gold data of its task: `qa_pairs`,
    `answers` or `claims`. A metric whose fields the file lacks is left out with a note.

    Examples:

      groundeval score predictions.json --task asqa --profile alce,trust --nli lexical

      groundeval score runs/my-model/asqa/0123456789ab --profile trust --nli true
    """
    from groundeval.cli.arguments import assignments, listed, nli_options, tags
    from groundeval.cli.tables import print_json, print_results
    from groundeval.registry import load_plugin
    from groundeval.run.api import score as score_all

    for path in include_path or ():
        load_plugin(path)
    results = score_all(
        predictions,
        task,
        profiles=listed(profile, "--profile"),
        metrics=listed(metrics, "--metrics"),
        nli=nli,
        nli_options=nli_options(nli_args, no_cache=no_cache, trust_remote_code=trust_remote_code),
        metric_models=assignments(metric_models, "--metric-models"),
        post_hoc=post_hoc,  # type: ignore[arg-type]
        post_hoc_encoder=post_hoc_encoder,
        num_docs=num_docs,
        limit=limit,
        reasoning_tags=tags(reasoning_tags),
        cot=cot,
        output_path=output_path,
        quiet=quiet or json,
    )
    if json:
        machine = [each.results.for_machines(each.nli_pairs) for each in results]
        print_json(machine[0] if len(machine) == 1 else machine)
    else:
        print_results([each.results for each in results], full=full)
