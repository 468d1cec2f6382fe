"""Reasoning marks of model families, and texts that only mention such marks."""

from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given

from groundeval.parsing.harmony import HARMONY, in_usual_tags
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags, tags_from
from groundeval.parsing.reasoning_formats import (
    KNOWN_FORMATS,
    KNOWN_TAGS,
    begun_thought,
    tags_in,
    tags_of_model,
    tags_of_text,
)
from groundeval.records import Example, Response

ANSWER = "Paris is large [1]."
THOUGHT = "The documents say so.\n\nDone."
CHANNELS = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"
WRITTEN = {
    "gpt-oss": CHANNELS + "<|return|>",
    "gpt-oss, cut before the end token": CHANNELS,
    "gpt-oss behind its header": "<|start|>assistant" + CHANNELS + "<|return|>",
    "gpt-oss, role tokens dropped": CHANNELS.replace("<|start|>", ""),
    "gpt-oss, begun by the template": "{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
    "gpt-oss with a constrained answer": CHANNELS.replace("final<|message|>", "final <|constrain|>json<|message|>"),
    "gpt-oss with a preamble": CHANNELS.replace(
        "<|end|>", "<|end|><|start|>assistant<|channel|>commentary<|message|>Let me see.<|end|>", 1
    ),
    "gpt-oss without special tokens": "analysis{}assistantfinal{}",
    "gpt-oss without special tokens, role first": "assistantanalysis{}assistantfinal{}",
    "Magistral": "[THINK]{}[/THINK]{}",
    "Magistral, begun by the template": "{}[/THINK]\n\n{}",
    "Seed-OSS": "<seed:think>{}</seed:think>{}",
    "Gemma": "<|channel>thought\n{}\n<channel|>{}",
    "Command A": "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "OpenThinker": "<|begin_of_thought|>\n\n{}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>{}<|end_of_solution|>",
    "Kimi-VL": "◁think▷{}◁/think▷{}",
    "thinking": "<thinking>\n{}\n</thinking>\n\n{}",
    "Reflection": "<thinking>{}</thinking><output>{}</output>",
    "EXAONE": "\n<thought>\n{}\n</thought>\n{}",
    "Marco": "<Thought>{}</Thought><Output>{}</Output>",
    "reasoning": "<reasoning>{}</reasoning>\n<answer>{}</answer>",
    "Granite 3.2": "Here is my thought process:\n{}\nHere is my response:\n{}",
    "Granite 3.3": "<think>{}</think>\n<response>{}</response>",
    "DeepSeek-R1": "<think>\n{}\n</think>\n\n{}",
    "DeepSeek-R1, begun by the template": "{}\n</think>\n\n{}",
    "Hunyuan": "<think>{}</think>\n<answer>{}</answer>",
}


def read(text: str, tags: ReasoningTags | None = None) -> Response:
    return Response.build(Example("0", "?"), text, tags=tags)


@pytest.mark.parametrize("family", WRITTEN)
def test_reasoning_and_answer_are_told_apart_by_the_form_of_a_text(family: str):
    response = read(WRITTEN[family].format(THOUGHT, ANSWER))
    assert response.text.strip() == ANSWER
    assert (response.reasoning or "").startswith(THOUGHT)
    assert response.status == "ok"
    usual = "think>" in WRITTEN[family].replace("seed:think>", "")
    assert (response.guessed is None) is usual, "whatever is not <think> is a guess"


@pytest.mark.parametrize("family", [name for name in WRITTEN if "begun" not in name])
def test_a_thought_that_never_ends_leaves_no_answer(family: str):
    begun = WRITTEN[family].partition("{}")[0]
    tags = tags_of_text(WRITTEN[family].format(THOUGHT, ANSWER))
    response = read(begun + THOUGHT, tags)
    assert (response.text, response.status, response.reasoning) == ("", "unclosed_reasoning", THOUGHT)
    if "without" not in family and "Granite 3.2" not in family:
        assert read(begun + THOUGHT).status == "unclosed_reasoning", "its opening tag says so"


@pytest.mark.parametrize(
    "text",
    [
        "The analysis shows that Paris is large [1].",
        "analysis shows that the assistantfinal of the talk is odd [1].",
        "Analysis: Paris is large [1], as an assistantfinal would say.",
        "analysis of the documents [1]",
        "analysisWe see that it is large [1].",
        "It writes <|channel|>analysis<|message|> before thoughts, <|channel|>final<|message|> after them [1].",
        "The tag [THINK] begins a thought and [/THINK] ends it [1].",
        "A thought ends with [/THINK] in this format [1].",
        "Write `</reasoning>` behind the reasoning [1].",
        'It prints "</thinking>" then [1].',
        "His <thought> was </thought> odd [1].",
        "Here is my thought process: Paris is large [1].",
        "My answer. Here is my response: Paris [1].",
        "The final answer is Paris [1].",
        "finalParis [1]",
        "Thinking of it, Paris is large [1]. <|end|>",
        "<b>Paris</b> <reasons> [1]",
        "<reason>It is large.</reason> Paris [1].",
        "",
    ],
)
def test_a_text_that_talks_about_such_words_is_its_own_answer(text: str):
    response = read(text)
    assert (response.text, response.reasoning, response.guessed) == (text, None, None)


