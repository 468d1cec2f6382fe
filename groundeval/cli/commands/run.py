"""`groundeval run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groundeval.cli.config import Config
from groundeval.errors import EXIT_FAILED, UsageError

if TYPE_CHECKING:
    from groundeval.run.runner import TaskRun

PANEL_WHAT, PANEL_PROMPT, PANEL_MODEL, PANEL_SCORES, PANEL_RUN = "What", "Prompt", "Model", "Scores", "Run"


def run(
    model: Annotated[
        list[str],
        typer.Option(
            help="Hub name, folder, .gguf file, `smollm2` (a package), or with --backend replay a file of outputs. "
            "Several: --model A --model B.",
            rich_help_panel=PANEL_WHAT,
        ),
    ],
    tasks: Annotated[
        str, typer.Option(help="Tasks, comma-separated: names, task.yaml, plugin.py:name.", rich_help_panel=PANEL_WHAT)
    ],
    backend: Annotated[
        str, typer.Option(help="Where the texts come from: hf, vllm, openai, replay.", rich_help_panel=PANEL_MODEL)
    ] = "hf",
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="TASK=FILE, or `embedded` for the small data set that comes along. Default: the task's hub data set.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many samples.", rich_help_panel=PANEL_WHAT)
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="I/N: the I-th of N parts; needs --phase generate.", rich_help_panel=PANEL_WHAT)
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A plugin file or folder to load first.", rich_help_panel=PANEL_WHAT)
    ] = None,
    num_docs: Annotated[int, typer.Option(help="Documents shown; 0 is closed book.", rich_help_panel=PANEL_PROMPT)] = 5,
    oracle_docs: Annotated[
        bool,
        typer.Option(
            "--oracle-docs", help="First the documents with the most gold answers.", rich_help_panel=PANEL_PROMPT
        ),
    ] = False,
    docs_field: Annotated[
        str, typer.Option(help="What is shown of a document: text, summary, extraction.", rich_help_panel=PANEL_PROMPT)
    ] = "text",
    num_fewshot: Annotated[int, typer.Option(help="Demonstrations in the prompt.", rich_help_panel=PANEL_PROMPT)] = 0,
    system: Annotated[
        str | None, typer.Option(help="System turn for chat models.", rich_help_panel=PANEL_PROMPT)
    ] = None,
    apply_chat_template: Annotated[
        bool | None, typer.Option(help="Default: where the tokenizer has one.", rich_help_panel=PANEL_PROMPT)
    ] = None,
    chat_template_kwargs: Annotated[
        str | None, typer.Option(help="For instance enable_thinking=false.", rich_help_panel=PANEL_PROMPT)
    ] = None,
    gen_kwargs: Annotated[
        str | None,
        typer.Option(
            help="temperature=0.5,top_p=1.0,max_new_tokens=300. Default: greedy.", rich_help_panel=PANEL_MODEL
        ),
    ] = None,
    reasoning_tags: Annotated[
        str | None,
        typer.Option(
            help="'<reason>,</reason>', if need be with those of the answer; none: the whole text is the answer. "
            "Default: the model's own, or <think>.",
            rich_help_panel=PANEL_PROMPT,
        ),
    ] = None,
    num_samples: Annotated[
        int, typer.Option(help="Answers drawn for each question; needs a temperature.", rich_help_panel=PANEL_MODEL)
    ] = 1,
    model_args: Annotated[
        str | None, typer.Option(help="Arguments of the backend: NAME=VALUE,...", rich_help_panel=PANEL_MODEL)
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub.", rich_help_panel=PANEL_MODEL)
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16, ...", rich_help_panel=PANEL_MODEL)] = None,
    batch_size: Annotated[str, typer.Option(help="Prompts at a time, or auto.", rich_help_panel=PANEL_MODEL)] = "auto",
    trust_remote_code: Annotated[
        bool,
        typer.Option(help="Run code that comes with the model, or with the NLI model.", rich_help_panel=PANEL_MODEL),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(help="alce, trust, strict, or several. Default: the task's.", rich_help_panel=PANEL_SCORES),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="Metrics or keys; `default` stands for the defaults.", rich_help_panel=PANEL_SCORES),
    ] = None,
    nli: Annotated[
        str,
        typer.Option(
            help="A name of `groundeval list nli`, NAME:MODEL, a folder or hub name, http://host:port, "
            "causal:MODEL@URL.",
            rich_help_panel=PANEL_SCORES,
        ),
    ] = "true",
    nli_args: Annotated[
        str | None,
        typer.Option(
            help="Options of the NLI model: NAME=VALUE,... (exact=generate: one pair at a time, the original way).",
            rich_help_panel=PANEL_SCORES,
        ),
    ] = None,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Leave the cache of NLI verdicts on disk alone.", rich_help_panel=PANEL_SCORES),
    ] = False,
    metric_models: Annotated[
        str | None,
        typer.Option(help="Other models behind metrics: qa=FOLDER,mauve=FOLDER.", rich_help_panel=PANEL_SCORES),
    ] = None,
    post_hoc: Annotated[
        str,
        typer.Option(
            help="tfidf or encoder: attach citations to uncited statements before scoring; none.",
            rich_help_panel=PANEL_SCORES,
        ),
    ] = "none",
    post_hoc_encoder: Annotated[
        str | None,
        typer.Option(
            help="With --post-hoc encoder: a sentence encoder's folder or hub name.", rich_help_panel=PANEL_SCORES
        ),
    ] = None,
    cot: Annotated[
        bool,
        typer.Option(
            "--cot", help="List tasks: only what follows the first colon counts.", rich_help_panel=PANEL_SCORES
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Of sampling and of the choice of demonstrations.", rich_help_panel=PANEL_RUN)
    ] = 42,
    phase: Annotated[str, typer.Option(help="generate, score or all.", rich_help_panel=PANEL_RUN)] = "all",
    output_path: Annotated[Path, typer.Option(help="Where run folders go.", rich_help_panel=PANEL_RUN)] = Path("runs"),
    config: Config = None,
    full: Annotated[
        bool, typer.Option("--full", help="All metrics, also of several results.", rich_help_panel=PANEL_RUN)
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Results as JSON on stdout.", rich_help_panel=PANEL_RUN)] = False,
    quiet: Annotated[bool, typer.Option(help="No progress on stderr.", rich_help_panel=PANEL_RUN)] = False,
) -> None:
    """Generate answers with a model and score them.

    The same command again resumes: nothing that was generated or scored is computed twice. With another --profile or
    --nli it scores the stored answers anew and generates nothing.

    Examples:

      groundeval run --model smollm2 --tasks trust_asqa --data embedded --nli lexical

      groundeval run --model Qwen/Qwen3-4B --tasks asqa,trust_eli5 --nli true --num-fewshot 2
    """
    from groundeval.cli.arguments import (
        assignments,
        data_from,
        listed,
        nli_options,
        sampling_from,
        shard_from,
        tags,
    )
    from groundeval.models.options import GeneratorOptions
    from groundeval.registry import load_plugin
    from groundeval.run.options import RunOptions, ScoringOptions
    from groundeval.run.runner import run as run_tasks

    for path in include_path or ():
        load_plugin(path)
    options = RunOptions(
        generator=GeneratorOptions(
            model[0],
            revision=revision,
            dtype=dtype,
            batch_size=_batch_size(batch_size),
            trust_remote_code=trust_remote_code,
            apply_chat_template=apply_chat_template,
            chat_template_kwargs=assignments(chat_template_kwargs, "--chat-template-kwargs"),
            reasoning_tags=tags(reasoning_tags),
            model_args=assignments(model_args, "--model-args"),
        ),
        backend=backend,
        scoring=ScoringOptions(
            profiles=listed(profile, "--profile"),
            metrics=listed(metrics, "--metrics"),
            nli=nli,
            nli_options=nli_options(nli_args, no_cache=no_cache, trust_remote_code=trust_remote_code),
            metric_models=assignments(metric_models, "--metric-models"),
            post_hoc=post_hoc,  # type: ignore[arg-type]
            post_hoc_encoder=post_hoc_encoder,
            cot=cot,
            quiet=quiet,
        ),
        sampling=sampling_from(gen_kwargs, seed),
        data=data_from(data or ()),
        num_docs=num_docs,
        oracle_docs=oracle_docs,
        docs_field=docs_field,  # type: ignore[arg-type]
        num_fewshot=num_fewshot,
        seed=seed,
        system=system,
        limit=limit,
        num_samples=num_samples,
        shard=shard_from(shard),
        phase=phase,  # type: ignore[arg-type]
        output_path=output_path,
    )
    each_model = [replace(options, generator=replace(options.generator, model=name)) for name in dict.fromkeys(model)]
    report(run_tasks(listed(tasks, "--tasks"), *each_model), as_json=json, full=full)


def report(runs: Sequence[TaskRun], *, as_json: bool, full: bool) -> None:
    """Results on stdout; run folders and errors on stderr. Exits with the error's code if the only run failed (3: it
    can be resumed), 1 if one of several did."""
    from groundeval.cli.tables import print_json, print_results
    from groundeval.console.progress import say

    if as_json:
        machine = [
            {**score.results.for_machines(score.nli_pairs), "model": each.model, "run_folder": str(each.folder)}
            for each in runs
            for score in each.scores
        ]
        print_json(machine[0] if len(machine) == 1 else machine)
    else:
        for model in dict.fromkeys(each.model for each in runs):
            scores = [score.results for each in runs if each.model == model for score in each.scores]
            if scores:
                print_results(scores, heading=f"model {model}", full=full)
    for each in runs:
        say(f"{each.model}, {each.task}: run folder {each.folder}")
    failed = [(each.model, each.error) for each in runs if each.error is not None]
    for model, error in failed:
        say(f"error: {model}, {error}")
    if failed:
        raise typer.Exit(failed[0][1].exit_code if len(runs) == 1 else EXIT_FAILED)


def _batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--batch-size {text}: must be auto, or an integer of 1 or more")
    return int(text)
