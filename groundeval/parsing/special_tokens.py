"""The special tokens of chat models as text: those that end a turn or pad a batch, and the shapes that others have.

Decoding keeps them in many trainers. They are not part of an answer, wherever one is read: the adapters of trainers
delete them behind a completion, and the profile `strict` shows none to its reader.
"""

from __future__ import annotations

import re

END_TOKENS = (
    # Llama 2 and 3, Mistral, Gemma, T5, ERNIE
    "</s>", "<eos>", "<pad>", "<PAD>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|finetune_right_pad_id|>",
    "<end_of_turn>", "<turn|>", "<|end_of_sentence|>",
    # Llama 4, Apertus
    "<|eot|>", "<|eom|>", "<|finetune_right_pad|>", "<|assistant_end|>",
    # Qwen, Yi, InternLM, SmolLM, LFM, Nemotron and others that write ChatML
    "<|im_end|>", "<|endoftext|>", "<|pad|>", "<|vision_pad|>", "<|PAD_TOKEN|>", "<|fim_pad|>", "<SPECIAL_11>",
    "<SPECIAL_12>",
    # DeepSeek
    "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<|EOT|>",
    # gpt-oss and Phi
    "<|return|>", "<|end|>", "<|call|>", "<|dummy_85|>",
    # Command A and R, Aya
    "<|END_OF_TURN_TOKEN|>", "<EOS_TOKEN>",
    # GLM, where the next speaker's token ends a turn; Ling
    "<|user|>", "<|observation|>", "<|role_end|>",
    # Hunyuan
    "<|eos|>", "<｜hy_place▁holder▁no▁2｜>",
    # EXAONE, HyperCLOVA X
    "[|endofturn|]", "<|endofturn|>", "<|stop|>",
    # Kimi, MiniMax, Seed, dots, Falcon, OpenChat, Solar, Grok
    "[EOS]", "[PAD]", "[e~[", "<end_of_sentence>", "<seed:eos>", "<seed:pad>", "<|endofassistant|>",
    "<|endofresponse|>", "<|end_of_turn|>", "<|padding|>", "<|flush|>", "<|separator|>",
)  # fmt: skip
"""What ends a model's turn or pads it, as it is written; upper and lower case differ."""

_SHAPES = (
    r"<\|[^<>|\n]{0,40}\|>|</?s>|<(?:pad|unk|bos|eos|mask|cls|sep|extra_id_\d{1,3}|(?:start|end)_of_turn)>"
    r"|<｜[^<>\n]{1,40}｜>|(?-i:\[/?INST\]|\[(?:CLS|SEP|PAD|MASK|UNK)\])|<</?SYS>>"
)
_SHAPED = re.compile(_SHAPES, re.IGNORECASE)
_UNSHAPED = "|".join(re.escape(token) for token in END_TOKENS if not _SHAPED.fullmatch(token))
"""Without those that have one of the shapes: what can be read in two ways is tried in all ways that there are."""
SPECIAL_TOKEN = rf"{_SHAPES}|(?-i:{_UNSHAPED})"
"""A pattern for any special token, for use with IGNORECASE."""

_END = re.compile(rf"(?:(?:{'|'.join(map(re.escape, END_TOKENS))})\s*)+\Z")
_WINDOW = 2_000


def without_end_tokens(text: str) -> str:
    """The text without the end-of-turn and padding tokens behind it, and the white space among and behind those.

    Tokens inside the text stay, and so do the tags of reasoning and answer.
    """
    return without_ending(text, _END)


def without_ending(text: str, ending: re.Pattern[str]) -> str:
    """The text without the special tokens that a pattern, which must end in `\\Z`, finds at its end, as often as it
    finds something."""
    # Only the end is searched: a pattern anchored there would be tried at every place of a long text.
    while _may_end_in_token(text) and (found := ending.search(text[-_WINDOW:])):
        text = text[: -len(found[0])]
    return text


def _may_end_in_token(text: str) -> bool:
    """Whether a text ends as tokens do, `>`, `[` or `]`; a citation, `[2]`, does not."""
    end = text[-_WINDOW:].rstrip()[-2:]
    return end.endswith((">", "[")) or (end.endswith("]") and not end[:1].isdigit())