@given(any_text)
def test_texts_without_marks_are_read_as_before(text: str):
    plain = text.replace("<", "(").replace("[", "(").replace("◁", "(")
    if not plain.lstrip().startswith(("analysis", "assistantanalysis", "Here is my")):
        assert read(plain) == read(plain, REASONING_TAGS)
    assert read(text, REASONING_TAGS).guessed is None


@given(any_text)
def test_no_text_makes_reading_raise_and_no_reading_invents_text(text: str):
    for tags in (*KNOWN_TAGS, None):
        response = read(text, tags)
        assert response.text in text


def test_the_last_final_message_is_the_answer_and_tool_calls_are_not():
    call = "<|start|>assistant to=functions.find<|channel|>commentary json<|message|>{}<|call|>"
    text = (
        CHANNELS.format("a", "b") + "<|end|>" + call + "<|start|>assistant" + CHANNELS.format("c", "d") + "<|return|>"
    )
    assert in_usual_tags(text) == "<think>a\n{}\nc</think>d"
    assert in_usual_tags("<|channel|>final<|message|>d<|return|>") == "d"
    assert in_usual_tags("finalParis [1].") == "Paris [1]."
    assert in_usual_tags("finally, Paris") == "finally, Paris"
    assert in_usual_tags("<think>a</think>b") == "<think>a</think>b", "a server's parser was there before"
    assert in_usual_tags("<|channel|>analysis") == "<think>"


@pytest.mark.parametrize("known", KNOWN_FORMATS)
def test_a_chat_template_shows_the_format_of_its_model(known):
    signs = known.signs or (known.tags.think_open, known.tags.think_close)
    found = tags_in("{% if x %}" + " ... ".join(signs))
    # Those that share the tags of reasoning are told apart by the text.
    assert found is not None
    if known.tags.think_open not in ("<think>", "<thinking>"):
        assert found == known.tags
    assert tags_in("{{ messages }} <|im_start|>assistant") is None


@pytest.mark.parametrize(
    ("model", "opening"),
    [
        ("openai/gpt-oss-20b", HARMONY.think_open),
        ("gpt-oss:120b", HARMONY.think_open),
        ("mistralai/Magistral-Small-2509", "[THINK]"),
        ("ByteDance-Seed/Seed-OSS-36B-Instruct", "<seed:think>"),
        ("google/gemma-4-E4B-it", "<|channel>thought"),
        ("CohereLabs/command-a-reasoning-08-2025", "<|START_THINKING|>"),
        ("open-thoughts/OpenThinker-7B", "<|begin_of_thought|>"),
        ("moonshotai/Kimi-VL-A3B-Thinking", "◁think▷"),
        ("LGAI-EXAONE/EXAONE-Deep-7.8B", "<thought>"),
    ],
)
def test_a_models_name_suggests_its_format(model: str, opening: str):
    tags = tags_of_model(model)
    assert tags is not None
    assert tags.think_open == opening


@pytest.mark.parametrize("model", ["gpt-4o", "Qwen/Qwen3-8B", "google/gemma-3-4b-it", "mistral-small", "command-r"])
def test_other_names_suggest_nothing(model: str):
    assert tags_of_model(model) is None


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("Q?<think>\n", "<think>\n"),
        ("Q?[THINK]", "[THINK]"),
        ("Q?<|channel>thought\n", "<|channel>thought\n"),
        ("Q?<think>\n\n</think>\n\n", ""),
        ("Q?", ""),
    ],
)
def test_what_a_prompt_begins_is_the_text_from_its_open_tag_on(prompt: str, begun: str):
    assert begun_thought(prompt) == begun


@pytest.mark.parametrize("tags", KNOWN_TAGS)
def test_tags_are_named_as_they_are_given(tags: ReasoningTags):
    assert tags_from(tags.words.split(","), "here") == tags
    assert tags_from(["none"], "here") == ReasoningTags.none()
    assert ReasoningTags.none().words == "none"


def test_a_closing_tag_in_a_block_of_code_ends_no_thought():
    quoted = "A thought ends with this tag:\n\n```\n</thinking>\n```\nThen comes the answer [1]."
    assert tags_of_text(quoted) == REASONING_TAGS
    ended = "The code is\n```\nx = 1\n```\nSo x is one.\n</thinking>\nx is 1 [1]."
    assert tags_of_text(ended).think_close == "</thinking>"
