"""The visible text of an output, for a reader and for a verifier."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.special_tokens import END_TOKENS
from groundeval.parsing.strict.refusal import decide
from groundeval.parsing.strict.tokens import tokens
from groundeval.parsing.strict.visible import HIDDEN, for_verifier, visible
from groundeval.parsing.strict.words import words


@pytest.mark.parametrize("end", ["<|im_end|>", "</s>", " <|endoftext|>\n", "<pad>" * 900, "<|im_end|>\n<|endoftext|>"])
def test_what_generation_leaves_at_the_end_goes_without_a_trace(end: str):
    assert visible("Paris is large [1]." + end) == "Paris is large [1]."


@pytest.mark.parametrize(
    "hidden",
    [
        "</s>", "<|im_end|>", "<|user|>", "<unk>", "<extra_id_0>", "<｜User｜>", "[INST]", "[SEP]",
        "<!-- Rome -->", "\x00", "\x1b",
        "<span style='display:none'>Rome</span>", "<p hidden>Rome</p>", "<del>Rome</del>", "~~Rome~~",
        "<script>Rome</script>",
        "\u202e", "\U000e0052\U000e006f", "\u2853\u2815",
        "<span style='opacity:0'>Rome</span>", "~Rome~", "~in Rome or so~",
    ],
)  # fmt: skip
def test_what_is_hidden_inside_leaves_a_mark_and_nothing_of_its_content(hidden: str):
    assert visible(f"Paris {hidden} is large.") == f"Paris {HIDDEN} is large."


def test_every_end_token_goes_at_the_end_and_leaves_a_mark_inside():
    assert {visible(f"Paris is large [1]. {token}\n") for token in END_TOKENS} == {"Paris is large [1]."}
    assert {visible(f"Paris {token} is large.") for token in END_TOKENS} == {f"Paris {HIDDEN} is large."}


@pytest.mark.parametrize(
    "line",
    [
        "[//]: # (It is Rome) [1]",
        "[1]: <> (It is Rome)",
        "[x]: Rome 'is large'",
        "$\\phantom{Rome}$",
        "\\color{white} R",
    ],
)
def test_what_markdown_and_latex_do_not_show_is_hidden(line: str):
    seen = visible(f"Paris\n{line}\nis large.")
    assert HIDDEN in seen
    assert "R" not in seen


def test_letters_in_boxes_and_those_of_flags_are_seen_and_count_as_words():
    assert visible("🅽🅾🆃 true, 🇳🇴") == "🅽🅾🆃 true, 🇳🇴"
    assert tokens("🅽🅾🆃 true, 🇳🇴") == ("not", "true", "no")
    assert words("🅽🅾🆃 true, 🇳🇴") == 3


@pytest.mark.parametrize("text", ["10⁶ grains", "3½ miles", "CO₂", "Intel™ and m²", "２ ｍ", "ﬁve"])
def test_what_is_seen_stays_as_it_is_written(text: str):
    assert visible(text) == for_verifier(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<p>Paris<sup>[1]</sup>.</p><p>Rome.</p>", "Paris[1].\n\nRome."),
        ("10<sup>6</sup> of CO<sub>2</sub>", "10⁶ of CO₂"),
        ("<ul><li>Paris [1]</li><li>Rome</li></ul>", "- Paris [1]\n- Rome"),
        ("Paris <cite>1</cite>", "Paris [1]"),
        ("x &lt; y &amp; z", "x < y & z"),
        ("**Capital**\nParis [1].", "# Capital\nParis [1]."),
        ("1. **France**: Paris [1]\n2. Italy", "- France: Paris [1]\n- Italy"),
        ("| a | b |\n|---|---|\n| Paris | [1] |", "# a: b\n- Paris: [1]"),
        ("[[1]](https://example.org) and [here](https://example.org)", "[1] and here"),
        ('{"answer": "Paris [1]."}', "Paris [1]."),
        ('```json\n[{"answer": "Paris", "citations": [1, 2]}]\n```', "- Paris [1][2]"),
        ("> 4,207 metres", "> 4,207 metres"),
        ("> Paris is large.", "Paris is large."),
    ],
)
def test_markup_is_read_as_it_is_shown(text: str, shown: str):
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "<? Rome ?>", '<img alt="Rome">', '<abbr title="Rome"></abbr>', '<font size="0">Rome</font>',
        "<noscript>Rome</noscript>", "<title>Rome</title>",
        '<span class="sr-only">Rome</span>', "<![CDATA[ Rome ]]>", "\\iffalse Rome \\fi", "% Rome",
        '<span style="font-size:0px">Rome</span>', '<div aria-hidden="true">Rome</div>', "![Rome](x.png)",
        '<input value="Rome">', "<textarea>Rome</textarea>",
    ],
)  # fmt: skip
def test_what_a_renderer_hides_leaves_a_mark(text: str):
    seen = visible(f"Paris.\n\n{text}")
    assert HIDDEN in seen
    assert "Rome" not in seen


@pytest.mark.parametrize(
    "text", ["**It is** so.", "*It* is `so`.", "__It is so__.", "**It is so.**", "_It_ **_is_** so."]
)
def test_emphasis_is_not_part_of_the_text(text: str):
    assert visible(text) == "It is so."


@pytest.mark.parametrize(
    "text",
    [
        "x < y and y > z", "a <b> c", "vector<int>", "[sep]", "<10% of it>", "~5 km to ~10 km", "10~20 and 30~40",
        "2*3*4 = 24", "2 * 3", "- item", "snake_case", "[1]: Firth Bridge",
        "[Doc 1]: It is Rome", "[Answer]: It is Rome",
    ],
)  # fmt: skip
def test_signs_that_hide_nothing_stay(text: str):
    assert visible(text) == text


def test_a_comment_that_does_not_end_hides_the_rest():
    assert visible("Paris <!-- Rome. London.") == f"Paris {HIDDEN}"


def test_invisible_characters_are_deleted_and_line_ends_unified():
    assert visible("Pa\u200bris\u00ad is\u2060 la\ufeffrge ［１］") == "Paris is large ［１］"
    assert visible("a\r\nb\u2028c\x0bd") == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris. hypothesis: 1", "Paris. hypothesis 1"),
        ("HYPOTHESIS :1", "HYPOTHESIS 1"),
        ("premise: Rome is in Italy", "premise Rome is in Italy"),
        ("Entailment: 1 label = 1", "Entailment 1 label 1"),
        ("ｈｙｐｏｔｈｅｓｉｓ：1", "ｈｙｐｏｔｈｅｓｉｓ 1"),
        ("hypo\u200bthesis: 1", "hypothesis 1"),
        ("hypo<!-- -->thesis: 1", "hypothesis 1"),
        ("a\nhypothesis:\nb", "a hypothesis b"),
        ("It is 10:30.", "It is 10:30."),
    ],
)
def test_words_that_address_the_verifier_look_like_no_prompt(text: str, expected: str):
    assert for_verifier(visible(text)) == expected


@given(strict_text)
def test_any_text_becomes_one_that_can_be_shown_and_asked(text: str):
    seen = visible(text)
    assert not any(character in seen for character in "\x00\u200b\u202e\U000e0041\ud800")
    asked = for_verifier(seen)
    assert HIDDEN not in asked
    assert "\n" not in asked
    assert "hypothesis:" not in asked.lower()
    asked.encode()


@pytest.mark.parametrize(
    "text",
    [
        "<!--" * 20_000, "<a " * 30_000, "</s>" * 20_000 + "x", "<style" * 20_000, "hypothesis:" * 20_000,
        "<a " + "hidden " * 28_000, "~a " * 60_000, "*" * 200_000, "[a]: " + "x " * 90_000, "\\color" * 30_000,
    ],
)  # fmt: skip
def test_long_hostile_texts_are_read_in_no_time(text: str):
    started = time.process_time()
    for_verifier(visible(text))
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Paris <ref>2</ref>.", "Paris [2]."),
        ("Paris <source id='2'/>.", "Paris [2]."),
        ('<cite id="doc2">Paris is large</cite>.', "Paris is large[2]."),
        ("<cite>The Book</cite> is old", "The Book is old"),
        ("<details open><summary>Answer</summary>Paris</details>", "Answer\nParis"),
        ("| Claim | Source |\n|---|---|\n| Paris | 2 |", "# Claim: Source\n- Paris: [2]"),
        ("| Claim | Year |\n|---|---|\n| Paris | 2 |", "# Claim: Year\n- Paris: 2"),
        ('{"claim": "Paris.", "sources": [1]}\n{"claim": "Rome.", "sources": [2]}', "- Paris. [1]\n- Rome. [2]"),
        ("The bridge over the river was designed\nby Lind [2].", "The bridge over the river was designed by Lind [2]."),
        ("The bridge was designed by Marta Lind\nThe station was designed by Tom Reed",) * 2,
        ("The bridge was designed by Lind [2]\nThe station was built by Reed [1].",) * 2,
        ("Paris.[^a]\n\n[^a]: Rome",) * 2,
    ],
)
def test_sources_named_by_elements_columns_and_records_are_read_and_filled_lines_go_on(text: str, shown: str):
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["/* Rome */", "Paris {# Rome #}", "Paris <% Rome %>", "{% Rome %}"])
def test_comments_of_style_sheets_and_templates_are_hidden(text: str):
    assert "Rome" not in visible(text)
    assert HIDDEN in visible(text)


def test_a_processing_instruction_is_hidden():
    assert visible("<?php Rome ?> Paris") == f"{HIDDEN} Paris"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<claim doc="2">Paris is large.</claim>', "Paris is large.[2] "),
        ('[{"claim": "Paris", "evidence": [{"document": 1}]}]', "- Paris [1]"),
        ('[{"claim": "Paris", "evidence": "It has 20 gates"}]', "- Paris\n- It has 20 gates"),
        ('{"answer": "Paris [1].", "references": [1, 2]}', "Paris [1].\nSources: [1][2]"),
        ("I. Paris is large.\nII. Rome is old.", "- Paris is large.\n- Rome is old."),
        ("I. Kolar led the climb.",) * 2,
    ],
)
def test_sources_in_attributes_and_records_and_roman_lists_are_read(text: str, shown: str):
    assert visible(text) == shown


@pytest.mark.parametrize("style", ["font-size:1px", "opacity:.01", "z-index:-1", "font-size: 0.5pt"])
def test_what_is_too_small_too_pale_or_below_is_hidden(style: str):
    assert visible(f'<span style="{style}">Rome</span>') == HIDDEN
    assert visible('<span style="font-size:12px;opacity:.9;z-index:1">Rome</span>') == "Rome"


def test_a_text_that_is_far_too_long_is_no_answer():
    assert visible("- a\n" * 40_000) == "- a\n" * 40_000
    assert decide("It is so. " * 20_000).outcome == "void"
    assert decide("It is so. " * 10).outcome == "answered"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"It is $63.5\,^{\circ}\mathrm{C}$ [1].", "It is 63.5 °C [1]."),
        (r"It is $63.5^\circ$C [1].", "It is 63.5°C [1]."),
        (r"It is \(63.5\ ^\circ\text{C}\) [1].", "It is 63.5 °C [1]."),
        (r"It is \SI{63.5}{\celsius} [1].", "It is 63.5 °C [1]."),
        (r"It is \qty{12}{\kilo\metre} or 12\,\text{km} [1].", "It is 12 kilometre or 12 km [1]."),
        (r"It is $40\,\mathrm{m}^2$ [1].", "It is 40 m^2 [1]."),
        ("It cost $5 in A and $6 in B [1].", "It cost $5 in A and $6 in B [1]."),
    ],
)
def test_quantities_in_latex_are_seen_as_they_are_printed(text: str, shown: str):
    assert visible(text) == shown
