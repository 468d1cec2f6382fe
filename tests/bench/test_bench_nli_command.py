"""`groundeval bench nli` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundeval.cli.app import main


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    records = [
        {"premise": f"The tower number {n} was built of old stone.", "hypothesis": hypothesis, "label": label}
        for n in range(12)
        for hypothesis, label in (
            (f"The tower {n} was built of stone.", 1),
            ("Bananas grow in warm countries everywhere.", 0),
        )
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["bench", "nli", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_json_holds_every_measure_with_its_interval(pairs: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = run(capsys, "--model", "lexical", "--data", str(pairs), "--json")
    found = json.loads(out)
    [row] = found["results"]
    assert code == 0
    assert (found["unit"], row["data"], row["verifier"], row["claims"], row["supported"]) == (
        "percent",
        "pairs",
        "lexical",
        24,
        50.0,
    )
    assert row["roc_auc"] == {"value": 100.0, "stderr": 0.0, "ci95": [100.0, 100.0], "n": 24}
    assert row["own"]["threshold"] == 0.5
    assert row["own"]["balanced_accuracy"]["value"] == row["own"]["f1"]["value"] == 100.0
    assert (row["calibrated"]["chosen_on"], row["calibrated"]["held_out"]["f1"]["n"]) == (12, 12)
    assert row["identity"]["kind"] == "lexical"
    assert row["pairs_per_second"] > 0


def test_a_table_names_data_verifier_and_measures(pairs: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = run(capsys, "--model", "lexical", "--data", f"towers={pairs}")
    assert code == 0
    assert all(word in out for word in ("towers", "lexical", "balanced accuracy", "F1", "ROC-AUC", "pairs/s"))


def test_out_gets_the_results_and_the_same_plot_each_time(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("matplotlib")
    written = []
    for name in ("one", "two"):
        out = tmp_path / name
        assert run(capsys, "--model", "lexical", "--data", str(pairs), "--out", str(out))[0] == 0
        assert json.loads((out / "nli_quality.json").read_text())["results"][0]["data"] == "pairs"
        written.append((out / "nli_pairs.png").read_bytes())
    assert written[0].startswith(b"\x89PNG")
    assert written[0] == written[1]


def test_two_data_sets_of_one_name_get_a_plot_each(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    run(capsys, "--model", "lexical", "--data", str(pairs), "--data", str(pairs), "--out", str(out))
    assert sorted(file.name for file in out.glob("*.png")) == ["nli_pairs_1.png", "nli_pairs_2.png"]


def test_wrong_data_end_with_a_message_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"premise": "a", "hypothesis": "b", "label": "maybe"}\n')
    code, out, err = run(capsys, "--model", "lexical", "--data", str(file))
    assert (code, out) == (1, "")
    assert f"error: {file}, record 1: field \"label\" is 'maybe'" in err


def test_an_unknown_verifier_is_wrong_usage(pairs: Path, capsys: pytest.CaptureFixture[str]):
    code, _, err = run(capsys, "--model", "lexcal", "--data", str(pairs))
    assert code == 2
    assert 'Did you mean "lexical"' in err


def test_a_verifier_of_ones_own_is_measured(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plugin = tmp_path / "shouting.py"
    plugin.write_text(
        "from groundeval.nli.model import register_nli\n"
        "from groundeval.records import Verdict\n\n\n"
        "@register_nli('about_towers')\n"
        "class AboutTowers:\n"
        "    name, revision = 'about_towers', '1'\n\n"
        "    def __init__(self, options):\n"
        "        pass\n\n"
        "    def score(self, pairs):\n"
        "        return [Verdict('tower' in pair.hypothesis, float('tower' in pair.hypothesis)) for pair in pairs]\n"
    )
    code, out, _ = run(capsys, "--include-path", str(plugin), "--model", "about_towers", "--data", str(pairs), "--json")
    [row] = json.loads(out)["results"]
    assert (code, row["verifier"], row["own"]["f1"]["value"]) == (0, "about_towers", 100.0)
