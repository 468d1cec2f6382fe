"""Results in a terminal: the headline first, 80 columns, each thing once, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from many_runs import write_run
from run_cases import Cli, records, write

from groundeval.cli.next_steps import say_next, say_notes
from groundeval.cli.tables import print_results
from groundeval.comparison.compare import open_run
from groundeval.metrics.metric import METRICS
from groundeval.run.outcome import ScoreResult
from groundeval.scoring.results import Results
from groundeval.stats.bootstrap import Estimate

WIDE = Estimate(100.0, 100.0, (100.0, 100.0), 100_000)


def results(profile: str, kind: str, **changed: Estimate) -> Results:
    """Results with all default keys of a profile, each as wide as it gets."""
    metrics = [m for name, m in METRICS.items() if METRICS.ships(name) and m.default and m.applies(profile, kind)]
    keys = dict.fromkeys(key for metric in metrics for key in metric.aggregates)
    return Results(
        task="trust_expertqa", task_version=1, profile=profile, nli="lexical", nli_identity={"fidelity": "proxy"},
        n=100_000, statuses={"ok": 100_000}, headline=["trust_score"] if "trust_score" in keys else ["citation_rec"],
        metrics={**dict.fromkeys(keys, WIDE), **changed}, notes=["a note"],
    )  # fmt: skip


@pytest.mark.parametrize("profile", ["alce", "trust", "strict"])
@pytest.mark.parametrize("kind", ["em", "list", "claims"])
@pytest.mark.parametrize("whole", [False, True])
def test_tables_fit_eighty_columns_with_every_key_whole(
    profile: str, kind: str, whole: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    print_results([results(profile, kind)], whole=whole)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).split()
    for each in results(profile, kind).arranged(whole=whole):
        assert each.key in words


def test_the_headline_comes_first_and_its_parts_in_the_papers_order(capsys: pytest.CaptureFixture[str]):
    print_results([results("trust", "em")])
    out = capsys.readouterr().out
    order = ["Trust-Score", "Correctness", "calib_str_em_f1", "Refusal", "macro_f1", "Citation", "Length"]
    assert sorted(order, key=out.index) == order
    assert "refuse_prec" not in out
    assert "--all shows" in out


def test_all_keys_are_shown_when_asked_for_and_counts_have_no_interval(capsys: pytest.CaptureFixture[str]):
    print_results([results("trust", "em")], whole=True)
    lines = capsys.readouterr().out.splitlines()
    assert not any("--all" in line for line in lines)
    [count] = [line for line in lines if " answered_num " in line]
    assert count.split()[-2:] == ["100", "100000"]
    assert " to " not in count


@pytest.mark.parametrize("nothing", [Estimate(None, None, None, 0), Estimate(0.0, 0.0, (0.0, 0.0), 0)])
def test_what_averages_nothing_is_a_dash(nothing: Estimate, capsys: pytest.CaptureFixture[str]):
    print_results([results("trust", "em", answered_citation_rec=nothing)])
    [line] = [each for each in capsys.readouterr().out.splitlines() if " answered_citation_rec" in each]
    assert line.split()[-2:] == ["-", "0"]
    assert "0.0" not in line


def test_each_note_is_said_once_on_whatever_stream(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "f.json", records(2, output="Old [1, 2]."))
    for quiet in ((), ("--quiet",)):
        ran = cli("score", path, "--task", "asqa", "--nli", "lexical", "--profile", "alce,trust", *quiet)
        assert (ran.out + ran.err).count("profile alce does not read") == 1
        assert (ran.out + ran.err).count("profile trust does not read") == 1


def test_a_note_names_the_tasks_that_it_concerns_where_others_have_none(capsys: pytest.CaptureFixture[str]):
    first = results("trust", "em").model_copy(update={"task": "one", "notes": ["of both", "of one"]})
    second = first.model_copy(update={"task": "two", "notes": ["of both"]})
    say_notes([ScoreResult(each, {}, None) for each in (first, second)])
    assert capsys.readouterr().err.splitlines() == ["note: of both", "note (one): of one"]


def test_a_scoring_ends_with_where_it_is_and_commands_that_work(tmp_path: Path, cli: Cli):
    outputs = write(tmp_path / "f.json", records(3))
    folder = tmp_path / "with space"
    ran = cli("score", outputs, "--task", "asqa", "--nli", "lexical", "--output-path", folder)
    [scored] = folder.glob("scores/*/results.json")
    assert f"results: {scored}" in ran.err
    assert f"groundeval view '{folder}'" in ran.err
    assert f"groundeval compare '{scored.parent}'" in ran.err
    assert "next:" not in cli("score", outputs, "--task", "asqa", "--nli", "lexical", "--quiet").err
    assert "--output-path" in cli("score", outputs, "--task", "asqa", "--nli", "lexical").err


def test_the_other_run_of_the_task_is_named_where_there_is_one(
    tmp_path: Path, cli: Cli, capsys: pytest.CaptureFixture[str]
):
    runs = [write_run(tmp_path, name, samples=4) for name in ("one", "two")]
    scores = [next(run.glob("scores/*")) for run in runs]
    say_next([ScoreResult(open_run(runs[0]).results, {}, scores[0])])
    commands = [line.split() for line in capsys.readouterr().err.splitlines() if line.startswith("  groundeval")]
    assert [words[1] for words in commands] == ["view", "compare"]
    assert commands[1][2:] == [str(each) for each in scores]
    assert cli(*commands[1][1:]).code == 0


def test_the_next_commands_load_the_plugins_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = write_run(tmp_path, "one", samples=4)
    say_next([ScoreResult(open_run(run).results, {}, next(run.glob("scores/*")))], [Path("my plugin.py")])
    commands = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  groundeval")]
    assert [line.endswith(" --include-path 'my plugin.py'") for line in commands] == [True, True]


def test_machines_get_no_table(tmp_path: Path, cli: Cli):
    ran = cli("score", write(tmp_path / "f.json", records(2)), "--task", "asqa", "--nli", "lexical", "--json")
    assert json.loads(ran.out)["task"] == "asqa"
    assert ran.err == ""
