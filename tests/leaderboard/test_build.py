"""Building the site: what is shown, what is rejected, and that the same inputs give the same bytes."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from many_runs import data_file, write_run

import groundeval
from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.leaderboard.build import build
from groundeval.leaderboard.reported import SHIPPED

EXAMPLES = SHIPPED.parent / "example_runs"


def entries(site: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((site / "leaderboard.json").read_text())["entries"]
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_example_runs_give_the_same_bytes_twice_and_from_another_folder(tmp_path: Path):
    shutil.copytree(EXAMPLES, tmp_path / "elsewhere" / "deep")
    first = build([EXAMPLES], tmp_path / "one")
    again = build([EXAMPLES], tmp_path / "one")
    build([tmp_path / "elsewhere"], tmp_path / "two")
    assert first.rejected == again.rejected == []
    assert first.measured == 18
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_all_metrics_are_in_json_and_csv_and_the_telling_ones_on_the_page(tmp_path: Path):
    write_run(tmp_path / "runs", "my/model", samples=40)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    [entry] = entries(tmp_path / "site")
    assert entry["rank"] == 1
    assert entry["system"] == "my/model"
    assert set(entry["metrics"]) == {"length", "str_em", "str_hit", "citation_rec", "citation_prec"}
    rows = list(csv.DictReader((tmp_path / "site" / "leaderboard.csv").open()))
    assert {row["metric"]: float(row["value"]) for row in rows} == {
        key: metric["value"] for key, metric in entry["metrics"].items()
    }
    page = (tmp_path / "site" / "index.html").read_text()
    assert f"{entry['metrics']['str_em']['value']:.1f}" in page
    assert "lexical" in page
    assert "proxy" in page
    assert "| 1 | my/model |" in (tmp_path / "site" / "leaderboard.md").read_text()


def test_the_best_runs_of_a_table_are_compared_on_a_page_that_the_index_links_to(tmp_path: Path):
    for number, name in enumerate(("a", "b")):
        write_run(tmp_path / "runs", name, samples=10, seed=number)
    build([tmp_path / "runs"], tmp_path / "two", shipped=False)
    [page] = (tmp_path / "two" / "compare").iterdir()
    assert f'href="compare/{page.name}"' in (tmp_path / "two" / "index.html").read_text()
    text = page.read_text()
    assert 'href="../index.html#' in text
    assert "B against A" in text
    assert "EM recall" in text
    assert str(tmp_path) not in text
    write_run(tmp_path / "alone", "a", samples=10)
    build([tmp_path / "alone"], tmp_path / "one", shipped=False)
    assert not (tmp_path / "one" / "compare").exists()


def test_ranks_count_the_significantly_better_systems_of_the_same_pool(tmp_path: Path):
    for name, right in (("best", 0.8), ("middle", 0.5), ("worst", 0.2)):
        write_run(tmp_path / "runs", name, samples=200, right=right)
    write_run(tmp_path / "runs", "fewer", samples=100, right=0.05)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    ranks = {entry["system"]: entry["rank"] for entry in entries(tmp_path / "site")}
    assert ranks == {"best": 1, "middle": 2, "worst": 3, "fewer": 1}


def test_systems_judged_by_another_model_are_ranked_among_themselves(tmp_path: Path):
    write_run(tmp_path / "runs", "proxied", samples=200, right=0.8)
    judged = write_run(tmp_path / "runs", "judged", samples=200, right=0.2)
    change(judged / "scores", "manifest.json", lambda manifest: manifest["identity"].update(nli={"name": "true"}))
    change(judged / "scores", "results.json", lambda results: results.update(nli="true", nli_identity={"name": "true"}))
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    assert [(entry["system"], entry["rank"], entry["proxy"]) for entry in entries(tmp_path / "site")] == [
        ("judged", 1, False),
        ("proxied", 1, True),
    ]


def change(folder: Path, name: str, edit: Any) -> None:
    [path] = folder.rglob(name)
    found = json.loads(path.read_text())
    edit(found)
    path.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda r: r["metrics"]["str_em"].update(value=99.0), r"str_em: results.json says value = 99, .* give \d"),
        (lambda r: r["metrics"]["str_em"].update(ci95=[0.0, 1.0]), r"str_em: results.json says ci95 = \[0, 1\]"),
        (lambda r: r["metrics"]["str_em"].update(n=4000), "says n = 4000"),
        (lambda r: r["metrics"].update(made_up=r["metrics"]["str_em"]), 'reports "made_up"'),
        (lambda r: r.update(schema_version=99), "schema_version is 99, this groundeval reads 1"),
        (lambda r: r.update(extra=1), "field extra: Extra inputs are not permitted"),
        (lambda r: r["metrics"]["str_em"].update(value="much"), "field metrics.str_em.value"),
        (lambda r: r.update(statuses={"ok": 4000}), "counts 4000 samples, scores.jsonl holds 40"),
        (lambda r: r.update(n=3), "says {'n': 3"),
        (lambda r: r.update(profile="nonsense"), "profile 'nonsense'"),
        (lambda r: r.update(task="qampari"), "says task 'qampari', the manifest says 'asqa'"),
        (lambda r: r.update(nli="true"), "says nli 'true', the manifest says 'lexical'"),
        (lambda r: r["nli_identity"].update(fidelity="exact"), "says nli_identity"),
    ],
)
def test_a_result_that_was_tampered_with_is_left_out_and_named(tmp_path: Path, edit: Any, reason: str):
    write_run(tmp_path / "runs", "honest", samples=40)
    bad = write_run(tmp_path / "runs", "tampered", samples=40)
    change(bad, "results.json", edit)
    built = build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    [rejected] = built.rejected
    assert re.search(reason, rejected.reason), rejected.reason
    assert bad.relative_to(tmp_path / "runs").as_posix() in rejected.folder
    assert [entry["system"] for entry in entries(tmp_path / "site")] == ["honest"]
    assert "Left out" in (tmp_path / "site" / "index.html").read_text()


def test_per_sample_values_that_were_tampered_with_are_noticed(tmp_path: Path):
    run = write_run(tmp_path / "runs", "tampered", samples=40)
    [scores] = run.rglob("scores.jsonl")
    lines = [json.loads(line) for line in scores.read_text().splitlines()]
    for line in lines[:5]:
        line["values"]["str_em"] = 1.0 - line["values"]["str_em"] / 2
    scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match="its per-sample values give"):
        build([tmp_path / "runs"], tmp_path / "site", shipped=False)


def test_the_command_fails_with_exit_code_1_when_a_run_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path / "runs", "honest", samples=40)
    change(write_run(tmp_path / "runs", "bad", samples=40), "results.json", lambda r: r.update(n=3))
    assert main(["leaderboard", "build", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert "left out: " in capsys.readouterr().err


def test_a_run_that_lies_there_twice_is_listed_once(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=40)
    shutil.copytree(run, tmp_path / "runs" / "copy" / "of" / "it")
    assert build([tmp_path / "runs"], tmp_path / "site", shipped=False).measured == 1


def test_reported_numbers_are_marked_and_never_ranked(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=40)
    built = build([tmp_path / "runs"], tmp_path / "site")
    reported = [entry for entry in entries(tmp_path / "site") if entry["reported"]]
    assert built.reported == len(reported) > 100
    assert all(entry["rank"] is None and entry["source"] for entry in reported)
    first = next(entry for entry in reported if entry["task"] == "asqa" and entry["details"] == ["vanilla", "5 docs"])
    assert first["metrics"]["str_em"]["value"] == 40.4
    grounded = [entry for entry in reported if "ground-grpo" in " ".join(entry["details"])]
    assert all("trust_score" in entry["metrics"] for entry in grounded)


def test_a_reported_file_with_a_slip_is_an_error_that_names_the_field(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=40)
    slip = tmp_path / "slip.json"
    slip.write_text(json.dumps({"source": "x", "protocol": "alce", "rows": [{"model": "m", "metrics": {}}]}))
    with pytest.raises(DataError, match=r"slip.json: rows.0.task"):
        build([tmp_path / "runs"], tmp_path / "site", reported=[slip])


def test_a_folder_that_is_no_leaderboard_is_not_replaced(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=40)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a leaderboard"):
        build([tmp_path / "runs"], tmp_path / "site")
    assert (tmp_path / "site" / "thesis.txt").read_text() == "mine"


@pytest.mark.slow
def test_several_processes_build_the_same_site(tmp_path: Path):
    for number in range(33):
        write_run(tmp_path / "runs", f"system-{number}", samples=20, seed=number)
    build([tmp_path / "runs"], tmp_path / "one", processes=1)
    build([tmp_path / "runs"], tmp_path / "two", processes=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_documents_are_shared_between_runs_on_the_same_data(tmp_path: Path):
    data = data_file(tmp_path / "data.json", 60)
    for name in ("one", "two"):
        write_run(tmp_path / "runs", name, samples=60, data=data)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False, data=[data])
    assert len(list((tmp_path / "site" / "documents").iterdir())) == 2


def test_data_that_the_manifest_does_not_name_by_its_hash_are_not_shown(tmp_path: Path):
    data = data_file(tmp_path / "data.json", 20)
    write_run(tmp_path / "runs", "one", samples=20, data=data)
    data_file(data, 21)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False, data=[data])
    assert list((tmp_path / "site" / "documents").iterdir()) == []


def test_texts_of_scored_outputs_are_shown_where_the_user_gives_the_file(tmp_path: Path):
    outputs = tmp_path / "outputs.json"
    record = {
        "question": "Who built it?",
        "output": "Monks built it.",
        "qa_pairs": [{"short_answers": ["monks"], "question": "?"}],
    }
    outputs.write_text(json.dumps([record] * 3))
    groundeval.score(outputs, "asqa", nli="lexical", output_path=tmp_path / "runs" / "mine")
    build([tmp_path / "runs"], tmp_path / "without", shipped=False)
    build([tmp_path / "runs"], tmp_path / "with", shipped=False, data=[tmp_path / "outputs.json"])
    assert "Monks built it." not in b"".join(tree(tmp_path / "without").values()).decode()
    assert "Monks built it." in b"".join(tree(tmp_path / "with").values()).decode()


def test_a_task_that_a_manifest_names_by_a_python_file_is_not_run(tmp_path: Path):
    run = write_run(tmp_path / "runs", "stranger", samples=20)
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"]["task_reference"] = f"{trap}:task"
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert build([tmp_path / "runs"], tmp_path / "site", shipped=False).measured == 1
    assert not (tmp_path / "sprung").exists()


def test_training_curves_and_reward_benchmarks_are_drawn_where_there_are_some(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=20)
    training = tmp_path / "runs" / "training"
    training.mkdir()
    rows = [{"stage": "grpo", "step": step, "reward": step / 10} for step in range(5)]
    (training / "history.json").write_text(json.dumps(rows))
    (training / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": 1, "loss": 2.0}]}))
    benchmark: dict[str, Any] = {
        "rewards": ["a"],
        "attacks": ["x", "y"],
        "values": [[50.5, None]],
        "meaning": "accuracy",
    }
    benchmark["families"] = [{"key": "x", "title": "empty answers"}]
    (training / "reward_benchmark.json").write_text(json.dumps(benchmark))
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    figures = (tmp_path / "site" / "data" / "figures.js").read_text()
    drawn = json.loads(figures.removeprefix('groundeval.receive("figures",').removesuffix(");\n"))
    assert drawn["training-0"]["data"][0]["y"] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert drawn["training-1"]["data"][0]["name"] == "loss"
    assert drawn["rewards-0"]["data"][0]["z"] == [[50.5, None]]
    assert drawn["rewards-0"]["data"][0]["hovertext"] == [["empty answers", "y"]]
    assert "Training curves" in (tmp_path / "site" / "index.html").read_text()


def test_a_training_is_drawn_once_with_the_reward_and_its_components(tmp_path: Path):
    write_run(tmp_path / "runs", "one", samples=20)

    def write(path: str, rows: list[dict[str, Any]]) -> None:
        file = tmp_path / "runs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(rows if file.name == "history.json" else {"log_history": rows}))

    names = ["loss", "reward", "reward_std", "trust/component/citation", "trust/component/refusal", "trust/words"]
    write("training/mine/1/history.json", [{"step": step, **dict.fromkeys(names, 0.5)} for step in (1, 2)])
    for step in (9, 10):
        write(f"training/mine/1/stages/1-grpo/checkpoint-{step}/trainer_state.json", [{"step": step, "reward": 1.0}])
        write(f"whole/checkpoint-{step}/trainer_state.json", [{"step": step, "reward": 1.0}])
        write(f"broken_off/checkpoint-{step}/trainer_state.json", [{"step": step, "reward": 1.0}])
    write("whole/trainer_state.json", [{"step": 11, "reward": 1.0}])
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    figures = (tmp_path / "site" / "data" / "figures.js").read_text()
    drawn = json.loads(figures.removeprefix('groundeval.receive("figures",').removesuffix(");\n"))
    curves = {each["title"]: each["data"] for name, each in drawn.items() if name.startswith("training-")}
    assert list(curves) == ["Training: broken_off/checkpoint-10", "Training: training/mine/1", "Training: whole"]
    assert [each["name"] for each in curves["Training: training/mine/1"]] == ["reward", *names[3:5]]


def test_runs_with_several_answers_are_checked_and_ranked_with_the_others(tmp_path: Path):
    write_run(tmp_path / "runs", "single", samples=100, right=0.9)
    several = write_run(tmp_path / "runs", "several", samples=200, answers=2, right=0.2)
    built = build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    assert built.rejected == []
    assert {entry["system"]: (entry["rank"], entry["n"]) for entry in entries(tmp_path / "site")} == {
        "single": (1, 100),
        "several": (2, 100),
    }
    change(several, "results.json", lambda results: results["best_of"]["str_em"].update(value=100.0))
    [rejected] = build([tmp_path / "runs"], tmp_path / "site", shipped=False).rejected
    assert "best of several answers, str_em" in rejected.reason
