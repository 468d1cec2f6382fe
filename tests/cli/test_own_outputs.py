"""`groundeval score` on outputs of one's own: fields that are named, gold that is not there, mistakes that are."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, record, records, write

RIGHT, WRONG = "Aida is an opera by Verdi [1].", "Nobody knows that composer nowadays [1]."
DOC = "Aida is an opera by Verdi."
ROWS: list[dict[str, Any]] = [
    {"n": 1, "req": {"q": "Who composed Aida?"}, "ctx": [DOC], "said": RIGHT, "right": "Verdi"},
    {"n": 2, "req": {"q": "Whose opera is Aida?"}, "ctx": [DOC], "said": WRONG, "right": "Verdi"},
]
MAP = ("question=req.q", "docs=ctx", "output=said", "answers=right", "id=n")
NLI = ("--nli", "lexical", "--json")


def test_fields_are_named_by_paths_with_blanks_or_commas_between_them(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "rows.json", ROWS)
    expected = cli("score", path, "--map", *MAP, *NLI)
    assert expected.code == 0, expected.err
    assert expected.json["metrics"]["regular_citation_rec"]["value"] == 50.0
    assert "trust_score" in expected.json["metrics"]
    assert expected.json["notes"][0].startswith("read as plain fields: ")
    for flags in (["--map", ",".join(MAP)], [each for one in MAP for each in ("--map", one)], ["--map", *MAP]):
        again = cli("score", *flags, path, *NLI).json
        assert (again["metrics"], again["notes"]) == (expected.json["metrics"], expected.json["notes"])


def test_the_next_command_shows_the_texts_of_fields_that_were_named(tmp_path: Path, cli: Cli):
    path, out = write(tmp_path / "rows.json", ROWS), tmp_path / "scored"
    ran = cli("score", path, "--map", *MAP, "--nli", "lexical", "--output-path", out)
    assert f"view {out} --data {path}" in ran.err
    assert cli("view", out, "--data", path, "--out", tmp_path / "site").code == 0
    [documents] = (tmp_path / "site" / "documents").glob("*.js")
    assert DOC in documents.read_text()
    [samples] = (tmp_path / "site" / "runs").glob("*/samples-0.js")
    assert RIGHT in samples.read_text()


def test_fields_may_be_named_in_a_configuration_file(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "rows.json", ROWS)
    config = write(
        tmp_path / "score.yaml", json.dumps({"map": dict(each.split("=") for each in MAP), "nli": "lexical"})
    )
    assert cli("score", path, "--config", config, "--json").json["n"] == 2


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["questoin=q"], ('"questoin"', 'Did you mean "question"', "docs")),
        (["question"], ("--map", "PART=FIELD")),
        (["question=req.q", "question=n"], ("question is given twice",)),
        (["question=req..q"], ("--map", "req..q")),
        (["question=req.query"], ("record 1", "req.query", '"q"')),
        (["docs=n"], ("record 1", 'field "n"', "1", "a list of texts")),
        (["output=ctx[3]"], ("record 1", "ctx[3]", "1 elements")),
        (["answers=req"], ("record 1", 'field "req"', "list of strings")),
    ],
)
def test_a_wrong_name_says_what_there_is(named: list[str], words: tuple[str, ...], tmp_path: Path, cli: Cli):
    given = {each.split("=")[0]: each for each in MAP} | {each.split("=")[0]: each for each in named}
    flags = [*named, *(each for each in given.values() if each not in named)] if len(named) == 1 else named
    ran = cli("score", write(tmp_path / "rows.json", ROWS), "--map", ",".join(flags), *NLI)
    assert ran.code in (1, 2)
    assert ran.out == ""
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


def test_what_is_named_wins_over_what_is_recognised(tmp_path: Path, cli: Cli):
    rows = [{"question": "Who?", "answer": "By Verdi [1].", "response": "By Bizet [1].", "contexts": ["Verdi did."]}]
    path = write(tmp_path / "rows.json", rows)
    assert '"response"' in cli("score", path, *NLI).json["notes"][0]
    note = cli("score", path, "--map", "output=answer", *NLI).json["notes"][0]
    assert 'output from "answer"' in note
    assert 'docs from "contexts"' in note


def test_a_field_of_our_own_format_can_be_named_and_the_rest_stays(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "rows.json", [{**record(each), "other": "Nothing."} for each in range(3)])
    whole = cli("score", path, "--task", "asqa", *NLI).json["metrics"]
    other = cli("score", path, "--task", "asqa", "--map", "output=other", *NLI).json["metrics"]
    assert (whole["str_em"]["value"], other["str_em"]["value"]) == (100.0, 0.0)
    assert whole.keys() == other.keys()


def test_scores_by_other_fields_are_not_taken_for_these(tmp_path: Path, cli: Cli):
    rows = [{"question": "Who?", "a": RIGHT, "b": WRONG, "contexts": [DOC]}]
    keep = ("score", write(tmp_path / "rows.json", rows), "--output-path", tmp_path / "out", *NLI)
    found = [cli(*keep, "--map", f"output={name}").json["metrics"]["regular_citation_rec"]["value"] for name in "aba"]
    assert found == [100.0, 0.0, 100.0]


def test_cells_of_a_table_hold_lists_as_json_or_as_python_prints_them(tmp_path: Path, cli: Cli):
    found = []
    for name, spelled in (("json", json.dumps), ("python", repr)):
        path = tmp_path / f"{name}.csv"
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["question", "contexts", "answer", "ground_truth"])
            gold = spelled(["Verdi", "Giuseppe 'Joe' Verdi"])
            table.writerow(["Who's it?", spelled([DOC, 'It\'s not "Bizet".']), RIGHT, gold])
        found.append(cli("score", path, *NLI).json["metrics"])
    assert found[0] == found[1]
    assert found[0]["regular_citation_rec"]["value"] == 100.0
    assert found[0]["answerable_num"]["value"] == 1


def test_a_path_leads_into_the_json_of_a_cell(tmp_path: Path, cli: Cli):
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["q", "hits", "said"], ["Who?", json.dumps([{"body": DOC}, {"body": "x"}]), RIGHT]])
    named = ("question=q", "docs=hits[].body", "output=said")
    ran = cli("score", path, "--map", *named, *NLI)
    assert ran.code == 0, ran.err
    assert ran.json["metrics"]["regular_citation_rec"]["value"] == 100.0
    ran = cli("score", path, "--map", "question=q", "docs=hits[].title", "output=said", *NLI)
    assert (ran.code, ran.out) == (1, "")
    assert '"hits[0].title" does not exist' in ran.err


def test_a_mistake_in_a_table_names_file_line_field_and_value(tmp_path: Path, cli: Cli):
    path = tmp_path / "rows.csv"
    path.write_text('question,contexts,answer\nWho?,"[""x""]",a\n,"[""x""]",b\n')
    ran = cli("score", path, *NLI)
    assert (ran.code, ran.out) == (1, "")
    assert f"error: {path}, record 2 (line 3): field \"question\" is ''" in ran.err


def test_a_broken_cell_among_whole_ones_is_an_error_and_a_text_in_brackets_is_none(tmp_path: Path, cli: Cli):
    path = tmp_path / "rows.csv"
    whole = 'Who?,"[""By Verdi.""]",By Verdi [1].\n'
    path.write_text("question,contexts,answer\n" + whole + 'Who?,"[""By Verdi.",By Verdi [1].\n' + whole)
    ran = cli("score", path, *NLI)
    assert (ran.code, ran.out) == (1, "")
    assert 'record 2 ("Who?")' in ran.err.replace(" (line 3)", "")
    assert 'field "contexts" is' in ran.err
    path.write_text("question,contexts,answer\nWho?,[sic] By Verdi.,By Verdi [1].\nWho?,Verdi.,[Hm] Verdi [1].\n")
    assert cli("score", path, *NLI).code == 0


def test_a_file_without_outputs_says_what_was_looked_for_and_how_to_name_it(tmp_path: Path, cli: Cli):
    ran = cli("score", write(tmp_path / "a.json", [{"question": "Who?", "said": "x", "docs": ["y"]}]), *NLI)
    assert (ran.code, ran.out) == (1, "")
    for word in ('record 1 ("Who?")', '"output" is missing', '"response"', '"said"', "--map output=said"):
        assert word in ran.err


def test_gold_that_some_records_lack_is_an_error_with_its_field(tmp_path: Path, cli: Cli):
    rows = [{"query": "a?", "response": "x", "ground_truth": "x"}, {"query": "b?", "response": "x"}]
    ran = cli("score", write(tmp_path / "a.json", rows), *NLI)
    assert (ran.code, ran.out) == (1, "")
    assert 'record 2: field "ground_truth" is missing' in ran.err


def test_without_gold_answers_citations_and_refusals_are_scored_under_every_profile(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", records(3, qa_pairs=..., answers=..., answer=...))
    for profile in ("alce", "trust", "strict"):
        ran = cli("score", path, "--profile", profile, *NLI)
        assert ran.code == 0, ran.err
        assert any("citation_rec" in key for key in ran.json["metrics"])
        assert ("refused_ratio" in ran.json["metrics"]) == (profile != "alce")
        assert "trust_score" not in ran.json["metrics"]
    assert sum("left out: the data has no" in note for note in ran.json["notes"]) == 1


def test_with_gold_answers_nothing_stands_in_for_the_metrics_that_need_them(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", records(3, qa_pairs=...))
    for flags in (("--task", "trust_asqa"), ()):
        found = cli("score", path, *flags, *NLI).json["metrics"]
        assert "trust_score" in found
        assert "refused_ratio" not in found


def test_a_metric_that_needs_gold_and_is_named_is_an_error_that_says_so(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", records(2, qa_pairs=..., answers=..., answer=...))
    ran = cli("score", path, "--metrics", "refuse_rec", *NLI)
    assert (ran.code, ran.out) == (1, "")
    assert 'needs the field "answers"' in ran.err


def test_asqas_records_belong_to_a_protocol_that_has_to_be_named(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", records(2))
    ran = cli("score", path, *NLI)
    assert ran.code == 2
    assert "--task trust_asqa" in ran.err
    assert cli("score", path, "--task", "own", *NLI).json["task"] == "own"


YAML = """
name: my_operas
kind: em
data: none.jsonl
fields:
  question: q
  documents: {path: hits, title: name, text: body}
  answers: {path: gold, list_of: aliases}
