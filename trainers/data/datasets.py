"""Turning selected examples into the rows that TRL trains on, with exactly the prompts of `groundeval run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundeval.errors import DataError, UsageError
from groundeval.generation.interface import SamplingParams
from groundeval.records import Example
from groundeval.run.options import RunOptions
from groundeval.run.prepare import Job, prepare
from groundeval.trainers.data.conversations import Messages, read_imitations, read_preferences
from groundeval.trainers.data.selection import Hygiene, Selected
from groundeval.trainers.data.targets import reference_target, worse_target
from groundeval.trainers.policy import Policy
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Stage

Row = dict[str, Any]

ROOM = 512
"""Tokens reserved for the answer if no other setting gives its length (SFT and DPO on tasks)."""

TAIL = 8
"""Tokens at the end of a prompt that are needed to decode a completion."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a stage, and notes on examples left out."""

    rows: list[Row]
    notes: tuple[str, ...] = ()

    def dataset(self) -> Any:
        """As a data set of the library `datasets`."""
        from datasets import Dataset

        return Dataset.from_list(self.rows)


def run_options(recipe: Recipe, max_new_tokens: int, **changes: Any) -> RunOptions:
    """Options of `groundeval run` that give the prompts of the recipe."""
    usual = {
        "generator": Policy(recipe.model).options,
        "num_docs": recipe.num_docs,
        "num_fewshot": recipe.num_fewshot,
        "seed": recipe.seed,
        "system": recipe.system,
        "sampling": SamplingParams(max_new_tokens=max_new_tokens),
    }
    return RunOptions.of(**{**usual, **changes})


def prompts_of(selected: Selected, policy: Policy, recipe: Recipe, room: int) -> Job:
    """The prompts of `groundeval run` for the selected examples, which are cut to the documents in their prompts.

    `room`: tokens reserved for the answer; documents are left out from the end until the prompt fits beside it.
    """
    return prepare(
        selected.task,
        selected.reference,
        selected.requested,
        selected.dataset,
        policy.generator(),
        run_options(recipe, room),
    )


def grpo_rows(recipe: Recipe, stage: Stage, selected: Sequence[Selected], policy: Policy, room: int) -> Rows:
    """One row per prompt: `prompt` (messages) and, for the reward, `task` and `example` (JSON).

    `prefill` is the text that the chat template begins for the model, in the usual reasoning tags; `prompt_tail` the
    last token ids of the prompt. With `mix` the rows are in an order in which every step has its share of answerable
    questions, so that they must not be shuffled.
    """
    from groundeval.rewards.columns import example_json

    rows: list[Row] = []
    kinds: list[tuple[str, bool]] = []
    for each in selected:
        job = prompts_of(each, policy, recipe, room)
        for prompt, example in zip(job.prompts, job.examples, strict=True):
            encoded = policy.format.encode(prompt)
            rows.append(
                {
                    "prompt": policy.format.messages(prompt),
                    "task": each.reference,
                    "example": example_json(example),
                    "prefill": policy.format.in_usual_tags(encoded.prefill),
                    "prompt_tail": encoded.ids[-TAIL:],
                }
            )
            kinds.append((each.reference, example.answerable))
    return Rows(rows if stage.mix is None else spread(rows, kinds))


def spread(rows: Sequence[Row], kinds: Sequence[Hashable]) -> list[Row]:
    """The rows with every kind spread evenly: any stretch of them has the shares of the whole. Within a kind the order
    is kept."""
    seen: Counter[Hashable] = Counter()
    places: list[float] = []
    total = Counter(kinds)
    for kind in kinds:
        places.append((seen[kind] + 0.5) / total[kind])
        seen[kind] += 1
    return [row for _, row in sorted(zip(places, rows, strict=True), key=lambda each: each[0])]


def sft_rows(recipe: Recipe, stage: Stage, selected: Sequence[Selected], policy: Policy, hygiene: Hygiene) -> Rows:
    """One row per target answer: `input_ids`, and `completion_mask` with 1 for the answer's tokens."""
    rows: list[Row] = []
    for data in stage.data:
        if data.conversations is not None:
            kept = hygiene.kept_conversations(data)
            found = [each for at, each in enumerate(read_imitations(data.conversations, data.count)) if at in kept]
            rows += [_sft_row(policy, each.prompt, each.completion) for each in found]
    _check_form(stage, selected, policy)
    for job, source in _jobs(recipe, selected, policy):
        for prompt, example in zip(job.prompts, job.examples, strict=True):
            target = reference_target(example, source.task, tagged=stage.targets == "tagged")
            rows.append(_sft_row(policy, policy.format.messages(prompt), target))
    return Rows(rows)


