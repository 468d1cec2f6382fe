"""`groundeval score` as a user meets it: what it prints where, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, lines_of, record, records, write

import groundeval
from groundeval.cli.app import main

CONTRACT = ["task", "profile", "nli", "n", "metrics", "nli_pairs"]
LEXICAL = ("--task", "asqa", "--nli", "lexical")


def test_json_has_the_keys_of_the_contract_first_and_in_their_order(data: Path, cli: Cli):
    ran = cli("score", data, *LEXICAL, "--json")
    assert ran.code == 0
    assert list(ran.json)[:6] == CONTRACT
    assert (ran.json["task"], ran.json["profile"], ran.json["nli"], ran.json["n"]) == ("asqa", "alce", "lexical", 5)
    for metric in ran.json["metrics"].values():
        assert list(metric) == ["value", "stderr", "ci95", "n"]
        assert len(metric["ci95"]) == 2
    assert list(ran.json["nli_pairs"])[:4] == ["asked", "unique", "cached", "computed"]
    assert ran.json["nli_pairs"]["asked"] >= ran.json["nli_pairs"]["unique"] > 0
    assert ran.json["statuses"] == {"ok": 5}


def test_several_profiles_give_a_list_in_the_order_asked_for(data: Path, cli: Cli):
    ran = cli("score", data, *LEXICAL, "--profile", "trust,alce", "--json")
    assert [each["profile"] for each in ran.json] == ["trust", "alce"]
    assert all(list(each)[:6] == CONTRACT for each in ran.json)


def test_results_go_to_stdout_and_everything_else_to_stderr(data: Path, cli: Cli):
    ran = cli("score", data, *LEXICAL, "--json")
    json.loads(ran.out)
    assert ran.err == ""
    shown = cli("score", data, *LEXICAL)
    assert "str_em" in shown.out
    assert "100.00" in shown.out
    assert "scoring" in shown.err
    assert "scoring" not in shown.out
    assert cli("score", data, *LEXICAL, "--quiet").err == ""


def test_the_table_marks_the_proxy_verifier_and_counts_samples_that_are_not_ok(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", [record(0, output=""), record(1, output="<think>a"), record(2)])
    out = " ".join(cli("score", path, *LEXICAL).out.split())
    assert "lexical* " in out
    assert "not comparable" in out
    assert "1 empty" in out
    assert "1 unclosed_reasoning" in out


def test_only_the_keys_asked_for_are_reported(data: Path, cli: Cli):
    ran = cli("score", data, *LEXICAL, "--metrics", "citation_prec,length", "--json")
    assert list(ran.json["metrics"]) == ["citation_prec", "length"]
    ran = cli("score", data, *LEXICAL, "--metrics", "default,tag_count", "--json")
    assert {"str_em", "citation_rec", "tag_count"} <= set(ran.json["metrics"])
    assert "format" not in ran.json["metrics"]


def test_no_verifier_is_needed_where_no_metric_asks_one(data: Path, cli: Cli):
    ran = cli("score", data, "--task", "asqa", "--metrics", "length", "--nli", "http://127.0.0.1:9", "--json")
    assert ran.code == 0
    assert ran.json["nli"] is None
    assert ran.json["nli_pairs"] == {"asked": 0, "unique": 0, "cached": 0, "computed": 0}


def test_limit_takes_the_first_samples_and_num_docs_the_first_documents(data: Path, cli: Cli):
    assert cli("score", data, *LEXICAL, "--limit", "2", "--json").json["n"] == 2
    assert cli("score", data, *LEXICAL, "--limit", "99", "--json").json["n"] == 5
    # "[2]" of every second sentence names no document any more: recall falls from 1 to 1/2.
    whole = cli("score", data, *LEXICAL, "--json").json["metrics"]["citation_rec"]["value"]
    cut = cli("score", data, *LEXICAL, "--num-docs", "1", "--json").json["metrics"]["citation_rec"]["value"]
    assert (whole, cut) == (100.0, 50.0)


def test_cot_reads_lists_behind_the_first_colon(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "lists.json", [record(output="old, I think: Paris, old", answers=[["Paris"], ["old"]])])
    flags = ("score", path, "--task", "qampari", "--nli", "lexical", "--metrics", "qampari", "--json")
    assert cli(*flags).json["metrics"]["num_preds"]["value"] == 3
    assert cli(*flags, "--cot").json["metrics"]["num_preds"]["value"] == 2


@pytest.mark.parametrize("form", ["list", "wrapped", "lines"])
def test_all_forms_of_a_predictions_file_give_the_same_numbers(form: str, tmp_path: Path, cli: Cli):
    content: Any = {"list": records(3), "wrapped": {"args": {}, "data": records(3)}}.get(form)
    text = "\n".join(map(json.dumps, records(3))) if form == "lines" else json.dumps(content)
    ran = cli("score", write(tmp_path / "outputs.json", text), *LEXICAL, "--json")
    assert ran.json["metrics"]["str_em"] == {"value": 100.0, "stderr": 0.0, "ci95": [100.0, 100.0], "n": 3}


@pytest.mark.parametrize(
    "text",
    [
        "\ud800",
        "\udfff [1].",
        "\x00\x01\x1b[31m",
        "",
        " \n ",
        "[" + "9" * 5000 + "]",
        "<think>",
        "a\u2028b",
        "." * 5000,
    ],
)
@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_no_output_question_or_document_is_too_strange_to_be_scored(text: str, profile: str, tmp_path: Path, cli: Cli):
    strange = record(
        output=text, question=f"{text}?", docs=[{"title": text, "text": text}], answers=[[text], []], answer=text
    )
    path = write(tmp_path / "outputs.json", [strange, record(1)])
    for flags in (("--json",), ()):
        ran = cli("score", path, *LEXICAL, "--profile", profile, "--output-path", tmp_path / "out", *flags)
        assert ran.code == 0, ran.err
    [scores] = tmp_path.glob("out/scores/*/scores.jsonl")
    assert [line["id"] for line in lines_of(scores)] == ["q0", "q1"]


def test_empty_outputs_count_with_0_for_correctness_and_are_left_out_of_citations(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", [record(0, output=""), record(1)])
    ran = cli("score", path, *LEXICAL, "--json")
    assert ran.json["statuses"] == {"empty": 1, "ok": 1}
    assert ran.json["n"] == 2
    metrics = ran.json["metrics"]
    assert (metrics["str_em"]["value"], metrics["str_em"]["n"]) == (50.0, 2)
    assert (metrics["citation_rec"]["value"], metrics["citation_rec"]["n"]) == (100.0, 1)


def test_one_sample_has_values_and_no_interval(tmp_path: Path, cli: Cli):
    ran = cli("score", write(tmp_path / "one.json", records(1)), *LEXICAL, "--json")
    assert ran.json["metrics"]["str_em"] == {"value": 100.0, "stderr": None, "ci95": None, "n": 1}
    assert cli("score", tmp_path / "one.json", *LEXICAL).code == 0


def test_kept_scores_show_every_statement_and_verdict_and_are_not_computed_twice(data: Path, tmp_path: Path, cli: Cli):
    out = tmp_path / "out"
    first = cli("score", data, *LEXICAL, "--output-path", out, "--json")
    [folder] = (out / "scores").iterdir()
    lines = lines_of(folder / "scores.jsonl")
    assert [line["id"] for line in lines] == [f"q{number}" for number in range(5)]
    assert lines[0]["values"]["str_em"] == 1.0
    assert [statement["supported"] for statement in lines[0]["statements"]] == [True, True]
    assert {verdict["entailed"] for verdict in lines[0]["verdicts"]} == {True}
    results = (folder / "results.json").read_bytes()
    again = cli("score", data, *LEXICAL, "--output-path", out, "--json")
    assert again.json["metrics"] == first.json["metrics"]
    assert again.json["nli_pairs"]["asked"] == 0
    assert (folder / "results.json").read_bytes() == results
    assert len(lines_of(folder / "scores.jsonl")) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"output": "Something else [1]."},
        {"qa_pairs": [{"question": "?", "short_answers": ["Madrid"]}]},
        {"docs": [{"title": "T", "text": "Nothing of the kind."}] * 2},
    ],
)
def test_kept_scores_of_another_text_document_or_gold_answer_are_not_taken_for_new_ones(
    changes: dict[str, Any], tmp_path: Path, cli: Cli
):
    path = write(tmp_path / "outputs.json", records(2))
    cli("score", path, *LEXICAL, "--output-path", tmp_path / "out")
    write(path, [record(0, **changes), record(1)])
    fresh = cli("score", path, *LEXICAL, "--json").json["metrics"]
    assert cli("score", path, *LEXICAL, "--output-path", tmp_path / "out", "--json").json["metrics"] == fresh


def test_kept_scores_with_more_documents_are_not_taken_for_those_with_fewer(data: Path, tmp_path: Path, cli: Cli):
    keep = ("score", data, *LEXICAL, "--output-path", tmp_path / "out", "--json")
    assert cli(*keep).json["metrics"]["citation_rec"]["value"] == 100.0
    assert cli(*keep, "--num-docs", "1").json["metrics"]["citation_rec"]["value"] == 50.0


def test_an_output_folder_that_cannot_be_made_is_refused_before_the_verifier_is_loaded(
    data: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "file", "x")

    def load(self: object) -> None:
        raise AssertionError("loaded the verifier first")

    monkeypatch.setattr(groundeval.NLI, "load", load)
    ran = cli("score", data, *LEXICAL, "--output-path", tmp_path / "file" / "out")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot write to" in ran.err
    assert "--output-path" in ran.err


def test_the_command_line_reads_its_arguments_from_the_process_too(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["groundeval", "score", str(data), *LEXICAL, "--json"])
    assert main() == 0
    assert json.loads(capsys.readouterr().out)["n"] == 5
