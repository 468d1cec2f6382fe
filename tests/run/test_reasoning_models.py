"""Outputs of reasoning models: from recorded outputs to statuses, reasoning and scored text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_cases import Cli, Counting, lines_of, records, write

from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags
from groundeval.records import Example, Response
from groundeval.run.responses import sample_hash

ANSWER = "City {n} is old [1]."
OUTPUTS = {
    "closed": ("<think>It is old.</think>\n\n" + ANSWER, "ok", ANSWER),
    "none": (ANSWER, "ok", ANSWER),
    "unclosed": ("<think>It is old. " + ANSWER, "unclosed_reasoning", ""),
    "nested": ("<think>a <think>b</think> c</think>" + ANSWER, "ok", ANSWER),
    "several": ("<think>a</think>" + ANSWER + " <think>b</think>It is large [2].", "ok", ANSWER + " It is large [2]."),
    "answer tags": ("<think>a</think> So: <answer>" + ANSWER + "</answer> done", "ok", ANSWER),
    "answer in thought": ("<think><answer>No.</answer></think>" + ANSWER, "ok", ANSWER),
    "only thought": ("<think>a</think>", "empty", ""),
}
NAMES = tuple(OUTPUTS)
OTHER = {"<think>": "<reason>", "</think>": "</reason>"}


def renamed(text: str) -> str:
    for old, new in OTHER.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data.json", records(len(OUTPUTS)))


def run(cli: Cli, tmp_path: Path, data: Path, texts: list[str], *flags: object) -> Any:
    outputs = [{"id": f"q{n}", "output": text.replace("{n}", str(n))} for n, text in enumerate(texts)]
    model = write(tmp_path / "m.json", outputs)
    what = ("run", "--model", model, "--backend", "replay", "--tasks", "asqa", "--nli", "lexical", "--json")
    return cli(*what, "--data", data, "--output-path", tmp_path / "runs", *flags).json


def test_recorded_outputs_are_split_as_documented(cli: Cli, data: Path, tmp_path: Path):
    found = run(cli, tmp_path, data, [text for text, _, _ in OUTPUTS.values()])
    assert found["statuses"] == {"empty": 1, "ok": 6, "unclosed_reasoning": 1}
    lines = lines_of(Path(found["run_folder"]) / "generations.jsonl")
    assert {name: line["status"] for name, line in zip(NAMES, lines, strict=True)} == {
        name: status for name, (_, status, _) in OUTPUTS.items()
    }
    assert [line["raw"] for line in lines] == [
        text.replace("{n}", str(n)) for n, (text, _, _) in enumerate(OUTPUTS.values())
    ], "the reasoning is kept"
    [scores] = Path(found["run_folder"]).glob("scores/*/scores.jsonl")
    for number, line in enumerate(lines_of(scores)):
        answer = OUTPUTS[NAMES[number]][2].replace("{n}", str(number))
        assert line["values"]["length"] == sum(1 for word in answer.split() if not word.startswith("[")), NAMES[number]


def test_other_tags_give_what_the_usual_ones_do(cli: Cli, data: Path, tmp_path: Path):
    usual = run(cli, tmp_path, data, [text for text, _, _ in OUTPUTS.values()])
    other = run(
        cli,
        tmp_path,
        data,
        [renamed(text) for text, _, _ in OUTPUTS.values()],
        "--reasoning-tags",
        "<reason>,</reason>",
    )
    assert other["metrics"] == usual["metrics"]
    assert other["statuses"] == usual["statuses"]
    manifest = json.loads((Path(other["run_folder"]) / "manifest.json").read_text())
    assert manifest["identity"]["reasoning_tags"] == ["<reason>", "</reason>", "<answer>", "</answer>"]


READ_USUAL, READ_OTHER = ("--reasoning-tags", "<think>,</think>"), ("--reasoning-tags", "<reason>,</reason>")


@pytest.mark.parametrize(
    ("in_other", "read_first", "read_again"), [(True, (), READ_OTHER), (False, READ_OTHER, READ_USUAL)]
)
def test_a_run_can_be_read_again_with_other_tags(
    in_other: bool, read_first: tuple[str, ...], read_again: tuple[str, ...], cli: Cli, data: Path, tmp_path: Path
):
    wrong = run(
        cli, tmp_path, data, [renamed(text) if in_other else text for text, _, _ in OUTPUTS.values()], *read_first
    )
    assert wrong["statuses"] == {"ok": 8}
    score = ("score", wrong["run_folder"], "--data", data, "--nli", "lexical", "--json")
    right = cli(*score, *read_again).json
    assert right["statuses"] == {"empty": 1, "ok": 6, "unclosed_reasoning": 1}
    assert cli(*score).json["metrics"] == wrong["metrics"], "both readings stay apart"
    assert len(list(Path(wrong["run_folder"]).glob("scores/*/results.json"))) == 2


def test_a_well_formed_output_has_its_format_whatever_its_tags_are(cli: Cli, data: Path, tmp_path: Path):
    texts = ["[THINK]It is old.[/THINK]<answer>It is old [2].</answer>"] * len(OUTPUTS)
    flags = ("--reasoning-tags", "[THINK],[/THINK]", "--metrics", "format")
    metrics = run(cli, tmp_path, data, texts, *flags)["metrics"]
    assert (metrics["format"]["value"], metrics["tag_count"]["value"]) == (100, 100)


def test_what_a_score_belongs_to_is_the_answer_as_it_was_read_from_the_text():
    usual, other = (
        sample_hash(Response.build(Example("q0", "?"), "<think>a</think>b", tags=tags))
        for tags in (REASONING_TAGS, ReasoningTags("<reason>", "</reason>"))
    )
    assert usual != other


CUT = "Perhaps it is old. Let me think about"


@pytest.mark.parametrize(
    ("outputs", "warned"),
    [
        ([("a</think>b", "stop"), (CUT, "length"), (CUT, "length")], True),
        ([("a</think>b", "stop"), ("b", "stop")], False),
        ([("<think>a</think>b", "stop"), (CUT, "length")], False),
        ([("b", "stop"), (CUT, "length")], False),
    ],
)
def test_thoughts_that_end_without_a_beginning_are_a_warning_where_other_texts_were_cut_off(
    outputs: list[tuple[str, str]], warned: bool, cli: Cli, tmp_path: Path
):
    data = write(tmp_path / "data.json", records(len(outputs)))
    recorded = [{"id": f"q{n}", "output": text, "finish_reason": why} for n, (text, why) in enumerate(outputs)]
    model = write(tmp_path / "m.json", recorded)
    what = ("run", "--model", model, "--backend", "replay", "--tasks", "asqa", "--nli", "lexical")
    ran = cli(*what, "--data", data, "--output-path", tmp_path / "runs")
    assert ran.code == 0
    assert ("1 texts end a thought with </think>" in ran.err) is warned
    assert ("2 texts that were cut off have no tag" in ran.err) is warned


CHANNELS = "<|channel|>analysis<|message|>It is old.<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>"
FORMS = {
    "harmony": CHANNELS.format(ANSWER),
    "plain harmony": "analysisIt is old.assistantfinal" + ANSWER,
    "magistral": "[THINK]It is old.[/THINK]" + ANSWER,
    "openthinker": "<|begin_of_thought|>It.<|end_of_thought|><|begin_of_solution|>" + ANSWER + "<|end_of_solution|>",
    "gemma": "<|channel>thought\nIt is old.\n<channel|>" + ANSWER,
    "thinking": "<thinking>It is old.</thinking>" + ANSWER,
    "cut": "<thinking>It is old. " + ANSWER,
    "prose": "The analysis shows: " + ANSWER,
}


def test_forms_of_other_models_are_read_in_runs_and_files_with_a_note(cli: Cli, data: Path, tmp_path: Path):
    ran = run(cli, tmp_path, data, list(FORMS.values()))
    assert ran["statuses"] == {"ok": 7, "unclosed_reasoning": 1}
    # Six answers of four words, one of seven, and none.
    assert ran["metrics"]["length"]["value"] == pytest.approx((6 * 4 + 7) / 8)
    [note] = [each for each in ran["notes"] if "reasoning tags" in each]
    assert note.startswith(
        "7 of 8 outputs are read by reasoning tags that their form shows: the channels of gpt-oss (2)"
    )
    assert "--reasoning-tags" in note
    again = cli("score", ran["run_folder"], "--data", data, "--nli", "lexical", "--json").json
    assert again["metrics"] == ran["metrics"]

    texts = [text.replace("{n}", "0") for text in FORMS.values()]
    outputs = [{**each, "output": text} for each, text in zip(records(8), texts, strict=True)]
    file = write(tmp_path / "f.json", outputs)
    score = ("score", file, "--task", "asqa", "--nli", "lexical", "--metrics", "length")
    scored = cli(*score, "--json").json
    assert scored["metrics"]["length"]["value"] == ran["metrics"]["length"]["value"]
    assert any("7 of 8 outputs" in each for each in scored["notes"])
    assert "7 of 8 outputs" in cli(*score).err + cli(*score).out
    whole = cli(*score, "--json", "--reasoning-tags", "none").json
    assert whole["metrics"]["length"]["value"] > scored["metrics"]["length"]["value"]
    assert not any("reasoning tags" in each for each in whole["notes"])


def test_usual_tags_are_no_guess_and_tags_that_are_named_are_taken_for_all_texts(cli: Cli, data: Path, tmp_path: Path):
    usual = run(cli, tmp_path, data, [text for text, _, _ in OUTPUTS.values()])
    assert not any("reasoning tags" in each for each in usual["notes"])
    named = run(cli, tmp_path, data, [FORMS["plain harmony"]] * 7 + ["analysisIt is"], "--reasoning-tags", "harmony")
    assert named["statuses"] == {"ok": 7, "unclosed_reasoning": 1}
    assert not any("reasoning tags" in each for each in named["notes"])
    other = run(cli, tmp_path, data, [FORMS["thinking"]] * 8, "--reasoning-tags", "<think>,</think>")
    assert other["metrics"]["length"]["value"] > 4, "asked for <think>, and for nothing else"


def test_tags_that_only_a_models_name_shows_are_a_note_now_and_when_scored_again(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Counting, "reasoning_tags", ReasoningTags.harmony(), raising=False)
    monkeypatch.setattr(Counting, "guesses_reasoning_tags", True, raising=False)
    data = write(tmp_path / "data.json", records(2))
    what = ("run", "--model", "gpt-oss", "--backend", "counting", "--tasks", "asqa", "--nli", "lexical", "--json")
    ran = cli(*what, "--data", data, "--output-path", tmp_path / "runs").json
    [note] = [each for each in ran["notes"] if "reasoning" in each]
    assert note.startswith("reasoning is read by the channels of gpt-oss, which the model's name suggests")
    score = ("score", ran["run_folder"], "--data", data, "--nli", "lexical", "--json")
    assert note in cli(*score).json["notes"]
    assert note not in cli(*score, "--reasoning-tags", "none").json["notes"]


def test_files_of_outputs_are_read_with_other_tags_too(cli: Cli, tmp_path: Path):
    file = write(tmp_path / "f.json", records(2, output="[T]x[/T]Well: [A]It is old [2].[/A]"))
    flags = ("--task", "asqa", "--nli", "lexical", "--metrics", "length", "--json")
    assert cli("score", file, *flags, "--reasoning-tags", "[T],[/T],[A],[/A]").json["metrics"]["length"]["value"] == 3


@pytest.mark.parametrize("tags", ["<reason>", "<a>,<a>", "<a>,</a>,<b>", ",", "a,b,c,d,e"])
def test_wrong_tags_are_refused(tags: str, cli: Cli, data: Path):
    ran = cli("score", data, "--task", "asqa", "--nli", "lexical", "--reasoning-tags", tags)
    assert (ran.code, ran.out) == (2, "")
    assert "--reasoning-tags" in ran.err


@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_without_tags_the_whole_text_is_the_answer_as_in_the_originals(profile: str, cli: Cli, tmp_path: Path):
    file = write(tmp_path / "f.json", records(2, output="<think>Old or new?</think> <answer>It is old [2].</answer>"))
    flags = ("--task", "asqa", "--profile", profile, "--nli", "lexical", "--json")
    key = "length" if profile == "alce" else "regular_length"
    whole = cli("score", file, *flags, "--reasoning-tags", "none").json["metrics"][key]["value"]
    answer = cli("score", file, *flags).json["metrics"][key]["value"]
    assert (whole, answer) == (6, 3)


def test_a_run_without_tags_remembers_that_and_can_be_read_with_tags(cli: Cli, data: Path, tmp_path: Path):
    whole = run(cli, tmp_path, data, ["<think>a b</think>It is old."] * len(OUTPUTS), "--reasoning-tags", "none")
    assert whole["metrics"]["length"]["value"] == 4
    score = ("score", whole["run_folder"], "--data", data, "--nli", "lexical", "--json")
    assert cli(*score).json["metrics"] == whole["metrics"]
    assert cli(*score, *READ_USUAL).json["metrics"]["length"]["value"] == 3


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "a", " ", "\n"])).map("".join))
def test_without_tags_no_text_is_split(text: str):
    response = Response.build(Example("q0", "?"), text, tags=ReasoningTags.none())
    assert (response.text, response.reasoning) == (text, None)
    assert response.status == ("ok" if text.strip() else "empty")
