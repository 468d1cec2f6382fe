"""Servers that are killed, stopped and started again while clients work: real processes on real ports."""

from __future__ import annotations

import importlib.resources
import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from nli_servers import ServerProcess, ask, client, slow_plugin, until

import groundeval
from groundeval.cli.app import main
from groundeval.errors import EXIT_DONE, EXIT_RESUMABLE
from groundeval.http import client as connection
from groundeval.nli import remote
from groundeval.records import Pair


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Outputs for the embedded ASQA data, most of them with a wrong citation too, so that many pairs are asked."""
    file = importlib.resources.files("groundeval.tasks") / "data" / "asqa" / "test.jsonl"
    records = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for record in records:
        record["output"] = record["response"].replace("].", "][2].")
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(records), "utf-8")
    return path


def results_below(folder: Path) -> list[dict[str, Any]]:
    """The results of all scorings in a folder, but for the verifier's identity, which holds the code of the plugin."""
    return [
        {name: value for name, value in json.loads(path.read_bytes()).items() if name != "nli_identity"}
        for path in folder.glob("scores/*/results.json")
    ]


def test_a_server_killed_and_started_again_in_mid_run_loses_nothing(
    predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(remote, "CHUNK_PAIRS", 4)
    monkeypatch.setattr(connection, "SAY_AFTER", 0.3)
    groundeval.score(predictions, "asqa", nli="lexical", output_path=tmp_path / "direct")
    slow = ("--model", "slow-lexical", "--include-path", str(slow_plugin(tmp_path)))
    with ServerProcess(*slow) as first:
        run = threading.Thread(
            target=lambda: groundeval.score(predictions, "asqa", nli=first.address, output_path=tmp_path / "served")
        )
        run.start()
        until(lambda: first.judged() > 0)
        first.stop(signal.SIGKILL)
        assert run.is_alive()
    assert not results_below(tmp_path / "served")
    run.join(0.7)
    assert run.is_alive()
    with ServerProcess(*slow, port=first.port) as second:
        run.join(60)
        assert not run.is_alive()
        assert second.judged() > 0
    assert results_below(tmp_path / "served") == results_below(tmp_path / "direct")
    assert len(results_below(tmp_path / "direct")) == 1
    [manifest] = (tmp_path / "served").glob("scores/*/manifest.json")
    assert json.loads(manifest.read_text())["environment"]["nli"] == first.address
    said = capsys.readouterr().err
    assert said.count("Waiting for it") == 1
    assert said.count("answers again") == 1


def test_a_run_whose_server_stays_away_ends_with_exit_code_3_and_the_same_command_resumes(
    predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(remote, "CHUNK_PAIRS", 4)
    slow = ("--model", "slow-lexical", "--include-path", str(slow_plugin(tmp_path)))
    with ServerProcess(*slow) as first:
        out = str(tmp_path / "served")
        command = ["score", str(predictions), "--task", "asqa", "--nli", first.address, "--output-path", out, "--json"]
        command += ["--nli-args", "patience=1.5,timeout=5"]
        codes: list[int] = []
        run = threading.Thread(target=lambda: codes.append(main(command)))
        run.start()
        until(lambda: first.judged() > 0)
        first.stop(signal.SIGKILL)
        run.join(30)
    assert codes == [EXIT_RESUMABLE]
    assert first.address in capsys.readouterr().err
    with ServerProcess(*slow, port=first.port):
        assert main(command) == EXIT_DONE
    [resumed] = results_below(tmp_path / "served")
    groundeval.score(predictions, "asqa", nli="lexical", output_path=tmp_path / "direct")
    assert results_below(tmp_path / "direct") == results_below(tmp_path / "served")
    assert json.loads(capsys.readouterr().out)["metrics"].keys() == resumed["metrics"].keys()


def test_a_server_that_is_told_to_stop_finishes_what_is_in_flight_and_never_shows_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "token").write_text("secret-word\n")
    arguments = ("--model", "slow-lexical", "--include-path", str(slow_plugin(tmp_path)))
    with ServerProcess(*arguments, "--token-file", str(tmp_path / "token")) as server:
        monkeypatch.setenv("GROUNDEVAL_NLI_TOKEN", "secret-word")
        remote_model = client(server.address)
        remote_model.load()
        remote_model.close()
        headers = {"Authorization": "Bearer secret-word"}
        pairs = [[f"{i} a", f"{i}"] for i in range(24)]
        got: list[int] = []
        asking = threading.Thread(
            target=lambda: got.append(len(ask(server.address, pairs, headers=headers).json()["verdicts"]))
        )
        asking.start()
        until(lambda: server.judged() > 0)
        assert server.stop(signal.SIGTERM) == EXIT_DONE
        asking.join(20)
        assert got == [24]
        assert not any("secret-word" in line for line in server.said)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "lexcal"], 'Did you mean "lexical"'),
        (["--model", "http://127.0.0.1:1"], "already a server"),
        (["--model", "lexical", "--host", "203.0.113.1"], "cannot listen"),
        (["--model", "lexical", "--token-file", "/no/such/file"], "--token-file /no/such/file"),
        (["--model", "lexical", "--dtype", "float16"], "float16"),
    ],
)
def test_a_server_that_cannot_be_started_says_why(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    assert main(["serve-nli", "--port", "0", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_without_its_packages_the_server_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["serve-nli", "--model", "lexical"]) == 2
    assert "groundeval[server]" in capsys.readouterr().err


def test_a_wrong_answer_would_be_noticed(predictions: Path, tmp_path: Path):
    """The comparison of the tests above tells results apart."""
    plugin = slow_plugin(tmp_path)
    says_yes = "return super().score(pairs)"
    assert says_yes in plugin.read_text()
    says_no = "return [type(v)(False, 0.0) for v in super().score(pairs)]"
    plugin.write_text(plugin.read_text().replace(says_yes, says_no))
    with ServerProcess("--model", "slow-lexical", "--include-path", str(plugin)) as server:
        assert not client(server.address).score([Pair("a", "a")])[0].entailed
        groundeval.score(predictions, "asqa", nli=server.address, output_path=tmp_path / "served")
    groundeval.score(predictions, "asqa", nli="lexical", output_path=tmp_path / "direct")
    assert len(results_below(tmp_path / "served")) == len(results_below(tmp_path / "direct")) == 1
    assert results_below(tmp_path / "served") != results_below(tmp_path / "direct")
