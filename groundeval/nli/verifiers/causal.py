"""The `causal` verifier in this process: a chat model asked for yes or no, judged by its first token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from groundeval.errors import SampleError, UsageError, excerpt
from groundeval.models.device import import_torch
from groundeval.nli import weights
from groundeval.nli.model import fill
from groundeval.nli.verifiers.scored import LEAST_ROOM, OVERLAP, Input, ProbabilityVerifier
from groundeval.records import Pair

SEAM = 8
"""Tokens by which a piece of text may grow when it is tokenized in another context."""
LEAST_SHARE = 0.1
"""Least joint probability of yes and no as first token; below it the model answered something else."""


class Causal(ProbabilityVerifier):
    """Probability of `yes` against `no`, in any case and with or without a space, as the answer's first token."""

    auto_class = "AutoModelForCausalLM"

    def understand(self) -> None:
        """Find all tokens that mean yes or no. Raises UsageError for a vocabulary that lacks either."""
        self._yes, self._no = (self._tokens_of(words) for words in (self.spec.yes, self.spec.no))
        for words, tokens in ((self.spec.yes, self._yes), (self.spec.no, self._no)):
            if not tokens:
                raise UsageError(f"NLI model {self.source}: no token of its vocabulary is {' or '.join(words)}.")

    @cached_property
    def _limit(self) -> int | None:
        return self.spec.max_length or weights.longest_input(self.config, self.tokenizer)

    def inputs(self, premise: str, hypothesis: str) -> list[Input]:
        """The question about the whole premise, or about windows of it."""
        whole = self._asked(premise, hypothesis)
        if self._limit is None or len(whole) <= self._limit:
            return [Input(whole)]
        if self.spec.chunks is None:
            raise SampleError(f"NLI model {self.name}: a pair of {len(whole)} tokens exceeds its {self._limit}.")
        room = self._limit - len(self._asked("", hypothesis)) - SEAM
        if room < LEAST_ROOM:
            raise SampleError(
                f"NLI model {self.name}: the hypothesis leaves no room for a premise in its {self._limit} tokens: "
                f"{excerpt(hypothesis)}"
            )
        return [Input(self._asked(window, hypothesis)) for window in self._windows(premise, room)]

    def probabilities(self, model: Any, batch: Sequence[Input]) -> list[float | SampleError]:
        """Softmax over all tokens that mean yes or no; a SampleError if the answer begins with neither."""
        torch = import_torch()
        longest = max(len(each.ids) for each in batch)
        # Left-padded, so that the answer begins at the last position of every row.
        ids = torch.tensor([[0] * (longest - len(each.ids)) + each.ids for each in batch], device=model.device)
        mask = torch.tensor(
            [[0] * (longest - len(each.ids)) + [1] * len(each.ids) for each in batch], device=model.device
        )
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = (
            model(input_ids=ids, attention_mask=mask, position_ids=places, logits_to_keep=1, use_cache=False)
            .logits[:, -1]
            .float()
        )
        yes, no = (torch.logsumexp(logits[:, tokens], -1) for tokens in (self._yes, self._no))
        shares = (torch.logaddexp(yes, no) - torch.logsumexp(logits, -1)).exp().tolist()
        scores = (yes - no).sigmoid().tolist()
        return [
            score if share >= LEAST_SHARE else self._said_else(row, share)
            for score, share, row in zip(scores, shares, logits, strict=True)
        ]

    def _said_else(self, logits: Any, share: float) -> SampleError:
        return says_neither(self.name, self.tokenizer.decode([int(logits.argmax())]), share)

    def _asked(self, premise: str, hypothesis: str) -> list[int]:
        """The question in the model's chat template; as plain text if it has none."""
        text = fill(self.spec.template, Pair(premise, hypothesis))
        if not getattr(self.tokenizer, "chat_template", None):
            return list(self.tokenizer(f"{text}\n").input_ids)
        messages = [{"role": "user", "content": text}]
        # Templates of models that think first take the argument; the others ignore it.
        prompt = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        # The template has written the special tokens.
        return list(self.tokenizer(prompt, add_special_tokens=False).input_ids)

    def _windows(self, premise: str, room: int) -> list[str]:
        """Overlapping windows of the premise, `size` tokens each."""
        spans = self.tokenizer(premise, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
        step = room - room // OVERLAP
        starts = range(0, max(1, len(spans) - room // OVERLAP), step)
        return [premise[spans[start][0] : spans[min(start + room, len(spans)) - 1][1]] for start in starts]

    def _tokens_of(self, words: Sequence[str]) -> list[int]:
        wanted = {word.lower() for word in words}
        longest = max(map(len, wanted)) + 6
        likely = (token for piece, token in self.tokenizer.get_vocab().items() if len(piece) <= longest)
        return sorted(token for token in likely if self.tokenizer.decode([token]).strip().lower() in wanted)


def says_neither(name: str, likely: str, share: float) -> SampleError:
    """The error for an answer that begins with neither yes nor no, with its likeliest token."""
    return SampleError(
        f"{name} began its answer with {likely!r}; yes and no together had probability {share:.2g}; "
        f"at least {LEAST_SHARE:g} is required."
    )
