"""`groundeval distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def distill(
    output: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
    tasks: Annotated[str, typer.Option(help="Tasks, comma-separated: names, task.yaml, plugin.py:name.")],
    model: Annotated[
        str | None, typer.Option(help="The teacher: as for `run --model`; with --backend openai any compatible server.")
    ] = None,
    honest: Annotated[
        bool, typer.Option("--honest", help="Reference responses built from gold data; needs no model.")
    ] = False,
    tagged: Annotated[
        bool, typer.Option("--tagged", help="--honest: with a line of reasoning, in <think> and <answer>.")
    ] = False,
    form: Annotated[
        Literal["sft", "dpo"], typer.Option("--format", help="sft: prompt, completion. dpo: prompt, chosen, rejected.")
    ] = "sft",
    reward: Annotated[
        str, typer.Option(help="The reward that selects the best answer (`groundeval list rewards`).")
    ] = "default",
    reward_args: Annotated[str | None, typer.Option(help="Parameters of the reward: NAME=VALUE,...")] = None,
    num_samples: Annotated[int, typer.Option(min=2, help="Answers sampled per question.")] = 8,
    min_reward: Annotated[float | None, typer.Option(help="Least reward of the best answer.")] = None,
    min_margin: Annotated[float, typer.Option(help="dpo: the rewards of a pair must differ by more than this.")] = 0.0,
    backend: Annotated[str, typer.Option(help="Backend of the teacher: hf, vllm, openai.")] = "hf",
    gen_kwargs: Annotated[
        str | None, typer.Option(help="Sampling parameters of the answers.")
    ] = "temperature=1.0,max_new_tokens=512",
    model_args: Annotated[str | None, typer.Option(help="Arguments of the backend: NAME=VALUE,...")] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="Training data: TASK=FILE, FILE or `embedded`. Repeatable.")
    ] = None,
    split: Annotated[Literal["train", "test"], typer.Option(help="Split of the task's own data.")] = "train",
    limit: Annotated[int | None, typer.Option(help="Number of questions, from the first.")] = None,
    num_docs: Annotated[int, typer.Option(help="Documents shown.")] = 5,
    num_fewshot: Annotated[int, typer.Option(help="Demonstrations in the prompt.")] = 0,
    system: Annotated[str | None, typer.Option(help="System turn.")] = None,
    nli: Annotated[
        str, typer.Option(help="The reward's verifier: true, lexical (a proxy), http://host:port.")
    ] = "true",
    nli_args: Annotated[str | None, typer.Option(help="Options of the verifier: NAME=VALUE,...")] = None,
    seed: Annotated[int, typer.Option(help="Seed of demonstrations and sampling.")] = 42,
    runs: Annotated[Path, typer.Option(help="Folder of the teacher's answers, to resume from.")] = Path("runs"),
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
    quiet: Annotated[bool, typer.Option(help="No progress on stderr.")] = False,
) -> None:
    """Make training data for SFT and DPO: the best of several answers by a reward, or reference responses.

    A recipe reads it as `data: [{conversations: FILE}]`.

    Examples:

      groundeval distill sft.jsonl --honest --tasks trust_asqa --data embedded

      groundeval distill pairs.jsonl --format dpo --tasks trust_asqa --data asqa.json --backend openai --model gpt-5
    """
    from groundeval.cli.arguments import assignments, data_from, listed, nli_options, sampling_from
    from groundeval.console.progress import say
    from groundeval.console.tally import counted
    from groundeval.errors import UsageError
    from groundeval.registry import load_plugin
    from groundeval.rewards.rollouts import Rewarder
    from groundeval.run.options import RunOptions
    from groundeval.trainers.data.distill import best_of_n, reference_data

    for path in include_path or ():
        load_plugin(path)
    if honest == (model is not None):
        raise UsageError("give either a teacher (--model) or --honest")
    if tagged and not honest:
        raise UsageError("--tagged shapes --honest responses; a teacher is asked for tags with --system")
    verifier = nli_options(nli_args)
    names = listed(tasks, "--tasks")
    options = RunOptions(
        model or "",
        names,
        model_args=assignments(model_args, "--model-args"),
        backend=backend,
        nli=nli,
        nli_options=verifier,
        quiet=quiet,
        sampling=sampling_from(gen_kwargs, seed),
        data=data_from(data or ()),
        split=split,
        num_docs=num_docs,
        num_fewshot=num_fewshot,
        seed=seed,
        system=system,
        limit=limit,
        num_samples=1 if honest else num_samples,
        output_path=runs,
    )
    if honest:
        made = reference_data(names, options, form, output, tagged=tagged)
    else:
        best = Rewarder.of(reward, nli=nli, nli_options=verifier, parameters=assignments(reward_args, "--reward-args"))
        for name in names:
            best.bound(name)
        made = best_of_n(names, options, best, form, output, min_reward=min_reward, min_margin=min_margin)
    if not quiet:
        say(f"{counted(made.rows, 'row')} from {counted(made.questions, 'question')}")
    typer.echo(str(output))
