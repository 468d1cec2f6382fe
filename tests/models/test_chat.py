from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import CHATML, REASONING, byte_level

from groundeval.errors import UsageError
from groundeval.models.chat import ChatFormat, cut_at_stop
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags
from groundeval.records import Example, Prompt, Response

Format = Callable[..., ChatFormat]


@pytest.fixture
def chat_format(tiny: Callable[..., Path]) -> Format:
    def made(template: str | None, **options: Any) -> ChatFormat:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(tiny(template))
        return ChatFormat.choose(tokenizer, GeneratorOptions("tiny", **options))

    return made


def test_a_chat_template_is_applied_by_default_and_begins_the_answer(chat_format: Format) -> None:
    encoded = chat_format(CHATML).encode(Prompt("x", "Hi", system="Be kind."))
    assert encoded.text == (
        "<s><|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_without_the_template_the_prompt_is_plain_text(chat_format: Format) -> None:
    assert chat_format(CHATML, apply_chat_template=False).encode(Prompt("x", "Hi")).text == "Hi"
    assert chat_format(None).encode(Prompt("x", "Hi", system="Be kind.")).text == "Be kind.\n\nHi"


@pytest.mark.parametrize("template", [CHATML, None])
def test_the_start_token_is_there_exactly_once(chat_format: Format, template: str | None) -> None:
    form = chat_format(template)
    ids = form.encode(Prompt("x", "Hi")).ids
    assert ids[0] == form.tokenizer.bos_token_id
    assert ids.count(form.tokenizer.bos_token_id) == 1


def test_asking_for_a_template_that_is_not_there_is_an_error(chat_format: Format) -> None:
    with pytest.raises(UsageError, match="tiny has no chat template"):
        chat_format(None, apply_chat_template=True)
    with pytest.raises(UsageError, match="no chat template is applied"):
        chat_format(None, chat_template_kwargs={"enable_thinking": False})


def test_a_misspelt_template_argument_is_an_error_with_the_nearest_match(chat_format: Format) -> None:
    with pytest.raises(UsageError, match=r'does not use "enable_thinkin"\. Did you mean "enable_thinking"'):
        chat_format(REASONING, chat_template_kwargs={"enable_thinkin": False})


def test_a_thought_that_the_template_begins_is_known(chat_format: Format) -> None:
    assert chat_format(REASONING).prefill == "<think>\n"
    assert chat_format(REASONING).encode(Prompt("x", "I <think> so")).prefill == "<think>\n"


def test_a_thought_that_the_template_also_closes_is_no_prefill(chat_format: Format) -> None:
    form = chat_format(REASONING, chat_template_kwargs={"enable_thinking": False})
    assert form.encode(Prompt("x", "Hi")).text.endswith("</think>\n\n")
    assert form.prefill == ""


@pytest.mark.parametrize("opening", ["[THINK]", "<|begin_of_thought|>", "<reasoning>", "◁think▷"])
def test_other_reasoning_tags_are_known(chat_format: Format, opening: str) -> None:
    template = CHATML.replace("assistant\n{% endif %}", "assistant\n" + opening + "{% endif %}")
    assert chat_format(template).prefill == opening


def test_a_model_without_system_turn_gets_the_system_text_in_front_of_the_users(chat_format: Format) -> None:
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
    ignoring = CHATML.replace(
        "{% for message in messages %}", "{% for message in messages if message.role != 'system' %}"
    )
    for template in (refusing, ignoring):
        text = chat_format(template).encode(Prompt("x", "Hi", system="Be kind.")).text
        assert "<|im_start|>user\nBe kind.\n\nHi<|im_end|>" in text


def test_a_template_that_asks_for_the_date_gets_the_same_one_every_day(chat_format: Format) -> None:
    text = chat_format("Today: {{ strftime_now('%d %b %Y') }}\n" + CHATML).encode(Prompt("x", "Hi")).text
    assert text.startswith("Today: 26 Jul 2024\n")


def test_a_broken_template_is_a_usage_error(chat_format: Format) -> None:
    with pytest.raises(UsageError, match="chat template fails"):
        chat_format("{{ messages[0]['content'] }}{{ raise_exception('never') }}").encode(Prompt("x", "Hi"))


def test_control_characters_and_lone_surrogates_reach_no_tokenizer(chat_format: Format) -> None:
    assert "a\ufffd b" in chat_format(CHATML).encode(Prompt("x", "a\ud800\x00b")).text


def test_decoding_keeps_the_tags_and_drops_other_special_tokens(chat_format: Format) -> None:
    form = chat_format(CHATML)
    text = "<think>Is it [1]?</think> <answer>Yes, ß.</answer>"
    ids = form.tokenizer("<|im_start|>" + text + "<|im_end|></s>", add_special_tokens=False).input_ids
    assert form.decode(form.encode(Prompt("x", "Hi")).ids, ids) == text


def test_the_space_before_the_first_word_is_kept(chat_format: Format) -> None:
    form = chat_format(None)
    prompt = form.encode(Prompt("x", "Answer:")).ids
    assert form.decode(prompt, form.tokenizer(" Paris", add_special_tokens=False).input_ids) == " Paris"


def test_the_tokens_that_end_a_turn_are_those_of_tokenizer_and_template(chat_format: Format) -> None:
    form = chat_format(CHATML)
    assert {form.tokenizer.decode([token]) for token in form.end_tokens} == {"</s>", "<|im_end|>"}
    assert {form.tokenizer.decode([token]) for token in chat_format(None).end_tokens} == {"</s>"}


def test_the_identity_tells_templates_and_their_arguments_apart(chat_format: Format) -> None:
    forms = [
        chat_format(CHATML),
        chat_format(REASONING),
        chat_format(REASONING, chat_template_kwargs={"enable_thinking": False}),
        chat_format(CHATML, apply_chat_template=False),
    ]
    assert len({str(form.identity()) for form in forms}) == len(forms)


def test_text_is_cut_at_the_first_stop_string() -> None:
    assert cut_at_stop("one\n\nQuestion: two Question:", ("Question:", "\n\n")) == ("one", True)
    assert cut_at_stop("one", ("two",)) == ("one", False)


def test_the_reasoning_tags_are_those_asked_for_or_those_that_the_template_names(chat_format: Format) -> None:
    own = ReasoningTags("<ponder>", "</ponder>")
    assert chat_format(CHATML.replace("assistant\n{%", "[THINK]x[/THINK]{%")).reasoning_tags == ReasoningTags(
        "[THINK]", "[/THINK]"
    )
    assert chat_format(REASONING).reasoning_tags == REASONING_TAGS
    assert chat_format(REASONING, reasoning_tags=own).reasoning_tags == own


def test_a_thought_begun_with_the_tags_asked_for_is_known(chat_format: Format) -> None:
    template = CHATML.replace("assistant\n{% endif %}", "assistant\n<ponder>\n{% endif %}")
    assert chat_format(template).prefill == ""
    assert chat_format(template, reasoning_tags=ReasoningTags("<ponder>", "</ponder>")).prefill == "<ponder>\n"


HARMONY_SPECIAL = ["<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>"]
HARMONY_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}"
    "{% if message['role'] == 'assistant' %}<|channel|>final{% endif %}<|message|>{{ message['content'] }}"
    "{{ '<|return|>' if loop.last and message['role'] == 'assistant' else '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
