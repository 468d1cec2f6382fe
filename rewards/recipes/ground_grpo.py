"""Ground-GRPO's rewards, Algorithm 1 of Sim et al. 2025 (arXiv 2506.15522), in two stages and without tags.

The paper does not state whether the rewards of statements are summed or averaged. Its wording suggests a sum, the
default here (`reduction="sum"`); `mean` divides by the number of statements, so that length is not rewarded.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Annotated, Literal

from pydantic import Field

from groundeval.metrics.ground import CITATION_PENALTY, CITATION_REWARD, REFUSAL_THRESHOLD, refusal_reward
from groundeval.metrics.metric import Values
from groundeval.rewards.registry import register_reward
from groundeval.rewards.reward import Components, Line, Reward
from groundeval.tasks import Task

Reduction = Literal["sum", "mean"]
Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


@register_reward("ground_grpo_stage1")
def ground_grpo_stage1(
    task: Task,
    *,
    reduction: Reduction = "sum",
    citation: bool = True,
    citation_penalty: NotNegative = CITATION_PENALTY,
    refusal_threshold: Share = REFUSAL_THRESHOLD,
    process_weight: NotNegative = 0.0,
) -> Reward:
    """Ground-GRPO, stage 1 (answerable questions): tags, format, gold answers and their citations."""
    return _reward(1, True, reduction, citation, citation_penalty, refusal_threshold, process_weight)


@register_reward("ground_grpo_stage2")
def ground_grpo_stage2(
    task: Task,
    *,
    reduction: Reduction = "sum",
    citation: bool = True,
    citation_penalty: NotNegative = CITATION_PENALTY,
    refusal_threshold: Share = REFUSAL_THRESHOLD,
    process_weight: NotNegative = 0.0,
) -> Reward:
    """Ground-GRPO, stage 2 (answerable and unanswerable questions): stage 1 and the refusal."""
    return _reward(2, True, reduction, citation, citation_penalty, refusal_threshold, process_weight)


@register_reward("ground_grpo_instruct")
def ground_grpo_instruct(
    task: Task,
    *,
    stage: Literal[1, 2] = 2,
    reduction: Reduction = "sum",
    citation: bool = True,
    citation_penalty: NotNegative = CITATION_PENALTY,
    refusal_threshold: Share = REFUSAL_THRESHOLD,
) -> Reward:
    """Ground-GRPO for models without reasoning tags: no tag or format reward, and nothing is gated on them."""
    return _reward(stage, False, reduction, citation, citation_penalty, refusal_threshold, 0.0)


def algorithm_1(
    values: Values,
    line: Line,
    *,
    stage: int,
    tags: bool,
    reduction: Reduction,
    citation: bool,
    citation_penalty: float,
    refusal_threshold: float,
    process_weight: float,
) -> Components:
    """The parts of the reward, in the order of the algorithm: format gates everything, refusal gates correctness.

    A part behind a closed gate is None and not in the total. If the total would have no part (stage 1 without tags),
    it is 0, the algorithm's initial value: without a reward, a refusal would leave its group and not be unlearned.
    """
    names = (
        *(("tag_count", "format") if tags else ()),
        *(("refusal",) if stage == 2 else ()),
        "em",
        *(("citation",) if citation else ()),
        *(("process",) if process_weight else ()),
    )
    parts: Components = dict.fromkeys(names, None if tags or stage == 2 else 0.0)
    if tags:
        parts["tag_count"] = _number(values["tag_count"])
        well_formed = values["format"] == 1 and values["tag_count"] == 1
        parts["format"] = _number(values["format"]) if well_formed else 0.0
        if not well_formed:
            return parts
    answerable, r = values["ground_answerable"] == 1, _number(values["refusal_score"])
    if stage == 2:
        parts["refusal"] = refusal_reward(answerable, r, refusal_threshold)
    # The paper leaves r = 0.85 open: it is not a refusal.
    if answerable and not r > refusal_threshold:
        # A response without statements has nothing to average.
        count = _number(values["ground_statements"]) if reduction == "mean" else 1.0
        parts["em"] = _number(values["ground_em"]) / (count or 1.0)
        if citation:
            parts["citation"] = _citation(line, citation_penalty) / (count or 1.0)
    if process_weight:
        aligned = values["process_align"]
        parts["process"] = None if aligned is None else process_weight * aligned
    return parts


def _number(value: float | None) -> float:
    """The value, which these metrics define for every sample."""
    assert value is not None
    return value


def _citation(line: Line, penalty: float) -> float:
    """R_citation over the statements that hold a gold answer, summed."""
    judged = [row["supported"] for row in line["ground"] if row["holds_answer"]]
    return sum(CITATION_REWARD if right else -penalty for right in judged)


def _reward(
    stage: int,
    tags: bool,
    reduction: Reduction,
    citation: bool,
    citation_penalty: float,
    refusal_threshold: float,
    process_weight: float,
) -> Reward:
    formula = partial(
        algorithm_1,
        stage=stage,
        tags=tags,
        reduction=reduction,
        citation=citation,
        citation_penalty=citation_penalty,
        refusal_threshold=refusal_threshold,
        process_weight=process_weight,
    )
    metrics = (
        *(("format",) if tags else ()),
        "ground_refusal",
        "ground_em",
        *(("ground_citation",) if citation else ()),
        *(("process_align",) if process_weight else ()),
    )
    low, high = _range(stage, tags, reduction, citation_penalty if citation else None, process_weight)
    return Reward(metrics, formula, "trust", low, high)


def _range(
    stage: int, tags: bool, reduction: Reduction, penalty: float | None, process_weight: float
) -> tuple[float, float]:
    """Bounds of the totals. `penalty` None: citations do not count."""
    gates, refusal = (2.0 if tags else 0.0), (0.5 if stage == 2 else 0.0)
    best, worst = (0.5, 0.5) if penalty is None else (0.5 + CITATION_REWARD, 0.5 - penalty)
    most = best if reduction == "mean" else inf
    least = min(0.0, worst) if reduction == "mean" or worst >= 0 else -inf
    highest = gates + max(refusal + most, 1.0 if stage == 2 else 0.0) + process_weight
    return min(0.0, gates + refusal + least), highest
