"""Addresses of the servers: beyond this machine only with a token, or with an explicit flag."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundeval.cli.app import main

SERVERS = {
    "nli": ("groundeval.nli.server:VerdictServer", ["serve-nli", "--model", "lexical"], "GROUNDEVAL_NLI_TOKEN"),
    "rewards": (
        "groundeval.rewards.server:RewardServer",
        ["serve-rewards", "--reward", "trust", "--nli", "lexical"],
        "GROUNDEVAL_REWARDS_TOKEN",
    ),
}


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """A command that serves, what was served by it, and the variable of its token."""
    place, command, variable = SERVERS[request.param]
    module, _, name = place.partition(":")
    served: list[tuple[str, str | None]] = []
    pytest.importorskip(module)
    monkeypatch.setattr(f"{module}.{name}.serve", lambda self, host, port, told: served.append((host, self._token)))
    for _, _, each in SERVERS.values():
        monkeypatch.delenv(each, raising=False)
    return command, served, variable


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_an_open_host_needs_a_token_or_insecure(server, host: str, capsys: pytest.CaptureFixture[str]):
    command, served, variable = server
    assert main([*command, "--host", host]) == 2
    said = capsys.readouterr().err
    assert variable in said
    assert "--token-file" in said
    assert "--insecure" in said
    assert served == []
    assert main([*command, "--host", host, "--insecure"]) == 0
    assert served == [(host, None)]
    assert "warning" in capsys.readouterr().err


def test_a_token_opens_it_from_the_environment_or_a_file(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    command, served, variable = server
    (tmp_path / "token").write_text("of-a-file\n")
    assert main([*command, "--host", "0.0.0.0", "--token-file", str(tmp_path / "token")]) == 0
    monkeypatch.setenv(variable, "of-the-environment")
    assert main([*command, "--host", "0.0.0.0"]) == 0
    assert served == [("0.0.0.0", "of-a-file"), ("0.0.0.0", "of-the-environment")]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_the_loopback_address_needs_none(server, host: str, capsys: pytest.CaptureFixture[str]):
    command, served, _ = server
    assert main([*command, "--host", host]) == 0
    assert served == [(host, None)]
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("token", ["two words", "two\nlines", "caf\u00e9", " ", "tab\there"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(
    server, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    command, served, variable = server
    (tmp_path / "token").write_text(token)
    assert main([*command, "--token-file", str(tmp_path / "token")]) == 2
    monkeypatch.setenv(variable, token)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert variable in said
    assert "two" not in said.replace("token", "")
    assert served == []


def test_no_flag_takes_a_token(server, capsys: pytest.CaptureFixture[str]):
    command, served, variable = server
    assert main([*command, "--token", "seen-by-everyone"]) == 2
    assert main([*command, "--nli-args", "token=seen-by-everyone"]) == 2
    said = capsys.readouterr().err
    assert variable in said or "GROUNDEVAL_NLI_TOKEN" in said
    assert served == []
