"""Rewards per second on one core without a verifier's own time: Ground-GRPO without its citation part, and
`strict_grounded` with a verifier that takes no time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from groundeval.bench.text_speed import CACHES
from groundeval.metrics.gold import with_answers
from groundeval.metrics.metric import Entailment
from groundeval.metrics.reading import AnswerKind
from groundeval.nli import NLI, Traits
from groundeval.parsing.remembered import forget_all
from groundeval.parsing.strict.lacking import is_lacking
from groundeval.records import Document, Example, Pair, Response, Verdict
from groundeval.rewards import Reward, load_reward
from groundeval.rewards.registry import KINDS

REWARD = "ground_grpo_stage2"
STRICT = "strict_grounded"


@dataclass(frozen=True, slots=True)
class RewardSpeed:
    """The rate for one set of outputs."""

    name: str
    reward: str
    responses: int
    rewards_per_second: float


def measure_reward(
    name: str, kind: AnswerKind, outputs: Sequence[tuple[Example, str]], repeats: int = 7
) -> RewardSpeed | None:
    """The median rate over several passes; None for claim tasks, whose correctness needs a verifier.

    Outputs are put between reasoning tags, so that all parts are computed. Each pass starts with empty caches and
    includes building the responses; the first is not counted. Examples without documents get their reference answers.
    """
    if kind == "claims":
        return None
    reward = load_reward(REWARD, KINDS[kind], citation=False)
    wrapped = [(_with_documents(example), f"<think>.</think><answer>{text}</answer>") for example, text in outputs]
    seconds = [_seconds(reward, wrapped) for _ in range(repeats + 1)][1:]
    return RewardSpeed(name, f"{REWARD}, citation=False", len(outputs), len(outputs) / median(seconds))


class _Free:
    """A verifier that takes no time: it entails two hypotheses of three, by their lengths."""

    name, revision, traits = "free", None, Traits(instant=True)

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [Verdict(len(pair.hypothesis) % 3 > 0, 0.5) for pair in pairs]


def measure_strict(
    name: str, kind: AnswerKind, outputs: Sequence[tuple[Example, str]], repeats: int = 7
) -> RewardSpeed:
    """The same for `strict_grounded`, in tasks of any kind, with what its pairs cost besides the verifier."""
    reward = load_reward(STRICT, KINDS[kind], nli="lexical")
    answered = [(_with_documents(example), text) for example, text in outputs]
    seconds = [_seconds(reward, answered, nli=NLI(_Free()), forget=_forget) for _ in range(repeats + 1)][1:]
    return RewardSpeed(name, STRICT, len(outputs), len(outputs) / median(seconds))


def _forget() -> None:
    forget_all()
    is_lacking.cache_clear()


def _with_documents(example: Example) -> Example:
    example = with_answers(example)
    if example.docs is not None:
        return example
    return replace(example, docs=tuple(Document("Reference", text) for text in example.references))


def _forget_texts() -> None:
    for cache in CACHES:
        cache.cache_clear()


def _seconds(
    reward: Reward,
    outputs: Sequence[tuple[Example, str]],
    nli: Entailment | None = None,
    forget: Callable[[], None] = _forget_texts,
) -> float:
    forget()
    # CPU time, which is independent of other load.
    started = time.process_time()
    reward([Response.build(example, text) for example, text in outputs], nli)
    return time.process_time() - started
