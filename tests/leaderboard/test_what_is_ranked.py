"""A run's rank, page and place follow from its files, not from its own declarations."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from many_runs import write_run

import groundeval
from groundeval.comparison.saved_scores import find_scorings, read_scoring
from groundeval.errors import UsageError
from groundeval.leaderboard.build import board_name, build
from groundeval.leaderboard.reported import read_reported, reported_entries, without_repeats
from groundeval.stats.bootstrap import summarize


def built_entries(runs: Path, site: Path, **options: Any) -> list[dict[str, Any]]:
    build([runs], site, shipped=False, **options)
    found: list[dict[str, Any]] = json.loads((site / "leaderboard.json").read_text())["entries"]
    return found


def change_lines(path: Path, **fields: Any) -> None:
    lines = [json.loads(line) | fields for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def change_results(run: Path, **fields: Any) -> None:
    [path] = run.glob("scores/*/results.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_run_does_not_choose_what_it_is_ranked_by(tmp_path: Path):
    write_run(tmp_path / "runs", "strong", samples=200, right=0.8)
    change_results(write_run(tmp_path / "runs", "weak", samples=200, right=0.2), headline=["length"])
    found = {entry["system"]: entry for entry in built_entries(tmp_path / "runs", tmp_path / "site")}
    assert (found["strong"]["rank"], found["weak"]["rank"]) == (1, 2)
    assert found["weak"]["headline"] == found["strong"]["headline"]


def test_a_run_without_the_first_headline_metric_is_not_ranked_by_the_next(tmp_path: Path):
    write_run(tmp_path / "runs", "whole", samples=100)
    part = write_run(tmp_path / "runs", "part", samples=100)
    [path] = part.glob("scores/*/results.json")
    metrics = json.loads(path.read_text())["metrics"]
    change_results(part, metrics={key: value for key, value in metrics.items() if key != "str_em"})
    ranks = {entry["system"]: entry["ranks"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")}
    assert set(ranks["whole"]) == {"str_em", "citation_rec", "citation_prec"}
    assert ranks["part"] == {}


def test_a_forged_copy_does_not_take_the_page_of_the_honest_run(tmp_path: Path):
    honest = write_run(tmp_path / "runs", "one", samples=20)
    shutil.copytree(honest, tmp_path / "runs" / "zcopy" / "asqa" / honest.name)
    change_lines(tmp_path / "runs" / "zcopy" / "asqa" / honest.name / "generations.jsonl", raw="FORGED")
    ids = {entry["id"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")}
    assert len(ids) == 2
    forged = [each for each in ids if "FORGED" in (tmp_path / "site" / "runs" / each / "samples-0.js").read_text()]
    assert len(forged) == 1


def write_outputs(path: Path, gold: str) -> Path:
    record = {"question": "Who built it?", "output": "Monks.", "qa_pairs": [{"short_answers": [gold], "question": "?"}]}
    path.write_text(json.dumps([record] * 20))
    return path


def test_scored_outputs_are_ranked_only_where_their_gold_answers_agree(tmp_path: Path):
    for name, gold in (("easy", "monks"), ("easy2", "monks"), ("hard", "kings")):
        outputs = write_outputs(tmp_path / f"{name}.json", gold)
        groundeval.score(outputs, "asqa", nli="lexical", output_path=tmp_path / "runs" / name)
    pools = {entry["system"]: entry["pool"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")}
    assert pools["easy"] == pools["easy2"] != pools["hard"]


def test_scored_outputs_without_a_hash_of_their_examples_are_not_ranked(tmp_path: Path):
    outputs = write_outputs(tmp_path / "outputs.json", "monks")
    groundeval.score(outputs, "asqa", nli="lexical", output_path=tmp_path / "runs" / "mine")
    [path] = (tmp_path / "runs").rglob("manifest.json")
    manifest = json.loads(path.read_text())
    del manifest["examples_sha256"]
    path.write_text(json.dumps(manifest))
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    assert entry["rank"] is None
    assert any("names no data" in note for note in entry["notes"])


def test_a_run_with_failed_samples_is_not_ranked_and_says_so(tmp_path: Path):
    write_run(tmp_path / "runs", "whole", samples=40, right=0.2)
    part = write_run(tmp_path / "runs", "part", samples=40, right=0.2)
    [scores] = part.glob("scores/*/scores.jsonl")
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    for line in lines[5:]:
        line.update(status="error", values={})
    scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = read_scoring(next(find_scorings(part)))
    metrics = summarize(run.columns, run.aggregates)
    change_results(
        part, n=5, statuses={"ok": 5, "error": 35}, metrics={key: asdict(each) for key, each in metrics.items()}
    )
    ranks = {entry["system"]: entry["rank"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")}
    assert ranks == {"whole": 1, "part": None}
    assert "<small>35 failed</small>" in (tmp_path / "site" / "index.html").read_text()


def test_tasks_whose_names_make_the_same_folder_name_have_tables_of_their_own():
    assert board_name("-asqa", "alce") != board_name("asqa", "alce")


def test_a_reported_standard_deviation_is_no_standard_error(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=20)
    reported = tmp_path / "paper.json"
    row = {"model": "m", "task": "asqa", "metrics": {"str_em": 40.0}, "std": {"str_em": 1.5}}
    reported.write_text(json.dumps({"source": "x", "protocol": "alce", "rows": [row]}))
    entries = built_entries(tmp_path / "runs", tmp_path / "site", reported=[reported])
    [entry] = [each for each in entries if each["reported"]]
    assert entry["std"] == {"str_em": 1.5}
    assert entry["metrics"]["str_em"]["stderr"] is None


def test_the_viewer_reads_texts_with_the_tags_of_the_scoring(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=4, outputs=lambda n: "<r>hidden</r>shown")
    [path] = run.glob("scores/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["identity"]["origin"] = {"reasoning_tags": ["<r>", "</r>"]}
    path.write_text(json.dumps(manifest))
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    samples = (tmp_path / "site" / "runs" / entry["id"] / "samples-0.js").read_text()
    assert '"response":"shown"' in samples
    assert '"reasoning":"hidden"' in samples


def test_the_margin_of_a_verdict_is_measured_from_the_threshold_of_the_model(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=4)
    nli = {"name": "lexical", "fidelity": "proxy", "threshold": 0.8}
    [path] = run.glob("scores/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["identity"]["nli"] = nli
    path.write_text(json.dumps(manifest))
    change_results(run, nli_identity=nli)
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    assert '"threshold":0.8' in (tmp_path / "site" / "runs" / entry["id"] / "index.js").read_text()


def test_a_model_that_names_no_threshold_is_not_given_one(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=4)
    nli = {"name": "true", "threshold": None}
    [path] = run.glob("scores/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["identity"]["nli"] = nli
    path.write_text(json.dumps(manifest))
    change_results(run, nli="true", nli_identity=nli)
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    assert '"threshold":null' in (tmp_path / "site" / "runs" / entry["id"] / "index.js").read_text()


def test_pages_show_no_folders_of_the_machine_that_a_run_was_made_on(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=4)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"]["task_reference"] = "/home/jane/secret/tasks.py:mine"
    (run / "manifest.json").write_text(json.dumps(manifest))
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    page = (tmp_path / "site" / "runs" / f"{entry['id']}.html").read_text()
    assert "jane" not in page
    assert "tasks.py:mine" in page


def test_a_folder_with_more_than_a_site_in_it_is_not_replaced(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=4)
    site = tmp_path / "site"
    built_entries(tmp_path / "runs", site)
    (site / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a leaderboard"):
        build([tmp_path / "runs"], site)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "leaderboard.json").write_text('{"scores": []}')
    with pytest.raises(UsageError, match="is not a leaderboard"):
        build([tmp_path / "runs"], tmp_path / "other")


def test_a_site_does_not_replace_the_runs_that_it_is_built_from(tmp_path: Path):
    write_run(tmp_path / "site" / "runs", "one", samples=4)
    with pytest.raises(UsageError, match="lies in it"):
        build([tmp_path / "site" / "runs"], tmp_path / "site")


def test_a_link_is_not_replaced(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=4)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        build([tmp_path / "runs"], tmp_path / "link")


def test_citations_attached_afterwards_are_noted_as_perhaps_of_other_documents(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=4)
    [path] = run.glob("scores/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["identity"]["post_hoc"] = "tfidf"
    path.write_text(json.dumps(manifest))
    [entry] = built_entries(tmp_path / "runs", tmp_path / "site")
    assert any("that the model was not shown" in note for note in entry["notes"])


def test_runs_of_a_task_that_is_not_registered_are_ranked_where_they_agree_by_what(tmp_path: Path):
    runs = [write_run(tmp_path / "runs", name, samples=40) for name in ("one", "two")]
    for run in runs:
        manifest = json.loads((run / "manifest.json").read_text())
        manifest["identity"]["task"] = "mine"
        (run / "manifest.json").write_text(json.dumps(manifest))
        change_results(run, task="mine")
    ranks = [entry["rank"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")]
    assert None not in ranks
    change_results(runs[1], headline=["length"])
    assert [entry["rank"] for entry in built_entries(tmp_path / "runs", tmp_path / "site")] == [None, None]


def test_numbers_of_a_paper_are_listed_once_in_their_most_exact_form(tmp_path: Path):
    row = {"model": "m", "method": "x", "task": "asqa", "metrics": {"str_em": 51.25, "length": 30.0}}
    rough = {**row, "metrics": {"str_em": 51.2}}
    other = {**row, "metrics": {"str_em": 49.0}}
    path = tmp_path / "reported.json"
    path.write_text(json.dumps({"source": "s", "protocol": "alce", "rows": [rough, row, other, rough]}))
    kept = without_repeats(list(reported_entries(read_reported(path), {})))
    assert [each.metrics["str_em"].value for each in kept] == [51.25, 49.0]
