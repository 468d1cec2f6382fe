"""The tokenizer's part of generation: chat templates, their prefill, and decoding that keeps reasoning tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from groundeval.errors import UsageError, did_you_mean, option
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.harmony import HARMONY
from groundeval.parsing.harmony import in_usual_tags as channels_in_usual_tags
from groundeval.parsing.normalize import printable
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags, with_usual_tags
from groundeval.parsing.reasoning_formats import KNOWN_TAGS, begun_thought, tags_in
from groundeval.parsing.special_tokens import END_TOKENS
from groundeval.records import Prompt

TEMPLATE_DATE = datetime(2024, 7, 26)
"""The fixed date given to chat templates as today's, so that prompts do not change from day to day."""

_KEPT = re.compile(r"think|thought|reason|answer", re.IGNORECASE)
_NOW = re.compile(r"""strftime_now\(\s*(?:'([^']*)'|"([^"]*)")\s*\)""")
_PROBE = "q7Zk3"


class Encoded(NamedTuple):
    """A prompt in the model's tokens."""

    text: str
    ids: list[int]
    prefill: str


@dataclass(frozen=True)
class ChatFormat:
    """Conversion of prompts into tokens, and of tokens into text, for one tokenizer."""

    tokenizer: Any
    template: str | None
    """The chat template applied; None for plain text."""
    kwargs: Mapping[str, Any]
    asked_tags: ReasoningTags | None = None
    """The tags around reasoning, if the user gives them."""

    @classmethod
    def choose(cls, tokenizer: Any, options: GeneratorOptions) -> ChatFormat:
        """The format for a tokenizer; its chat template, if it has one, is applied by default.

        Raises UsageError if a requested template is missing, or an argument is not one of the template's.
        """
        template = _template_of(tokenizer)
        if options.apply_chat_template and template is None:
            raise UsageError(
                f"{option('apply_chat_template', True)}: the tokenizer of {options.model} has no chat template.\n"
                "  Leave the flag out (the prompt is then given as plain text), or use the model's chat version."
            )
        if template is None or options.apply_chat_template is False:
            if options.chat_template_kwargs:
                raise UsageError(
                    f"{option('chat_template_kwargs', **options.chat_template_kwargs)}: "
                    f"no chat template is applied to {options.model}"
                )
            return cls(tokenizer, None, {}, options.reasoning_tags)
        _check_kwargs(template, options.chat_template_kwargs)
        return cls(tokenizer, _dated(template), dict(options.chat_template_kwargs), options.reasoning_tags)

    def identity(self) -> dict[str, Any]:
        """The parts of the format that determine the texts."""
        return {
            "chat_template_applied": self.template is not None,
            "chat_template_sha256": hashlib.sha256(self.template.encode()).hexdigest() if self.template else None,
            "chat_template_kwargs": dict(self.kwargs),
        }

    def encode(self, prompt: Prompt) -> Encoded:
        """A prompt in tokens, with the start token once if the tokenizer has one."""
        if self.template is None:
            user = printable(prompt.user)
            text = user if prompt.system is None else f"{printable(prompt.system)}\n\n{user}"
            return Encoded(text, list(self.tokenizer(text, add_special_tokens=True, verbose=False).input_ids), "")
        text = self._applied(self.messages(prompt), generation=True)
        # The template has already written the special tokens, the start token among them.
        ids = list(self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)
        return Encoded(text, ids, self.prefill)

    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        """The conversation for the chat template. If it has no system turn, the system text precedes the user's."""
        user = printable(prompt.user)
        if prompt.system is None:
            return [{"role": "user", "content": user}]
        system = printable(prompt.system)
        if self._has_system_turn:
            return [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return [{"role": "user", "content": f"{system}\n\n{user}"}]

    def decode(self, prompt_ids: Sequence[int], new_ids: Sequence[int]) -> str:
        """The text that `new_ids` add after the prompt: special tokens dropped, reasoning and answer tags kept."""
        new = [token for token in new_ids if token not in self._dropped]
        # Decoded together with the prompt's end, since many tokenizers drop the space before a text's first word.
        before = [token for token in prompt_ids[-8:] if token not in self._dropped]
        head, whole = self._decoded(before), self._decoded(before + new)
        return whole[len(head) :] if whole.startswith(head) else self._decoded(new)

    @cached_property
    def reasoning_tags(self) -> ReasoningTags | None:
        """The tags around the model's reasoning: those requested, or a known pair in the template or tokenizer."""
        return self.asked_tags or tags_in(self.template or "") or tags_in(" ".join(self._special.values()))

    def in_usual_tags(self, text: str) -> str:
        """A text of the model with its own tags replaced by the usual ones, for rewards, which know no others."""
        tags = self.reasoning_tags or REASONING_TAGS
        return channels_in_usual_tags(text) if tags == HARMONY else with_usual_tags(text, tags)

    @cached_property
    def prefill(self) -> str:
        """The text that the template begins for the model: from an opened, unclosed reasoning tag on."""
        if self.template is None:
            return ""
        messages = [{"role": "user", "content": _PROBE}]
        begun = self._applied(messages, generation=True).rpartition(_PROBE)[2]
        # Even without tags to read by, the text that the template begins is part of the output.
        own = None if self.asked_tags == ReasoningTags.none() else self.asked_tags
        return begun_thought(begun, KNOWN_TAGS if own is None else (own,))

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end the model's turn: the tokenizer's end token, and the one in the template after an answer."""
        ends = set()
        if self.tokenizer.eos_token_id is not None:
            ends.add(int(self.tokenizer.eos_token_id))
        if self.template is not None:
            messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE}]
            try:
                after = self._applied(messages, generation=False).rpartition(_PROBE)[2]
            except UsageError:
                return frozenset(ends)
            for token, name in self._special.items():
                if name and after.lstrip().startswith(name) and self._ends_turn(name):
                    ends.add(token)
        return frozenset(ends)

    @cached_property
    def _has_system_turn(self) -> bool:
        """Whether the template keeps a system turn; some templates refuse it, and some leave it out."""
        messages = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "?"}]
        try:
            return _PROBE in self._applied(messages, generation=True)
        except UsageError:
            return False

    def _applied(self, messages: list[dict[str, str]], *, generation: bool) -> str:
        import jinja2

        try:
            text = self.tokenizer.apply_chat_template(
                messages,
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=generation,
                **self.kwargs,
            )
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise UsageError(
                f"the model's chat template fails: {error}\n"
                f"  Give the prompt without it: {option('apply_chat_template', False)}. "
                f"Arguments: {option('chat_template_kwargs', **self.kwargs)}"
            ) from error
        return str(text)

    @cached_property
    def _special(self) -> dict[int, str]:
        """All special tokens: ids to texts."""
        special = {int(token): "" for token in self.tokenizer.all_special_ids}
        for token, added in self.tokenizer.added_tokens_decoder.items():
            if added.special:
                special[int(token)] = str(added.content)
        return {token: name or str(self.tokenizer.convert_ids_to_tokens(token)) for token, name in special.items()}

    @cached_property
    def _dropped(self) -> frozenset[int]:
        return frozenset(token for token, name in self._special.items() if not self._is_tag(name))

    def _ends_turn(self, special: str) -> bool:
        """Whether a special token behind an answer ends the turn: neither a tag nor the end of a thought."""
        tags = self.reasoning_tags or REASONING_TAGS
        return not self._is_tag(special) or (special in END_TOKENS and special != tags.think_close)

    def _is_tag(self, special: str) -> bool:
        """Whether a special token is (a part of) a tag of reasoning or answer, which stays in the text."""
        tags = self.reasoning_tags or REASONING_TAGS
        return bool(special) and (_KEPT.search(special) is not None or any(special in tag for tag in tags.all()))

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """The text up to the first stop string, and whether there was one."""
    found = [at for at in (text.find(one) for one in stop) if at >= 0]
    return (text[: min(found)], True) if found else (text, False)


def _template_of(tokenizer: Any) -> str | None:
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("default")
    return template if isinstance(template, str) and template.strip() else None


def _dated(template: str) -> str:
    """The template with calls of today's date replaced by `TEMPLATE_DATE`."""
    return _NOW.sub(lambda call: repr(TEMPLATE_DATE.strftime(call[1] or call[2] or "")), template)


def _check_kwargs(template: str, given: Mapping[str, Any]) -> None:
    """Refuse an argument that the template does not use: it would be silently ignored."""
    import jinja2
    from jinja2 import meta
    from jinja2.ext import loopcontrols

    if not given:
        return
    try:
        # `generation` blocks are an extension of transformers and do not affect the variables.
        plain = re.sub(r"\{%-?\s*(?:end)?generation\s*-?%\}", "", template)
        known = meta.find_undeclared_variables(jinja2.Environment(extensions=[loopcontrols]).parse(plain))
    except jinja2.TemplateError:
        return
    known -= {"messages", "add_generation_prompt", "raise_exception", "strftime_now", "bos_token", "eos_token"}
    for name in given:
        if name not in known:
            guess = did_you_mean(name, known)
            raise UsageError(
                f'{option("chat_template_kwargs")}: the model\'s chat template does not use "{name}".{guess}\n'
                f"  It uses: {', '.join(sorted(known)) or 'no arguments'}"
            )
