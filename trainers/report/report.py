"""The report of a finished run: before and after with paired intervals, curves, reproduction, a model card."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from groundeval.comparison.compare import Comparison, compare, open_run
from groundeval.comparison.markdown import metric_row
from groundeval.console.progress import say
from groundeval.metrics.labels import label_of
from groundeval.storage.folder import read_json, write_whole
from groundeval.trainers.folder import RunFolder
from groundeval.trainers.recipe import START, Recipe
from groundeval.trainers.report.curves import draw

Judged = tuple[str, str, str]
"""Task, profile and verifier: numbers are comparable only if all three are the same."""


class Compared(NamedTuple):
    """Stages by name, the first of them compared with each of the others."""

    names: tuple[str, ...]
    comparison: Comparison


def write_report(recipe: Recipe, run: RunFolder, warnings: Sequence[str]) -> None:
    """`report.md`, `comparisons.json`, the plots, and a model card beside the final weights."""
    comparisons = dict(compared(recipe, run))
    plots = draw(run)
    body = "\n".join(_report(recipe, run, comparisons, plots, warnings)) + "\n"
    write_whole(run.path / "report.md", body.encode())
    run.write_json("comparisons.json", [_machine(judged, each) for judged, each in comparisons.items()])
    card = "\n".join(_card(recipe, run, comparisons)) + "\n"
    write_whole(run.model_of(recipe, recipe.stages[-1]) / "README.md", card.encode())
    say(f"report: {run.path / 'report.md'}")


def compared(recipe: Recipe, run: RunFolder) -> Iterator[tuple[Judged, list[Compared]]]:
    """For each task, profile and verifier: every stage compared with the start, then with the one it starts from."""
    boundaries = {
        (START, 0),
        *((each["name"], run.evaluated_step(number)) for number, each in enumerate(run.finished())),
    }
    order = [START, *(stage.name for stage in recipe.stages)]
    folders: dict[Judged, dict[str, Path]] = {}
    for each in run.lines("evaluations.jsonl").read():
        if (each["stage"], each["step"]) in boundaries and each["scores"] is not None:
            judged = (each["task"], each["profile"], each["nli"])
            folders.setdefault(judged, {})[each["stage"]] = run.path / each["scores"]
    for judged, by_stage in folders.items():
        runs = {name: open_run(by_stage[name]) for name in order if name in by_stage}
        if len(runs) > 1:
            chosen = [list(runs), *([first, second] for first, second in _steps(recipe) if {first, second} <= {*runs})]
            yield judged, [Compared(tuple(names), compare([runs[name] for name in names])) for names in chosen]


def _steps(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every stage with the one it starts from, unless that is the recipe's model."""
    for stage in recipe.stages:
        before = recipe.before(stage)
        if before is not None:
            yield before.name, stage.name


def before_and_after(comparisons: Mapping[Judged, Sequence[Compared]]) -> Iterator[str]:
    """The Markdown tables of `compared`, with the informative keys only."""
    for (task, profile, nli), found in comparisons.items():
        yield f"### {task}, profile {profile}, judged by {nli} (n = {found[0].comparison.n})"
        yield ""
        yield "| metric | from | to | before | after | difference | 95% interval | p | p (Holm) | |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for names, comparison in found:
            for pair in comparison.pairs:
                first, second = names[pair.first], names[pair.second]
                telling = _telling(profile, comparison)
                for metric in pair.metrics:
                    if metric.key in telling:
                        key, *cells = metric_row(metric, second, first)
                        yield f"| {' | '.join([key, first, second, *cells])} |"
        yield ""


def _telling(profile: str, comparison: Comparison) -> set[str]:
    known = set(comparison.runs[0].metrics)
    return {key for key in known if key == comparison.ranked_by or label_of(key).tells(profile)} or known


