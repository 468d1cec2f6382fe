"""`groundeval doctor`: what it says of an installation, in which everything works and in which something does not."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli

from groundeval.validation import installation


def found(cli: Cli, *flags: object) -> dict[str, dict[str, Any]]:
    ran = cli("doctor", *flags, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["works"] is True
    return {each["what"]: each for each in ran.json["findings"]}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection may be made."""

    def refused(*_: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.fixture
def health() -> Iterator[str]:
    """The address of a server that answers 200 to `/health` and 404 to anything else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_installation_that_works_exits_with_0_and_says_what_to_do_next(alone: None, cli: Cli):
    ran = cli("doctor")
    assert (ran.code, ran.err) == (0, "")
    for words in ("Python", "scoring with --nli lexical works", "cache of verdicts", "groundeval score FILE"):
        assert words in ran.out


def test_without_being_asked_to_it_asks_no_network(alone: None, cli: Cli):
    assert "--online" in found(cli)["hub"]["detail"]


def test_no_library_of_models_is_imported():
    code = (
        "import sys; from groundeval.cli.app import main; assert main(['doctor']) == 0; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_a_missing_package_of_the_base_is_a_failure_and_one_of_a_job_is_not(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    version = installation._version
    monkeypatch.setattr(installation, "_version", lambda name: None if name == "fastapi" else version(name))
    server = found(cli)["server"]
    assert (server["state"], server["advice"]) == ("missing", "in groundeval's checkout: pip install -e '.[server]'")
    assert "without fastapi" in server["detail"]
    monkeypatch.setattr(installation, "_version", lambda name: None if name == "numpy" else version(name))
    ran = cli("doctor", "--json")
    assert ran.code == 1
    assert ran.json["works"] is False
    assert ran.json["next"][0].startswith("groundeval: ")


def test_an_extra_that_holds_others_needs_their_packages_too():
    assert {"trl", "torch", "transformers"} <= set(installation._packages("train"))
    assert "torch" not in installation._packages("")


@pytest.mark.parametrize(
    ("nli", "state", "words"),
    [
        ("lexical", "ok", "no download"),
        ("true", "missing", "11 billion parameters"),
        ("classifier:some/model", "missing", "some/model"),
        ("http://127.0.0.1:9", "missing", "127.0.0.1:9"),
    ],
)
def test_the_verifier_is_looked_for(nli: str, state: str, words: str, cli: Cli, tmp_path: Path, monkeypatch: Any):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    verifier = found(cli, "--nli", nli)[f"verifier {nli}"]
    assert verifier["state"] == state
    assert words in verifier["detail"]


def test_a_verifier_in_the_cache_and_a_server_that_answers_are_there(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: str
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--google--t5_xxl_true_nli_mixture" / "snapshots" / "abc"
    kept.mkdir(parents=True)
    (kept / "config.json").write_text("{}" * 5000)
    everything = found(cli)
    assert everything["verifier true"]["state"] == "ok"
    assert everything["cache of the hub"]["detail"] == f"{tmp_path}: 10.0 kB"
    assert found(cli, "--nli", health)[f"verifier {health}"]["state"] == "ok"


def test_the_hub_is_asked_with_online_only(cli: Cli, monkeypatch: pytest.MonkeyPatch, health: str):
    monkeypatch.setenv("HF_ENDPOINT", health)
    assert found(cli, "--online")["hub"]["state"] == "ok"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert found(cli, "--online")["hub"]["state"] == "missing"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in found(cli)["hub"]["detail"]


def test_a_gpu_beside_a_torch_for_the_cpu_is_worth_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA X, 80 GB, 79 GB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    version = installation._version
    for torch, state in (("2.12.0+cpu", "missing"), ("2.12.0+cu129", "ok")):
        monkeypatch.setattr(installation, "_version", lambda name, v=torch: v if name == "torch" else version(name))
        gpu = found(cli)["GPU"]
        assert (gpu["state"], "NVIDIA X, 80 GB" in gpu["detail"]) == (state, True)
    program.write_text("#!/bin/sh\nexit 9\n")
    assert found(cli)["GPU"]["state"] == "note"
