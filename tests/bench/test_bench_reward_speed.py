"""How fast rewards are, on the command line."""

from __future__ import annotations

import json

import pytest

from groundeval.cli.app import main


def test_speed_shows_rewards_per_second_where_no_verifier_is_asked(capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "speed", "--repeats", "1", "--json"]) == 0
    rewards = json.loads(capsys.readouterr().out)["rewards"]
    # Claim tasks ask a verifier for their correctness, too.
    assert [each["name"] for each in rewards] == ["asqa", "qampari"]
    assert all(each["rewards_per_second"] > 0 and each["responses"] for each in rewards)