def dpo_rows(recipe: Recipe, stage: Stage, selected: Sequence[Selected], policy: Policy, hygiene: Hygiene) -> Rows:
    """One row per pair: `prompt_ids`, `chosen_ids`, `rejected_ids`. Pairs without a higher reward for the chosen answer
    are left out."""
    rows: list[Row] = []
    for data in stage.data:
        if data.conversations is not None:
            kept = hygiene.kept_conversations(data)
            pairs = [each for at, each in enumerate(read_preferences(data.conversations, data.count)) if at in kept]
            rows += [_dpo_row(policy, each.prompt, each.chosen, each.rejected) for each in pairs]
    _check_form(stage, selected, policy)
    notes: list[str] = []
    for job, source in _jobs(recipe, selected, policy):
        made = list(_pairs(job, source, tagged=stage.targets == "tagged"))
        ordered = _ordered(recipe, stage, source, made)
        if len(ordered) < len(job.examples):
            notes.append(
                f"stage {stage.name}, {source.reference}: {len(job.examples) - len(ordered)} of {len(job.examples)} "
                "examples give no pair whose chosen answer has the higher reward"
            )
        prompts = dict(zip((example.id for example in job.examples), job.prompts, strict=True))
        rows += [
            _dpo_row(policy, policy.format.messages(prompts[example.id]), chosen, rejected)
            for example, chosen, rejected in ordered
        ]
    if not rows:
        raise DataError(f"stage {stage.name}: no pair is left; no chosen answer has the higher reward")
    return Rows(rows, tuple(notes))


def _check_form(stage: Stage, selected: Sequence[Selected], policy: Policy) -> None:
    begun = policy.format.prefill.strip()
    if selected and begun and stage.targets == "plain":
        raise UsageError(
            f"stage {stage.name}: the chat template begins the answer with {begun}, but reference responses have no "
            "reasoning to follow it.\n  Train on them with a line of reasoning, `targets: tagged`, or switch the "
            "reasoning off, for instance `model.chat_template_kwargs: {enable_thinking: false}`."
        )


def _jobs(recipe: Recipe, selected: Sequence[Selected], policy: Policy) -> Iterator[tuple[Job, Selected]]:
    for each in selected:
        yield prompts_of(each, policy, recipe, _room(policy)), each


def _room(policy: Policy) -> int:
    context = policy.local.context_length
    return ROOM if context is None else min(ROOM, context // 4)


def _pairs(job: Job, source: Selected, *, tagged: bool) -> Iterator[tuple[Example, str, str]]:
    for example in job.examples:
        rejected = worse_target(example, source.task, tagged=tagged)
        chosen = reference_target(example, source.task, tagged=tagged)
        if rejected is not None and rejected != chosen:
            yield example, chosen, rejected


def _ordered(
    recipe: Recipe, stage: Stage, source: Selected, pairs: list[tuple[Example, str, str]]
) -> list[tuple[Example, str, str]]:
    """The pairs whose chosen answer has the higher reward; all pairs if the stage has no rewards."""
    if not stage.rewards or not pairs:
        return pairs
    from groundeval.trainers.scoring import totals

    chosen = totals(recipe, stage, source.reference, [(example, text) for example, text, _ in pairs])
    rejected = totals(recipe, stage, source.reference, [(example, text) for example, _, text in pairs])
    return [
        pair
        for pair, better, worse in zip(pairs, chosen, rejected, strict=True)
        if better is not None and worse is not None and better > worse
    ]


def _sft_row(policy: Policy, prompt: Messages, answer: str) -> Row:
    before, after = policy.prompt_ids(prompt), policy.answer_ids(answer)
    return {"input_ids": before + after, "completion_mask": [0] * len(before) + [1] * len(after)}


def _dpo_row(policy: Policy, prompt: Messages, chosen: str, rejected: str) -> Row:
    return {
        "prompt_ids": policy.prompt_ids(prompt),
        "chosen_ids": policy.answer_ids(chosen),
        "rejected_ids": policy.answer_ids(rejected),
    }


def check_lengths(stage: Stage, rows: Sequence[Mapping[str, Any]], max_length: int | None, context: int | None) -> None:
    """Raises UsageError if an answer would be cut off: rows longer than `trl.max_length` or the model's context."""
    lengths = [max(_lengths(row)) for row in rows]
    for limit, what in ((max_length, "trl.max_length"), (context, "the model's context")):
        longer = sum(length > limit for length in lengths) if limit is not None else 0
        if longer:
            raise UsageError(
                f"stage {stage.name}: {longer} of {len(rows)} sequences are longer than {what} ({limit} tokens; the "
                f"longest has {max(lengths)}): the end of their answers would be cut off.\n"
                "  Use fewer documents (`num_docs`), or raise the limit."
            )


def _lengths(row: Mapping[str, Any]) -> list[int]:
    if "input_ids" in row:
        return [len(row["input_ids"])]
    return [len(row["prompt_ids"]) + len(row[name]) for name in ("chosen_ids", "rejected_ids")]