def _report(
    recipe: Recipe,
    run: RunFolder,
    comparisons: Mapping[Judged, Sequence[Compared]],
    plots: Sequence[Path],
    warnings: Sequence[str],
) -> Iterator[str]:
    yield f"# Training run {recipe.name}"
    yield ""
    if recipe.description:
        yield recipe.description
        yield ""
    yield from _stages(run)
    for warning in warnings:
        yield f"- **Note:** {warning}"
    yield ""
    yield "## Held-out evaluation, before and after"
    yield ""
    if comparisons:
        yield "Percent. Differences are paired over the same samples; p (Holm) is corrected for all tests made at once."
        yield ""
        yield from before_and_after(comparisons)
    else:
        yield "The recipe names no held-out tasks (`evaluate`)."
        yield ""
    if plots:
        yield "## Curves"
        yield ""
        yield from (f"![{plot.stem}]({plot.relative_to(run.path)})" for plot in plots)
        yield ""
    pages = sorted(run.path.glob("stages/*/completions.html"))
    if pages:
        yield "## Completions"
        yield ""
        yield from (f"- [{page.parent.name}]({page.relative_to(run.path)})" for page in pages)
        yield ""
    yield from _reproduce(run)


def _stages(run: RunFolder) -> Iterator[str]:
    yield "| stage | trainer | steps | rows | examples (answerable) |"
    yield "|---|---|---|---|---|"
    for each in run.finished():
        examples = ", ".join(
            f"{Path(task).stem} {found['count']} ({found['answerable']})" for task, found in each["examples"].items()
        )
        cells = (each["name"], each["trainer"], each["steps"], each["rows"], examples or "conversations")
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""


def _reproduce(run: RunFolder) -> Iterator[str]:
    manifest = read_json(run.path / "manifest.json") or {}
    around = manifest.get("environment") or manifest["circumstances"]
    state = around.get("git") or {}
    yield "## Reproduce"
    yield ""
    yield "```"
    if state:
        yield f"git checkout {state['commit']}{'   # there were uncommitted changes' if state['dirty'] else ''}"
    first = manifest["sessions"][0]["command"]
    # Into another folder: in its own, the run counts as finished.
    yield shlex.join(
        ["groundeval", "train", str(run.path / "recipe.yaml"), *plugin_flags(first), "--output-path", "again"]
    )
    yield "```"
    yield ""
    yield f"First given as: `{shlex.join(first)}`"
    yield ""
    yield f"Versions: {', '.join(f'{name} {version}' for name, version in around['versions'].items())}"


def plugin_flags(command: Sequence[str]) -> list[str]:
    """The plugin flags of a command line: a recipe names what plugins register, but not their files."""
    found: list[str] = []
    for place, word in enumerate(command):
        if word == "--include-path":
            found += command[place : place + 2]
        elif word.startswith("--include-path="):
            found.append(word)
    return found


def _card(recipe: Recipe, run: RunFolder, comparisons: Mapping[Judged, Sequence[Compared]]) -> Iterator[str]:
    yield "---"
    yield "library_name: transformers"
    yield f"base_model: {recipe.model.path}"
    yield "tags: [grounded-question-answering, citations, groundeval]"
    yield "---"
    yield f"# {recipe.name}"
    yield ""
    yield (
        f"{recipe.model.path}, trained to answer from documents with citations, or to refuse where they hold no "
        f"answer. {recipe.description}"
    )
    yield ""
    yield from _stages(run)
    for stage in recipe.stages:
        if stage.rewards:
            terms = ", ".join(
                f"{term.weight:g} x {name}" + (f" ({_options(term.options)})" if term.options else "")
                for name, term in stage.rewards.items()
            )
            yield f"- Rewards of {stage.name}: {terms}; NLI model `{recipe.nli}`"
    yield f"- Prompt: {recipe.num_docs} documents, {recipe.num_fewshot} demonstrations"
    yield ""
    if comparisons:
        yield "## Evaluation"
        yield ""
        yield from before_and_after(comparisons)
    yield from _reproduce(run)


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())


def _machine(judged: Judged, comparisons: Sequence[Compared]) -> dict[str, Any]:
    task, profile, nli = judged
    found = [{"stages": list(each.names), **each.comparison.as_json()} for each in comparisons]
    return {"task": task, "profile": profile, "nli": nli, "comparisons": found}