GEMMA_SPECIAL = ["<|turn>", "<turn|>", "<|channel>", "<channel|>"]
GEMMA_TEMPLATE = (
    "{% for message in messages %}<|turn>{{ message['role'] }}\n{{ message['content'] }}<turn|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn>model\n{% if not enable_thinking | default(true) %}<|channel>thought\n"
    "<channel|>{% endif %}{% endif %}"
)


def of_tokens(special: list[str], template: str, eos: str, **options: Any) -> ChatFormat:
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_object=byte_level(special), eos_token=eos)
    fast.chat_template = template
    return ChatFormat.choose(fast, GeneratorOptions("tiny", **options))


def test_channels_of_gpt_oss_are_kept_when_decoding_and_read_as_reasoning_and_answer() -> None:
    form = of_tokens(HARMONY_SPECIAL, HARMONY_TEMPLATE, "<|return|>")
    assert form.reasoning_tags == ReasoningTags.harmony()
    prompt = form.encode(Prompt("x", "Hi"))
    assert (prompt.text[-18:], prompt.prefill) == ("<|start|>assistant", "")
    text = (
        "<|channel|>analysis<|message|>It is old.<|end|><|start|>assistant<|channel|>final<|message|>Yes [1].<|return|>"
    )
    decoded = form.decode(prompt.ids, form.tokenizer(text, add_special_tokens=False).input_ids)
    response = Response.build(Example("0", "?"), decoded, tags=form.reasoning_tags)
    assert (response.reasoning, response.text) == ("It is old.", "Yes [1].")
    assert form.in_usual_tags(decoded) == "<think>It is old.</think>Yes [1]."
    assert {form.tokenizer.decode([token]) for token in form.end_tokens} == {"<|return|>"}, "<|end|> ends a thought"


def test_the_channel_of_gemma_is_kept_when_decoding_and_read_as_reasoning() -> None:
    form = of_tokens(GEMMA_SPECIAL, GEMMA_TEMPLATE, "<turn|>")
    assert form.reasoning_tags == ReasoningTags("<|channel>thought", "<channel|>")
    ids = form.tokenizer("<|channel>thought\nHm.\n<channel|>Yes.<turn|>", add_special_tokens=False).input_ids
    decoded = form.decode(form.encode(Prompt("x", "Hi")).ids, ids)
    assert decoded == "<|channel>thought\nHm.\n<channel|>Yes."
    response = Response.build(Example("0", "?"), decoded, tags=form.reasoning_tags)
    assert (response.reasoning, response.text) == ("Hm.", "Yes.")
    assert form.prefill == ""
    without = of_tokens(GEMMA_SPECIAL, GEMMA_TEMPLATE, "<turn|>", chat_template_kwargs={"enable_thinking": False})
    assert without.prefill == "", "a thought that the template also closes"
