"""The NLI server: answers, access, and protection against overload."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nli_servers import Containment, ask, client, ready, serving, until, verdict

from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.nli import NLI, PartialFailure, connect
from groundeval.nli.server import VerdictServer
from groundeval.records import Pair, Verdict

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


def test_a_request_gets_a_verdict_for_each_pair_in_order():
    with ready(NLI(Containment())) as address:
        answer = ask(address, [["a b", "a"], ["a b", "c"], ["a b", "a"]])
    assert answer.status_code == 200
    assert [each["entailed"] for each in answer.json()["verdicts"]] == [True, False, True]
    assert set(answer.json()["verdicts"][0]) == {"entailed", "score", "rechecked"}


def test_no_pairs_get_no_verdicts():
    with ready(NLI(Containment())) as address:
        assert ask(address, []).json()["verdicts"] == []


def test_verdicts_are_those_of_the_model_to_the_last_bit_whatever_the_texts():
    model = Containment()
    with ready(NLI(model)) as address:
        remote = client(address)

        @settings(max_examples=40, deadline=None)
        @given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=8))
        def same(texts: list[tuple[str, str]]) -> None:
            pairs = [Pair(*each) for each in texts]
            assert remote.score(pairs) == [verdict(pair) for pair in pairs]
            assert set(pairs) <= set(model.scored)

        same()
        lone = Pair("half of a pair: \ud83d", "\udc00\x00\u2028")
        assert remote.score([lone]) == [verdict(lone)]
        assert lone in model.scored


def test_eight_clients_with_overlapping_pairs_get_the_direct_verdicts_and_each_pair_is_computed_once():
    model = Containment(seconds=0.01)
    everything = [Pair(f"premise {i} " + "x" * (i * 37 % 900), f"premise {i % 50} ") for i in range(900)]
    asked = [everything[k * 75 : k * 75 + 375] + everything[:40] for k in range(8)]
    got: dict[int, Sequence[object]] = {}
    served = NLI(model)
    with ready(served) as address:

        def run(k: int) -> None:
            with NLI(client(address)) as nli:
                got[k] = nli.outcomes(asked[k])

        threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert got == {k: [verdict(pair) for pair in asked[k]] for k in range(8)}
    unique = {pair for pairs in asked for pair in pairs}
    assert len(model.scored) == len(unique)
    assert set(model.scored) == unique
    assert served.stats.computed == len(unique)


def test_pairs_of_many_small_requests_reach_the_model_as_batches():
    gate = threading.Event()
    model = Containment(gate)
    served = NLI(model)
    with ready(served) as address:
        threads = [threading.Thread(target=ask, args=(address, [[f"{i}", f"{i}"]])) for i in range(30)]
        for thread in threads:
            thread.start()
        until(lambda: served.waiting == 30)
        gate.set()
        for thread in threads:
            thread.join(20)
    assert len(model.scored) == 30
    assert len(model.batches) < 15


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b'{"pairs": [["a", "b"]', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the body must be"),
        (b"{}", "the body must be"),
        (b'{"pairs": "ab"}', "the body must be"),
        (b'{"pairs": [["a", "b"], ["c"]]}', r"pairs\[1\]"),
        (b'{"pairs": ["ab"]}', r"pairs\[0\]"),
        (b'{"pairs": [["a", "b", "c"]]}', r"pairs\[0\]"),
        (b'{"pairs": [["a", null]]}', r"pairs\[0\]"),
        (b'{"pairs": [{"premise": "a", "hypothesis": "b"}]}', r"pairs\[0\]"),
    ],
)
def test_a_bad_request_is_refused_with_what_is_wrong(bad_requests: str, body: bytes, message: str):
    answer = httpx.post(f"{bad_requests}/verdicts", content=body)
    assert answer.status_code == 400
    assert re.search(message, answer.json()["error"])


@pytest.fixture(scope="module")
def bad_requests():
    with ready(NLI(Containment())) as address:
        yield address


def test_a_request_with_too_many_pairs_or_bytes_is_refused():
    with ready(NLI(Containment()), max_pairs=3, max_bytes=1_000) as address:
        assert ask(address, [["a", "b"]] * 4).status_code == 413
        assert ask(address, [["a" * 990, "b"]]).status_code == 413
        assert ask(address, [["a" * 100_000, "b"]]).status_code == 413
        assert ask(address, [["a", "b"]] * 3).status_code == 200


def test_other_paths_and_methods_are_refused():
    with ready(NLI(Containment())) as address:
        assert httpx.get(f"{address}/verdicts").status_code == 405
        assert httpx.get(f"{address}/").status_code == 404


def test_too_many_waiting_pairs_are_answered_with_429_and_when_to_come_again():
    gate = threading.Event()
    model = Containment(gate)
    served = NLI(model)
    with ready(served, max_waiting=10) as address:
        lone = threading.Thread(target=ask, args=(address, [["large", str(i)] for i in range(12)]))
        lone.start()
        until(lambda: served.waiting == 12)
        refused = ask(address, [["a", "b"]])
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        gate.set()
        lone.join(20)
        assert ask(address, [["a", "b"]]).status_code == 200
    assert 12 <= len(model.scored) <= 13


def test_a_client_comes_again_after_429_and_gets_everything():
    gate = threading.Event()
    model = Containment(gate)
    served = NLI(model)
    with ready(served, max_waiting=3) as address:
        blocking = threading.Thread(target=ask, args=(address, [["first", str(i)] for i in range(4)]))
        blocking.start()
        until(lambda: served.waiting == 4)
        threading.Timer(0.3, gate.set).start()
        pairs = [Pair("second", str(i)) for i in range(5)]
        assert client(address).score(pairs) == [verdict(pair) for pair in pairs]
        blocking.join(20)
        assert 'requests_total{code="429"}' in httpx.get(f"{address}/metrics").text


def test_without_the_token_only_health_is_answered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GROUNDEVAL_NLI_TOKEN", raising=False)
    with serving(NLI(Containment()), token="secret-word") as address:
        client(address, token="secret-word").load()
        for headers in ({}, {"Authorization": "Bearer secret-wor"}, {"Authorization": b"Bearer \xff\xfe"}):
            assert ask(address, [["a", "a"]], headers=headers).status_code == 401
            assert httpx.get(f"{address}/identity", headers=headers).status_code == 401
            assert httpx.get(f"{address}/metrics", headers=headers).status_code == 401
            assert httpx.get(f"{address}/health", headers=headers).status_code == 200
        with pytest.raises(UsageError, match="GROUNDEVAL_NLI_TOKEN") as caught:
            client(address, token="another-word").check()
        assert "another-word" not in str(caught.value)
        monkeypatch.setenv("GROUNDEVAL_NLI_TOKEN", "secret-word")
        assert client(address).score([Pair("a", "a")]) == [verdict(Pair("a", "a"))]


class LoadedLate(Containment):
    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.loading = gate

    def load(self) -> None:
        assert self.loading.wait(20)


def test_a_server_that_loads_its_model_says_so_and_its_clients_wait():
    gate = threading.Event()
    with serving(NLI(LoadedLate(gate))) as address:
        remote = client(address)
        remote.check()
        health = httpx.get(f"{address}/health")
        assert (health.status_code, health.json()["status"]) == (503, "loading")
        assert int(health.headers["Retry-After"]) >= 1
        assert ask(address, [["a", "a"]]).status_code == 503
        assert httpx.get(f"{address}/metrics").status_code == 200
        threading.Timer(0.1, gate.set).start()
        assert remote.score([Pair("a", "a")])[0].entailed
        health = httpx.get(f"{address}/health")
        assert (health.status_code, health.json()["status"]) == (200, "ready")
        assert health.json()["identity"]["name"] == "containment"


def test_a_model_that_cannot_be_loaded_ends_the_server_with_its_error():
    class Broken(Containment):
        def load(self) -> None:
            raise UsageError("no weights there")

    class Bug(Containment):
        def load(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(UsageError, match="no weights there"):
        VerdictServer(NLI(Broken())).serve("127.0.0.1", 0, lambda address: None)
    with pytest.raises(BackendError, match="ZeroDivisionError"):
        VerdictServer(NLI(Bug())).serve("127.0.0.1", 0, lambda address: None)


def test_a_port_that_is_taken_is_a_usage_error():
    with serving(NLI(Containment())) as address, pytest.raises(UsageError, match="--port"):
        VerdictServer(NLI(Containment())).serve("127.0.0.1", int(address.rpartition(":")[2]), lambda address: None)


def test_a_pair_that_cannot_be_judged_fails_alone_and_a_broken_model_stops_its_askers():
    class Partial(Containment):
        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            failures = {"long": SampleError("does not fit"), "broken": BackendError("device lost")}
            raise PartialFailure([failures.get(pair.premise) or verdict(pair) for pair in pairs])

    with ready(NLI(Partial())) as address, NLI(client(address)) as nli:
        fine, long, broken = nli.outcomes([Pair("a", "a"), Pair("long", ""), Pair("broken", "")])
    assert fine == verdict(Pair("a", "a"))
    assert (type(long), str(long)) == (SampleError, "does not fit")
    assert (type(broken), str(broken)) == (BackendError, "device lost")


def test_metrics_count_what_was_asked_known_and_computed():
    with ready(NLI(Containment())) as address:
        ask(address, [["a", "a"], ["a", "b"], ["a", "a"]])
        ask(address, [["a", "a"]])
        ask(address, "nonsense")
        answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert all(re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [0-9.e+-]+', line) for line in lines)
    values = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}
    prefix = "groundeval_nli_"
    counts = ("pairs_asked", "pairs_unique", "pairs_cached", "pairs_computed", "pairs_failed")
    assert [values[f"{prefix}{name}_total"] for name in counts] == [4, 2, 0, 2, 0]
    assert values[prefix + "batches_total"] in (1, 2)
    assert values[prefix + "pairs_waiting"] == 0
    assert values[prefix + 'requests_total{code="200"}'] == 2
    assert values[prefix + 'requests_total{code="400"}'] == 1
    assert values[prefix + "request_seconds_sum"] > 0
    assert values[prefix + 'model_info{name="containment",revision="7"}'] == 1


def test_a_served_model_has_the_identity_that_it_has_in_process():
    with ready(NLI(Containment())) as address:
        remote = NLI(client(address))
        assert remote.identity() == NLI(Containment()).identity()
        assert (remote.model.name, remote.revision) == ("containment", "7")
    with ready(connect("lexical")) as address:
        assert connect(address).identity() == connect("lexical").identity()
        assert json.loads(json.dumps(connect(address).identity())) == connect("lexical").identity()


def test_a_verifier_that_answers_at_once_is_served_like_any_other():
    pairs = [Pair("one two three", "two three four"), Pair("one", "two")]
    with ready(connect("lexical")) as address, NLI(client(address)) as nli:
        assert nli.judge(pairs) == connect("lexical").judge(pairs)


def test_texts_with_lone_surrogates_are_taken_as_they_are():
    pairs = [Pair("\ud800 a", "\ud800 a"), Pair("a", "\udfff")]
    with ready(NLI(Containment())) as address, NLI(client(address)) as nli:
        assert nli.judge(pairs) == [verdict(pair) for pair in pairs]
