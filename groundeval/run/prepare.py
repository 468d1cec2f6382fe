"""Prepares one task of a run: prompts rendered and cut to fit, and the run folder named by what determines texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from groundeval.errors import UsageError, option
from groundeval.generation.interface import Generator
from groundeval.generation.prompts import Fitted, PromptTemplate, fit_documents, render_prompt
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags
from groundeval.records import Example, Prompt
from groundeval.run.options import RunOptions
from groundeval.stats.repeats import drawn, repeat_id
from groundeval.storage.folder import content_id, folder_name
from groundeval.storage.spool import each_of
from groundeval.tasks.formats.examples import content_hash, with_documents
from groundeval.tasks.oracle import with_oracle_documents
from groundeval.tasks.task import Dataset, Task

MODEL_NAME = "model name"
"""Source of reasoning tags that only the model's name shows."""


@dataclass(frozen=True, slots=True)
class Job:
    """One task of a run, ready to generate: examples cut to the documents shown, and where everything goes."""

    task: Task
    reference: str
    """How the task was named: a registered name or a path."""
    dataset: Dataset
    examples: tuple[Example, ...]
    folder: Path
    identity: Mapping[str, Any]
    prompts: tuple[Prompt, ...]
    shown: Mapping[str, int]
    """Documents that each prompt shows, by sample id, where fewer than requested fitted."""
    tags: ReasoningTags | None = None
    """The tags around the model's reasoning; None: `<think>`, or what the form of a text shows."""
    longest_prompt: int | None = None
    """In tokens, where the generator can count them."""
    unfitting: int = 0
    """Prompts that do not fit, not even without documents."""


def prepare(
    task: Task, reference: str, requested: str | None, dataset: Dataset, generator: Generator, options: RunOptions
) -> Job:
    """Render every prompt and find the run folder. Loads no model. Raises UserError for settings that cannot be met."""
    template = task.prompt if options.system is None else replace(task.prompt, system=options.system)
    demonstrations = task.demonstrations() if options.num_fewshot else ()
    known = getattr(generator, "reasoning_tags", None)
    tags = options.reasoning_tags or (None if known == REASONING_TAGS else known)
    generates = dict(generator.identity())
    identity: dict[str, Any] = {
        "task": task.name,
        "task_version": task.version,
        "task_reference": _absolute(reference),
        "data": {
            "requested": None if requested is None else _absolute(requested),
            "source": dataset.source,
            "sha256": dataset.sha256,
            "split": options.split,
        },
        # Of `ray:hf`, the backend that runs in the actors: where it runs does not change the texts.
        "backend": generates.get("backend", options.backend),
        "generator": generates,
        "prompt": {"template": template.name, "sha256": template.sha256},
        "num_docs": options.num_docs,
        "docs_field": options.docs_field,
        "oracle_docs": options.oracle_docs,
        "num_fewshot": options.num_fewshot,
        "seed": options.seed,
        "sampling": asdict(options.sampling),
    }
    # Defaults are omitted, so that a new option does not change the names of existing folders.
    if tags is not None:
        identity["reasoning_tags"] = list(tags.all())
    if tags is not None and getattr(generator, "guesses_reasoning_tags", False):
        identity["reasoning_tags_from"] = MODEL_NAME
    if options.num_samples > 1:
        identity["num_samples"] = options.num_samples
    if demonstrations:
        identity["demonstrations"] = content_hash(demonstrations)
    named = folder_name(options.model), folder_name(task.name), content_id(_for_hash(identity))
    selected = _selected(dataset, options)
    fitted = _fitted(selected, template, demonstrations, generator, options)
    shown = {each.prompt.id: each.kept for each in fitted if each.dropped}
    judged = 0 if options.post_hoc == "none" else options.cite_docs
    cut = [with_documents(each, max(judged, shown.get(each.id, options.num_docs))) for each in selected]
    draws = range(1, options.num_samples + 1)
    return Job(
        task,
        reference,
        dataset,
        drawn(cut, options.num_samples),
        options.folder.joinpath(*named),
        identity,
        _repeats([each.prompt for each in fitted], options.num_samples),
        shown if len(draws) == 1 else {repeat_id(each, draw): kept for each, kept in shown.items() for draw in draws},
        tags,
        max((each.tokens for each in fitted), default=0) or None,
        len(draws) * sum(not each.fits for each in fitted),
    )


def _selected(dataset: Dataset, options: RunOptions) -> Sequence[Example]:
    selected = dataset.examples[: options.limit]
    if options.shard is not None:
        index, count = options.shard
        selected = selected[index - 1 :: count]
    if options.oracle_docs:
        selected = each_of(selected, lambda example: with_oracle_documents(example, options.num_docs))
    return selected


def _fitted(
    examples: Sequence[Example],
    template: PromptTemplate,
    demonstrations: Sequence[Example],
    generator: Generator,
    options: RunOptions,
) -> list[Fitted]:
    """The prompts, with as many documents as the model's context has room for, where that is known."""
    settings: dict[str, Any] = {
        "num_docs": options.num_docs,
        "demonstrations": demonstrations,
        "num_fewshot": options.num_fewshot,
        "seed": options.seed,
        "docs_field": options.docs_field,
    }

    def tokens(prompt: Prompt) -> int:
        return generator.render(prompt).tokens or 0

    limit = _prompt_limit(generator, options)
    if limit is not None:
        return [fit_documents(each, template, length=tokens, limit=limit, **settings) for each in examples]
    prompts = [render_prompt(each, template, **settings) for each in examples]
    # Rendering the longest prompt for the model reveals errors before anything is generated.
    longest = max(prompts, key=lambda prompt: len(prompt.user), default=None)
    return [
        Fitted(prompt, tokens(prompt) if prompt is longest else 0, options.num_docs, dropped=0, fits=True)
        for prompt in prompts
    ]


def _repeats(prompts: Sequence[Prompt], count: int) -> tuple[Prompt, ...]:
    """Each prompt once for every answer that is drawn."""
    if count == 1:
        return tuple(prompts)
    return tuple(
        replace(prompt, id=repeat_id(prompt.id, draw), draw=draw) for prompt in prompts for draw in range(1, count + 1)
    )


def _absolute(reference: str) -> str:
    """A file (also `FILE.py:NAME`) by its whole path, so that messages can name it anywhere; a name stays a name."""
    file, colon, name = reference.rpartition(":") if ".py:" in reference else (reference, "", "")
    return f"{Path(file).resolve()}{colon}{name}" if Path(file).is_file() else reference


def _for_hash(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The identity without the path of the data and the name given for the task: only content determines texts."""
    return {
        **{key: value for key, value in identity.items() if key != "task_reference"},
        "data": {key: value for key, value in identity["data"].items() if key in ("sha256", "split")},
    }


def _prompt_limit(generator: Generator, options: RunOptions) -> int | None:
    context = getattr(generator, "context_length", None)
    if context is None:
        return None
    limit = int(context) - options.sampling.max_new_tokens
    if limit < 1:
        raise UsageError(
            f"{option('sampling', max_new_tokens=options.sampling.max_new_tokens)}: the model's "
            f"{context} tokens of context "
            "leave no room for a prompt"
        )
    return limit
