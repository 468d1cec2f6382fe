"""Several servers of one verifier: none of them may fail a question, and all together are one verifier."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from nli_servers import (
    Containment,
    Hostile,
    Judging,
    ServerProcess,
    client,
    http,
    ready,
    serving,
    slow_plugin,
    until,
    verdict,
)

import groundeval
from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.http.client import Refused
from groundeval.nli import NLI, connect, remote
from groundeval.nli.model import PartialFailure
from groundeval.records import Pair, Verdict

PAIRS = [Pair(f"{i} " + "x" * (i * 37 % 900), f"{i} ") for i in range(400)]


@pytest.fixture(autouse=True)
def small_requests(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "CHUNK_PAIRS", 4)


def test_both_servers_work_and_together_they_are_the_verifier_that_each_is():
    models = Containment(seconds=0.01), Containment(seconds=0.01)
    with ready(NLI(models[0])) as first, ready(NLI(models[1])) as second:
        both, one = client(f"{first},{second}/"), client(first)
        assert both.score(PAIRS) == [verdict(pair) for pair in PAIRS]
        one.load()
        assert (both.identity(), both.name, both.revision) == (one.identity(), one.name, one.revision)
    scored = [len(model.scored) for model in models]
    assert sum(scored) == len(PAIRS)
    assert min(scored) > 50


def test_the_faster_server_gets_more():
    fast, slow = Containment(), Containment(seconds=0.2)
    with ready(NLI(fast)) as first, ready(NLI(slow)) as second:
        assert client(f"{first},{second}").score(PAIRS) == [verdict(pair) for pair in PAIRS]
    assert len(fast.scored) > len(slow.scored)


def test_a_server_that_is_away_costs_no_question_and_joins_again(capsys: pytest.CaptureFixture[str]):
    models = Containment(), Containment()
    with ready(NLI(models[0])) as first:
        with ready(NLI(models[1])) as second:
            both = client(f"{first},{second}")
            assert both.score(PAIRS[:100]) == [verdict(pair) for pair in PAIRS[:100]]
        port = int(second.rpartition(":")[2])
        assert both.score(PAIRS[100:200]) == [verdict(pair) for pair in PAIRS[100:200]]
        assert len(models[0].scored) > 100
        again = Containment()
        with ready_at(NLI(again), port):
            until(lambda: "answers again" in capsys.readouterr().err)
            assert both.score(PAIRS[200:300]) == [verdict(pair) for pair in PAIRS[200:300]]
        assert len(again.scored) > 10


def ready_at(nli: NLI, port: int):
    return serving(nli, port)


def test_one_that_is_away_at_the_start_is_said_and_joins_later(capsys: pytest.CaptureFixture[str]):
    with serving(NLI(Containment())) as gone:
        pass
    late = Containment()
    with ready(NLI(Containment())) as first:
        both = client(f"{gone},{first}")
        both.check()
        assert both.score(PAIRS[:50]) == [verdict(pair) for pair in PAIRS[:50]]
        assert f"{gone} does not answer" in capsys.readouterr().err
        with ready_at(NLI(late), int(gone.rpartition(":")[2])):
            until(lambda: "answers again" in capsys.readouterr().err)
            both.score(PAIRS[50:150])
    assert late.scored


def test_different_verifiers_are_refused_at_the_start_with_the_difference():
    with ready(NLI(Containment(revision="7"))) as first, ready(NLI(Containment(revision="8"))) as second:
        for ask in ("check", "load"):
            with pytest.raises(UsageError, match="same verifier") as caught:
                getattr(client(f"{first},{second}"), ask)()
            assert f"{second} serves another verifier: revision is '8', not '7'" in str(caught.value)


def test_one_that_is_still_loading_is_waited_for_and_compared():
    class Late(Containment):
        def load(self) -> None:
            assert gate.wait(20)

    gate = threading.Event()
    with ready(NLI(Containment(revision="7"))) as first, serving(NLI(Late(revision="8"))) as second:
        both = client(f"{first},{second}")
        both.check()
        threading.Timer(0.5, gate.set).start()
        with pytest.raises(UsageError, match="serves another verifier"):
            both.load()


def test_one_that_comes_back_with_another_verifier_is_left_out(capsys: pytest.CaptureFixture[str]):
    with ready(NLI(Containment())) as first:
        with ready(NLI(Containment())) as second:
            both = client(f"{first},{second}")
            both.score(PAIRS[:20])
        other = Containment(revision="8")
        with ready_at(NLI(other), int(second.rpartition(":")[2])):
            said = []
            for begin in range(20, 120, 10):
                assert both.score(PAIRS[begin : begin + 10]) == [verdict(pair) for pair in PAIRS[begin : begin + 10]]
            until(lambda: said.append(capsys.readouterr().err) or "left out" in "".join(said))
            before = len(other.scored)
            assert both.score(PAIRS[120:200]) == [verdict(pair) for pair in PAIRS[120:200]]
        assert len(other.scored) == before
        assert "".join(said).count("left out") == 1


def test_one_that_was_exchanged_unnoticed_is_left_out():
    first_model, exchanged = Containment(), Containment()
    with ready(NLI(first_model)) as first, ready(NLI(exchanged)) as second:
        both = client(f"{first},{second}")
        both.score(PAIRS[:20])
        before = len(exchanged.scored)
        # As after a restart between two requests: every answer names the new verifier.
        both._client._servers[1].client._once = lambda *_: b'{"model": "another", "verdicts": []}'
        assert both.score(PAIRS[20:60]) == [verdict(pair) for pair in PAIRS[20:60]]
    assert len(exchanged.scored) >= before


@pytest.mark.parametrize("answer", [b"", http(b"<html>"), http({"error": "oops"}, "500 Internal Server Error")])
def test_one_that_answers_badly_costs_nothing(answer: bytes):
    model = Containment()
    with ready(NLI(model)) as good, Hostile(answer) as bad:
        same = client(good)
        same.load()
        both = client(f"{good},{bad.address}")
        both._client._examine(both._client._servers[0])
        both._client._servers[1].up = True
        both._served = same._served
        assert both.score(PAIRS[:100]) == [verdict(pair) for pair in PAIRS[:100]]
        assert bad.asked >= 1


def test_a_busy_server_is_left_alone_and_not_given_up():
    gate = threading.Event()
    full, free = NLI(Containment(gate)), NLI(Containment())
    with ready(full, max_waiting=1) as first, ready(free) as second:
        blocking = threading.Thread(target=lambda: client(first).score(PAIRS[:4]))
        blocking.start()
        until(lambda: full.waiting == 4)
        both = client(f"{first},{second}")
        assert both.score(PAIRS[4:40]) == [verdict(pair) for pair in PAIRS[4:40]]
        assert both._client._servers[0].up
        gate.set()
        blocking.join(20)


def test_when_none_answers_for_the_whole_patience_the_run_stops_resumably():
    with ready(NLI(Containment())) as first, ready(NLI(Containment())) as second:
        both = client(f"{first},{second}", patience=1.0)
        both.load()
    begun = time.monotonic()
    with NLI(both) as nli:
        outcomes = nli.outcomes(PAIRS[:8])
    assert time.monotonic() - begun < 15
    assert all(isinstance(each, BackendError) and each.exit_code == 3 for each in outcomes)
    assert first in str(outcomes[0])
    assert second in str(outcomes[0])


def test_none_at_the_start_is_an_error_that_names_all():
    with serving(NLI(Containment())) as first, serving(NLI(Containment())) as second:
        pass
    with pytest.raises(BackendError, match="none is reachable") as caught:
        client(f"{first},{second}", patience=0.5).check()
    assert f"{first},{second}" in str(caught.value)


def test_a_token_that_one_refuses_is_said_at_the_start():
    with ready(NLI(Containment())) as first, serving(NLI(Containment()), token="secret") as second:
        with pytest.raises(UsageError, match="GROUNDEVAL_NLI_TOKEN") as caught:
            client(f"{second},{first}").check()
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("http://a:1,http://a:1/", "named twice"),
        ("http://a:1,,http://b:1", "is empty"),
        ("http://a:1,", "is empty"),
        ("http://a:1,b:2", "must look like"),
        ("http://a:1,http://u:secret@b:2", "password"),
    ],
)
def test_lists_of_addresses_that_cannot_be_meant(spec: str, words: str):
    with pytest.raises(UsageError, match=words) as caught:
        _ = connect(spec).model
    assert "secret@" not in str(caught.value)


def test_many_threads_and_servers_that_come_and_go_lose_no_question():
    pairs = [Pair(f"{i} a", f"{i}") for i in range(1500)]

    class Slow(Containment):
        def score(self, some: Sequence[Pair]):
            time.sleep(0.002)
            return super().score(some)

    stop = threading.Event()
    with ready(NLI(Slow())) as first:
        with ready(NLI(Slow())) as second:
            both = NLI(client(f"{first},{second}", patience=60.0))
            both.load()
        port = int(second.rpartition(":")[2])

        def come_and_go() -> None:
            while not stop.is_set():
                with ready_at(NLI(Slow()), port):
                    time.sleep(0.3)

        coming = threading.Thread(target=come_and_go)
        coming.start()
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda k: both.judge(pairs[k::4]), range(4)))
        stop.set()
        coming.join(60)
    assert [found[k] for k in range(4)] == [[verdict(pair) for pair in pairs[k::4]] for k in range(4)]


KILLS = int(os.environ.get("GROUNDEVAL_KILLS", "5"))
"""Twenty, tried now and then, take two minutes."""


@pytest.mark.slow
def test_kills_of_one_of_two_under_load_lose_no_question(tmp_path: Path):
    slow = ("--model", "slow-lexical", "--include-path", str(slow_plugin(tmp_path)))
    asked: list[Pair] = []
    found: list[object] = []
    enough = threading.Event()

    def ask(both: NLI) -> None:
        while not enough.is_set():
            more = [Pair(f"word{i} common text", f"word{i} common") for i in range(len(asked), len(asked) + 200)]
            found.extend(both.outcomes(more))
            asked.extend(more)

    with ServerProcess(*slow) as first, ServerProcess(*slow) as second:
        both = NLI(client(f"{first.address},{second.address}", patience=120.0))
        asking = threading.Thread(target=ask, args=(both,))
        asking.start()
        try:
            for _ in range(KILLS):
                before = second.judged()
                while second.judged() == before:
                    assert asking.is_alive()
                    time.sleep(0.01)
                second.stop()
                second = ServerProcess(*slow, port=second.port)
        finally:
            enough.set()
            asking.join(600)
            second.stop()
    assert found == connect("lexical").judge(asked)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the children in /proc")
def test_launched_servers_are_used_as_one_and_a_killed_one_is_started_again():
    command = [sys.executable, "-m", "groundeval", "serve-nli", "--model", "lexical", "--launch", "2", "--port", "0"]
    parent = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert parent.stderr is not None
    said: list[str] = []
    try:
        for line in parent.stderr:
            said.append(line)
            if found := re.search(r"clients: --nli (http://\S+,http://\S+)", line):
                break
        threading.Thread(target=lambda: said.extend(parent.stderr), daemon=True).start()
        both = client(found[1], patience=60.0)
        direct = connect("lexical").judge(PAIRS)
        until(lambda: all(is_there(each) for each in found[1].split(",")), 60)
        assert both.score(PAIRS) == direct
        children = children_of(parent.pid)
        assert len(children) == 2
        os.kill(children[1], signal.SIGKILL)
        assert both.score(PAIRS) == direct
        until(lambda: any("restarting it" in each for each in said), 60)
        until(lambda: is_there(found[1].split(",")[1]), 60)
        parent.terminate()
        assert parent.wait(60) == 0
        assert children_of(parent.pid) == []
    finally:
        parent.kill()
        parent.wait()


def children_of(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def is_there(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_servers_that_cannot_be_started_end_the_launch_with_an_error(tmp_path: Path):
    command = [sys.executable, "-m", "groundeval", "serve-nli", "--model", f"seq2seq:{tmp_path}", "--launch", "2"]
    done = subprocess.run([*command, "--port", "0", "--device", "cpu"], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "config.json" in done.stderr


def test_results_and_their_id_are_those_of_one_server_and_of_the_verifier_in_process(tmp_path: Path):
    data = importlib.resources.files("groundeval.tasks") / "data" / "asqa" / "test.jsonl"
    records = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([{**each, "output": each["response"].replace("].", "][2].")} for each in records]))
    with ready(connect("lexical", in_process=True)) as first, ready(NLI(connect("lexical").model)) as second:
        for name, nli in (("direct", "lexical"), ("one", first), ("two", f"{first},{second}")):
            groundeval.score(file, "asqa", nli=nli, output_path=tmp_path / name)
    found = [
        {path.parent.name: path.read_bytes() for path in (tmp_path / name).glob("scores/*/results.json")}
        for name in ("direct", "one", "two")
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 1


def test_a_token_that_one_refuses_later_leaves_that_one_out_and_two_stop_the_run(monkeypatch: pytest.MonkeyPatch):
    with ready(NLI(Containment())) as first, ready(NLI(Containment())) as second:
        both = client(f"{first},{second}")
        both.load()
        servers = both._client._servers

        def refuse(*_: object) -> bytes:
            raise Refused("the token is refused")

        monkeypatch.setattr(servers[1].client, "_once", refuse)
        assert both.score(PAIRS[:40]) == [verdict(pair) for pair in PAIRS[:40]]
        for each in servers:
            monkeypatch.setattr(each.client, "_once", refuse)
            monkeypatch.setattr(each.probe, "_once", refuse)
        begun = time.monotonic()
        with NLI(both) as nli:
            outcomes = nli.outcomes(PAIRS[40:80])
        assert all(isinstance(each, BackendError) for each in outcomes)
        assert time.monotonic() - begun < 5


def test_a_pair_whose_answers_none_can_read_is_the_error_of_its_sample_alone():
    def answer(line: socket.socket, pairs: list[list[str]]) -> bytes:
        score = 10**400 if ["odd", "odd"] in pairs else 0.5
        return http({"model": "m", "verdicts": [{"entailed": True, "score": score}] * len(pairs)})

    pairs = [*PAIRS[:20], Pair("odd", "odd"), *PAIRS[20:40]]
    with Judging(answer) as first, Judging(answer) as second, pytest.raises(PartialFailure) as caught:
        client(f"{first.address},{second.address}").score(pairs)
    failed = [outcome for outcome in caught.value.outcomes if not isinstance(outcome, Verdict)]
    assert [type(outcome) for outcome in failed] == [SampleError]
    assert "Hypothesis: 'odd'" in str(failed[0])


def test_servers_that_answer_nothing_readable_stop_the_run_resumably_and_say_it_in_a_few_lines(
    capsys: pytest.CaptureFixture[str],
):
    with Hostile(http(b"[]")) as first, Hostile(http(b"{")) as second, pytest.raises(PartialFailure) as caught:
        client(f"{first.address},{second.address}", patience=4.0).score(PAIRS[:100])
    assert {type(outcome) for outcome in caught.value.outcomes} == {BackendError}
    assert len(capsys.readouterr().err.splitlines()) < 40
