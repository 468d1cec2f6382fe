"""Comparing runs: what is tested, what is refused, what is named first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from many_runs import write_run

from groundeval.cli.app import main
from groundeval.comparison.compare import Comparison, MetricDifference, PairedRuns, RunSummary, compare, open_run
from groundeval.comparison.markdown import as_markdown
from groundeval.comparison.reading import headline_sentence
from groundeval.errors import DataError, UsageError
from groundeval.leaderboard.compare_page import HALF, drawn, write_comparison
from groundeval.stats.paired import holm

SAMPLES = 120


def test_a_much_better_run_is_called_better_and_ranked_first(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=SAMPLES, right=share) for name, share in (("weak", 0.2), ("strong", 0.8))]
    result = compare([open_run(run) for run in runs])
    [pair] = result.pairs
    found = {metric.key: metric for metric in pair.metrics}
    assert found["str_em"].difference == pytest.approx(found["str_em"].second - found["str_em"].first)
    assert found["str_em"].significant
    assert found["str_em"].ci95 is not None
    assert found["str_em"].ci95[0] > 0
    assert [run.rank for run in result.runs] == [2, 1]
    assert result.ranked_by == "str_em"
    assert "B is higher" in as_markdown(result)


def test_a_run_does_not_differ_from_itself(tmp_path: Path):
    run = open_run(write_run(tmp_path, "one", samples=SAMPLES))
    result = compare([run, run])
    [pair] = result.pairs
    assert [metric.difference for metric in pair.metrics] == [0] * len(pair.metrics)
    assert {metric.p for metric in pair.metrics} == {1.0}
    assert [each.rank for each in result.runs] == [1, 1]
    assert pair.changed == ()
    assert result.differences == ()


def test_the_prompt_is_named_as_what_differs_in_the_texts(tmp_path: Path):
    runs = [write_run(tmp_path / title, "one", samples=40, title=title) for title in ("short", "long")]
    [difference] = compare([open_run(run) for run in runs]).differences
    assert (difference.field, difference.concerns, difference.values) == ("prompt.template", "text", ("short", "long"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("scoring_version", 2), ("cot", True), ("origin", {"num_docs": 3}), ("origin", {"reasoning_tags": ["a", "b"]})],
)
def test_runs_that_were_judged_differently_are_not_ranked(tmp_path: Path, field: str, value: object):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    change_identity(runs[1], "scores/*/manifest.json", field, value)
    result = compare([open_run(run) for run in runs])
    assert result.pairs == ()
    assert [run.rank for run in result.runs] == [None, None]
    assert any(reason.startswith(field) for reason in result.refusals)
    assert "## Not ranked" in as_markdown(result)
    assert result.as_json()["ranked"] is False


def test_runs_judged_by_other_models_are_not_ranked(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    change_identity(runs[1], "scores/*/manifest.json", "nli", {"name": "true"})
    [path] = runs[1].glob("scores/*/results.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "nli": "true", "nli_identity": {"name": "true"}}))
    assert any(reason.startswith("nli") for reason in compare([open_run(run) for run in runs]).refusals)


def test_other_files_of_outputs_are_a_difference_of_the_texts(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    change_identity(runs[1], "scores/*/manifest.json", "origin", {"file_sha256": "1"})
    result = compare([open_run(run) for run in runs])
    assert ("origin.file_sha256", "text") in [(each.field, each.concerns) for each in result.differences]
    assert result.refusals == ()


def test_a_rank_says_that_its_intervals_are_not_corrected(tmp_path: Path):
    runs = [open_run(write_run(tmp_path, name, samples=40)) for name in ("one", "two")]
    assert "rank by EM recall (95% intervals, not corrected)" in as_markdown(compare(runs))


def test_a_number_that_no_float_holds_is_an_error_that_names_the_line(tmp_path: Path):
    run = write_run(tmp_path, "one", samples=4)
    [scores] = run.glob("scores/*/scores.jsonl")
    scores.write_text(scores.read_text().replace('"length": ', f'"length": 1{"0" * 400}', 1))
    with pytest.raises(DataError, match=r"scores.jsonl, line 1: not a scored sample"):
        open_run(run)


def test_a_file_in_place_of_a_run_folder_is_called_a_file(tmp_path: Path):
    (tmp_path / "gen.jsonl").write_text("")
    with pytest.raises(UsageError, match="is a file; name a run folder"):
        open_run(tmp_path / "gen.jsonl")


def test_runs_on_other_data_are_not_ranked(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    change_identity(runs[1], "manifest.json", "data", {"sha256": "1" * 64, "split": "test"})
    result = compare([open_run(run) for run in runs])
    assert any(reason.startswith("data.sha256") for reason in result.refusals)


def test_only_shared_samples_are_compared_and_the_others_are_counted(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=count) for name, count in (("one", 60), ("two", 40))]
    result = compare([open_run(run) for run in runs])
    assert result.n == 40
    assert any("A: 20 of its 60 samples" in warning for warning in result.warnings)


def test_the_samples_that_changed_most_come_first(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=SAMPLES, seed=seed) for seed, name in enumerate(("one", "two"))]
    [pair] = compare([open_run(run) for run in runs]).pairs
    changes = [each.change for each in pair.changed]
    assert changes == sorted(changes, reverse=True)
    assert len(changes) == 10
    for each in pair.changed:
        assert all(before != after for before, after in each.values.values())
        assert all(each.texts)


def test_a_result_that_does_not_follow_from_its_values_is_an_error(tmp_path: Path):
    run = write_run(tmp_path, "one", samples=40)
    [results] = run.glob("scores/*/results.json")
    found = json.loads(results.read_text())
    found["metrics"]["str_em"]["value"] += 1
    results.write_text(json.dumps(found))
    with pytest.raises(DataError, match=r"str_em: results.json says value = .*, its per-sample values give"):
        open_run(run)


def test_a_run_with_two_scorings_asks_which(tmp_path: Path):
    run = write_run(tmp_path, "one", samples=40)
    [scores] = run.glob("scores/*")
    other = run / "scores" / "other"
    other.mkdir()
    for file in scores.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match="more than one scoring fits"):
        open_run(run)
    assert open_run(other).results.task == "asqa"


def test_the_command_writes_markdown_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [str(write_run(tmp_path, name, samples=40)) for name in ("one", "two")]
    assert main(["compare", *runs, "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "compare.json").read_text())
    assert (tmp_path / "out" / "compare.md").read_text().startswith("# Comparison")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "str_em" in page
    assert "<script" not in page


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["compare", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_a_terminal_gets_a_table_with_the_headline_in_a_sentence_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    runs = [write_run(tmp_path, name, samples=SAMPLES, right=share) for name, share in (("weak", 0.2), ("strong", 0.8))]
    out = printed(capsys, *runs)
    assert "|" not in out
    assert max(map(len, out.splitlines())) <= 80 or all(str(run) in out.replace("\n", "") for run in runs)
    assert out.index("B is higher than A in EM recall: +") < out.index("citation_rec") < out.index("length")
    [row] = [line for line in out.splitlines() if " str_em " in line]
    assert "*" in row
    assert "do not differ significantly in EM recall: +0.00" in printed(capsys, runs[0], runs[0])
    assert "B is lower than A in EM recall: -" in printed(capsys, runs[1], runs[0])
    assert re.search(r"in EM recall: [^\n]*\), p 0", out)


def headline(p: float, ci95: tuple[float, float]) -> str:
    metric = MetricDifference("str_em", 50.0, 70.0, 20.0, ci95, p, p)
    runs = tuple(RunSummary(label, "m", "runs", "asqa", "alce", None, 6, {}, None) for label in "AB")
    pair = PairedRuns(0, 1, (metric,), ())
    return headline_sentence(Comparison(runs, (), (), (), 6, "str_em", (pair,)), pair)


def test_the_headline_says_which_decides_where_test_and_interval_differ():
    assert headline(0.06, (5.0, 40.0)).startswith("B and A do not differ significantly in EM recall: +20.00")
    assert "The test decides" in headline(0.06, (5.0, 40.0))
    assert "The test decides" not in headline(0.06, (-5.0, 40.0))
    assert headline(0.01, (5.0, 40.0)).endswith("p 0.01")


def test_markdown_and_json_are_printed_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    assert printed(capsys, *runs, "--format", "markdown").startswith("# Comparison\n\n| run |")
    assert printed(capsys, *runs, "--format", "json") == printed(capsys, *runs, "--json")
    assert main(["compare", *map(str, runs), "--json", "--format", "markdown"]) == 2


def test_all_metrics_come_with_corrected_p_values_where_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    assert "p (Holm)" in printed(capsys, *runs, "--all")
    assert "p (Holm)" not in printed(capsys, *runs)


def test_runs_that_were_judged_differently_are_printed_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [write_run(tmp_path, name, samples=40) for name in ("one", "two")]
    change_identity(runs[1], "scores/*/manifest.json", "cot", True)
    out = printed(capsys, *runs)
    assert "Not ranked" in out
    assert "EM recall" in out
    assert "95% interval" not in out


def test_the_page_says_the_headline_first_and_draws_intervals_on_one_scale(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=SAMPLES, right=share) for name, share in (("weak", 0.2), ("strong", 0.8))]
    result = compare([open_run(run) for run in runs])
    write_comparison(result, tmp_path / "out")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert page.index("B is higher than A in EM recall") < page.index("<table") < page.index("<h2>Runs</h2>")
    [pair] = result.pairs
    found = {metric.key: drawn(metric, pair) for metric in pair.metrics}
    assert found["length"] == ""
    assert {len(found[key]) for key in ("str_em", "citation_rec")} == {2 * HALF + 1}
    # All of the interval lies above no difference; that of citations does not.
    assert found["str_em"].index("│") < found["str_em"].index("─")
    assert found["citation_rec"].count("●") == 1
    same = compare([open_run(runs[0])] * 2)
    assert drawn(same.pairs[0].metrics[1], same.pairs[0]).strip() == "●"


def test_the_page_of_runs_that_are_not_ranked_shows_their_values_side_by_side(tmp_path: Path):
    folders = [write_run(tmp_path, name, samples=40, seed=seed) for seed, name in enumerate(("one", "two"))]
    change_identity(folders[1], "scores/*/manifest.json", "cot", True)
    runs = [open_run(folder) for folder in folders]
    write_comparison(compare(runs), tmp_path / "out")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "side by side" in page
    first, second = (f"{run.results.metrics['str_em'].value:.2f}" for run in runs)
    assert f'<th scope="row">str_em</th><td>{first}</td><td>{second}</td>' in page


def test_one_run_alone_is_wrong_usage(tmp_path: Path):
    assert main(["compare", str(write_run(tmp_path, "one", samples=4))]) == 2


def change_identity(run: Path, pattern: str, field: str, value: object) -> None:
    [path] = run.glob(pattern)
    manifest = json.loads(path.read_text())
    manifest["identity"][field] = value
    path.write_text(json.dumps(manifest))


def test_headline_metrics_are_corrected_among_themselves(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=SAMPLES, seed=seed) for seed, name in enumerate(("one", "two"))]
    [pair] = compare([open_run(run) for run in runs]).pairs
    p = {metric.key: metric.p or 0.0 for metric in pair.metrics}
    corrected = {metric.key: metric.p_holm for metric in pair.metrics}
    for family in (("str_em", "citation_rec", "citation_prec"), ("length", "str_hit")):
        assert [corrected[key] for key in family] == holm([p[key] for key in family])


def test_runs_with_several_answers_are_compared_question_by_question(tmp_path: Path):
    single = write_run(tmp_path, "single", samples=40, seed=1)
    several = write_run(tmp_path, "several", samples=120, answers=3, seed=2)
    result = compare([open_run(single), open_run(several)])
    assert result.n == 40
    [pair] = result.pairs
    found = {metric.key: metric for metric in pair.metrics}
    stored = open_run(several).results.metrics
    for key in ("str_em", "citation_rec", "length"):
        assert found[key].second == pytest.approx(stored[key].value)
    assert not any("left out" in warning for warning in result.warnings)
