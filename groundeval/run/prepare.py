"""Prepares one task of a run: prompts rendered and cut to fit, and the run folder named by what determines texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from groundeval.errors import UsageError, option
from groundeval.generation.interface import GENERATORS, Generator
from groundeval.generation.prompts import Fitted, PromptTemplate, fit_documents, render_prompt
from groundeval.metrics.gold import with_answers
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags
from groundeval.records import Example, Prompt, Rendered
from groundeval.run.draws import drawn, drawn_prompt
from groundeval.run.options import RunOptions
from groundeval.storage.folder import content_id, folder_name
from groundeval.storage.spool import Lazy, Numbers, Spool, each_of
from groundeval.tasks.formats.examples import ContentHashes, FieldsPresent, content_hash, with_documents
from groundeval.tasks.oracle import with_oracle_documents
from groundeval.tasks.task import Dataset, Task

MODEL_NAME = "model name"
"""Source of reasoning tags that only the model's name shows."""


class Asked(NamedTuple):
    """What one sample is asked."""

    prompt: Prompt
    rendered: Rendered
    shown: int | None
    """Documents that the prompt shows, where fewer than requested fitted."""


@dataclass(frozen=True, slots=True)
class Job:
    """One task of a run, ready to generate: examples cut to the documents shown, and where everything goes.

    Examples and prompts are read one at a time, as often as they are needed: those of a large data set are on disk.
    """

    task: Task
    reference: str
    """How the task was named: a registered name or a path."""
    dataset: Dataset
    examples: Sequence[Example]
    """With the answers that can be derived, as they are scored."""
    fields: frozenset[str]
    """Fields that all examples have."""
    content: ContentHashes | None
    """Hashes of the examples; None where nothing will be scored."""
    folder: Path
    identity: Mapping[str, Any]
    asked: Sequence[Asked]
    """What each sample is asked, in the order of the examples."""
    tags: ReasoningTags | None = None
    """The tags around the model's reasoning; None: `<think>`, or what the form of a text shows."""
    prompt_bytes: int = 0
    """Of all prompts as JSON."""
    longest_prompt: int | None = None
    """In tokens, where the generator can count them."""
    dropped: int = 0
    """Prompts that show fewer documents than requested."""
    unfitting: int = 0
    """Prompts that do not fit, not even without documents."""

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The prompt of each sample."""
        return each_of(self.asked, lambda asked: asked.prompt)


def prepare(
    task: Task, reference: str, requested: str | None, dataset: Dataset, generator: Generator, options: RunOptions
) -> Job:
    """Render every prompt and find the run folder. Loads no model. Raises UserError for settings that cannot be met."""
    template = task.prompt if options.system is None else replace(task.prompt, system=options.system)
    demonstrations = task.demonstrations() if options.num_fewshot else ()
    known = getattr(generator, "reasoning_tags", None)
    tags = options.reasoning_tags or (None if known == REASONING_TAGS else known)
    generates = {**generator.identity(), **_plugin_code(options.backend)}
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
    draws = options.num_samples
    judged = 0 if options.post_hoc == "none" else options.cite_docs
    documents = Numbers()
    asked, fields = Spool[Asked](), FieldsPresent()
    content = None if options.phase == "generate" else ContentHashes()
    size = longest = dropped = unfitting = 0
    fitted = _fitting(template, demonstrations, generator, options)

    def scored(row: int, example: Example) -> Example:
        return with_answers(with_documents(example, documents[row]))

    # One pass, since reading an example from disk again costs as much as rendering its prompt.
    for row, example in enumerate(selected):
        found, rendered = fitted(example)
        asked.append(Asked(found.prompt, rendered, found.kept if found.dropped else None))
        documents.append(max(judged, found.kept if found.dropped else options.num_docs))
        size += len(json.dumps(found.prompt.user))
        longest = max(longest, found.tokens)
        dropped += found.dropped > 0
        unfitting += not found.fits
        cut = scored(row, example)
        fields.add(cut)
        if content is not None:
            for each in drawn((cut,), draws):
                content.add(each)

    def asked_of(row: int) -> Asked:
        found = asked[row // draws]
        return found._replace(prompt=drawn_prompt(found.prompt, row, draws))

    return Job(
        task,
        reference,
        dataset,
        drawn(Lazy(len(selected), lambda row: scored(row, selected[row])), draws),
        fields.known,
        content,
        options.folder.joinpath(*named),
        identity,
        asked if draws == 1 else Lazy(draws * len(asked), asked_of),
        tags,
        draws * size,
        longest or None,
        draws * dropped,
        draws * unfitting,
    )


def _selected(dataset: Dataset, options: RunOptions) -> Sequence[Example]:
    selected = dataset.examples[: options.limit]
    if options.shard is not None:
        index, count = options.shard
        selected = selected[index - 1 :: count]
    if options.oracle_docs:
        selected = each_of(selected, lambda example: with_oracle_documents(example, options.num_docs))
    return selected


def _fitting(
    template: PromptTemplate, demonstrations: Sequence[Example], generator: Generator, options: RunOptions
) -> Callable[[Example], tuple[Fitted, Rendered]]:
    """Makes the prompt of an example, with as many documents as the model's context has room for, where that is known.

    Every prompt is rendered for the model: that reveals errors before anything is generated.
    """
    settings: dict[str, Any] = {
        "num_docs": options.num_docs,
        "demonstrations": demonstrations,
        "num_fewshot": options.num_fewshot,
        "seed": options.seed,
        "docs_field": options.docs_field,
    }
    limit = _prompt_limit(generator, options)

    def as_they_are(example: Example) -> tuple[Fitted, Rendered]:
        prompt = render_prompt(example, template, **settings)
        rendered = generator.render(prompt)
        return Fitted(prompt, rendered.tokens or 0, options.num_docs, dropped=0, fits=True), rendered

    def cut_to_fit(example: Example) -> tuple[Fitted, Rendered]:
        tried: dict[str, Rendered] = {}

        def tokens(prompt: Prompt) -> int:
            rendered = tried[prompt.user] = generator.render(prompt)
            return rendered.tokens or 0

        found = fit_documents(example, template, length=tokens, limit=limit or 0, **settings)
        return found, tried[found.prompt.user]

    return as_they_are if limit is None else cut_to_fit


def _plugin_code(backend: str) -> dict[str, str]:
    """The hash of the code of a backend that comes from a plugin."""
    name = backend.removeprefix("ray:")
    # Trainers generate with the model in training, which is no registered backend.
    code = GENERATORS.code(GENERATORS.get(name)) if name in GENERATORS else None
    return {} if code is None else {"code": code}


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