"""


def test_the_fields_of_a_yaml_task_count_for_its_outputs_too(tmp_path: Path, cli: Cli):
    task = write(tmp_path / "my.yaml", YAML)
    row = {"q": "Who?", "hits": [{"name": "Aida", "body": "Aida is by Verdi."}], "gold": ["Verdi", "G. Verdi"]}
    rows = [{**row, "prediction": "By Verdi [1]."}, {**row, "prediction": "By Bizet [1]."}]
    ran = cli("score", write(tmp_path / "a.json", rows), "--task", task, *NLI)
    assert ran.code == 0, ran.err
    assert ran.json["metrics"]["str_em"]["value"] == 50.0
    assert 'output from "prediction"' in ran.json["notes"][0]
    ran = cli("score", write(tmp_path / "a.json", [{**row, "text": 3}]), "--task", task, *NLI)
    assert 'field "text" is 3' in ran.err
    # Outputs in groundeval's own format are read as ever.
    ours = {"question": "Who?", "output": "Verdi [1].", "docs": [{"text": "By Verdi."}], "answers": [["Verdi"]]}
    assert cli("score", write(tmp_path / "b.json", [ours]), "--task", task, *NLI).code == 0


SAME_NAMES = """
name: my_painters
kind: em
data: none.jsonl
fields: {question: question, documents: {path: docs, holds_answer: true}, answers: answers}
"""


@pytest.mark.parametrize(
    ("docs", "answers", "ids"),
    [
        ([{"title": "Aida", "text": "Aida is by Verdi."}], [["Verdi"]], ["a@1", "b@1"]),
        (["Aida is by Verdi."], ["Verdi"], ["0", "1"]),
    ],
)
def test_completions_of_a_yaml_task_are_in_our_own_format_whatever_its_fields_are_called(
    docs: list[Any], answers: list[Any], ids: list[str], tmp_path: Path, cli: Cli
):
    task = write(tmp_path / "my.yaml", SAME_NAMES)
    row = {"question": "Who?", "docs": docs, "answers": answers, "output": "Verdi [1]."}
    path = write(tmp_path / "a.json", [{**row, "id": "a@1"}, {**row, "id": "b@1"}])
    ran = cli("score", path, "--task", task, "--profile", "trust", "--output-path", tmp_path / "out", *NLI)
    assert ran.code == 0, ran.err
    assert ran.json["metrics"]["regular_str_em"]["value"] == 100.0
    [scores] = tmp_path.glob("out/scores/*/scores.jsonl")
    assert [json.loads(line)["id"] for line in scores.read_text().splitlines()] == ids


def test_a_folder_that_datasets_saved_is_scored(tmp_path: Path, cli: Cli):
    datasets = pytest.importorskip("datasets")
    rows = [{"question": "Who?", "contexts": ["It is Verdi."], "answer": "It is Verdi [1]."}]
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    ran = cli("score", tmp_path / "saved", "--output-path", tmp_path / "out", *NLI)
    assert ran.code == 0, ran.err
    assert ran.json["metrics"]["regular_citation_rec"]["value"] == 100.0
