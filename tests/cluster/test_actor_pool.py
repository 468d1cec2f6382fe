"""Actors that share work: what dies is replaced, and only what it was at is done again."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli

from groundeval.cluster import ActorPool, ClusterOptions
from groundeval.cluster.pool import _reason
from groundeval.cluster.session import disconnect
from groundeval.errors import BackendError, MissingExtra, SampleError, UsageError

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")


@pytest.mark.parametrize(
    ("address", "given", "said"),
    [
        ("nowhere", {}, "allowed are host:port"),
        ("host:99999", {}, "allowed are host:port"),
        ("http://host:6379", {}, "allowed are host:port"),
        (None, {"actor": 2}, 'Did you mean "actors"?'),
        (None, {"actors": 0}, "actors=0; allowed: a whole number of 1 or more"),
        (None, {"actors": True}, "actors=True"),
        (None, {"cpus": 0}, "cpus=0; allowed: a number above 0"),
        (None, {"cpus": "two"}, "cpus='two'"),
        (None, {"gpus": 1.5}, "gpus=1.5; allowed: a number of 0 or more, whole if above 1"),
        (None, {"gpus": -1}, "gpus=-1"),
    ],
)
def test_bad_options_are_named_with_what_is_allowed(address: str | None, given: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        ClusterOptions.of(address, given)


@pytest.mark.parametrize("address", ["auto", "node-1:6379", "10.0.0.1:6379", "[::1]:6379", "ray://head:10001"])
def test_addresses_as_ray_takes_them(address: str):
    assert ClusterOptions.of(address, {"actors": 3, "cpus": 0.5, "gpus": 2}).address == address


def test_without_ray_the_extra_is_named_before_anything_is_read(cli: Cli, monkeypatch: pytest.MonkeyPatch, data: Path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))
    with pytest.raises(MissingExtra, match=r"groundeval\[ray\]"):
        ActorPool(ClusterOptions(), name="pool", uses_gpu=False).check()
    ran = cli("score", data, "--task", "asqa", "--nli", "ray:lexical")
    assert ran.code == 2
    assert "pip install -e '.[ray]'" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nli", "ray"), "name the verifier"),
        (("--nli", "ray:http://127.0.0.1:9"), "servers are given by their addresses"),
        (("--nli", "ray:ray:lexical"), "Ray runs verifiers in its actors"),
        (("--nli", "ray:lexicla"), 'unknown NLI model "lexicla"'),
        (("--nli", "ray:lexical", "--ray-address", "x"), "--ray-address x: allowed are"),
        (("--nli", "ray:lexical", "--ray", "actors=many"), "--ray: actors='many'"),
    ],
)
def test_a_verifier_that_ray_cannot_run_is_refused(cli: Cli, data: Path, words: tuple[str, ...], said: str):
    ran = cli("score", data, "--task", "asqa", *words)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    ("backend", "said"),
    [("ray:openai", "A server needs no actors"), ("ray:ray", "Ray runs hf"), ("ray:hff", 'unknown backend "hff"')],
)
def test_a_backend_that_ray_cannot_run_is_refused(cli: Cli, data: Path, backend: str, said: str):
    ran = cli("run", "--model", data, "--backend", backend, "--tasks", "asqa", "--data", data, "--nli", "lexical")
    assert ran.code == 2
    assert said in ran.err


@needs_ray
def test_an_address_at_which_nothing_answers_is_one_clear_line(cli: Cli, data: Path):
    where = ("--nli", "ray:lexical", "--ray-address", "127.0.0.1:9")
    ran = cli("score", data, "--task", "asqa", *where)
    assert ran.code == 3
    assert "--ray-address 127.0.0.1:9: no Ray cluster answers (Connection refused)" in ran.err
    assert "Traceback" not in ran.err


class Doubling:
    """Doubles numbers; some of them kill it, once or always, or are refused."""

    def __init__(self, once: Path, *, loads: bool = True) -> None:
        self.once, self.loads = once, loads

    def load(self) -> None:
        if not self.loads:
            raise UsageError("no such model")

    def work(self, piece: int) -> int:
        mark = self.once / str(piece)
        if piece == 13 or (piece % 5 == 4 and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if piece == 7:
            raise SampleError("seven cannot be doubled")
        if piece == 8:
            raise ZeroDivisionError("a bug")
        return 2 * piece


@pytest.fixture
def pool() -> Iterator[ActorPool[int, int]]:
    made: ActorPool[int, int] = ActorPool(ClusterOptions(actors=2, cpus=0.5), name="the pool", uses_gpu=False)
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def ray_ends_with_these_tests() -> Iterator[None]:
    if importlib.util.find_spec("ray") is not None:
        # The actors cannot import this file.
        from ray import cloudpickle

        cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    disconnect()


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (
            "The actor died unexpectedly before finishing this task.\n\tpid: 7\nThe actor is dead because its worker "
            "process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly exits with a "
            "connection error code 2. End of file. Some common causes include: (1) the OOM killer.",
            "Worker unexpectedly exits with a connection error code 2",
        ),
        ("out of memory", "out of memory"),
        (f"{'x' * 500} because of this", f"...{'x' * 144} because of this"),
    ],
)
def test_of_the_account_of_a_death_its_cause_is_told(account: str, told: str):
    assert _reason(RuntimeError(account)) == told


@needs_ray
@pytest.mark.slow
def test_an_actor_that_dies_is_replaced_and_only_its_piece_is_done_again(
    pool: ActorPool[int, int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    pool.start(partial(Doubling, tmp_path))
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for number in (*range(7), 9, 10):
            taken.append(number)
            yield number

    found = {}
    for piece, result in pool.map(pieces()):
        found[piece] = result
        # No piece is taken before an actor is free for it.
        assert len(taken) <= len(found) + pool.actors
    assert found == {number: 2 * number for number in (*range(7), 9, 10)}
    assert (pool.actors, pool.lost, pool.repeated) == (2, 2, 2)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("the pool: an actor died") == err.count("its batch is repeated") == len(err.splitlines()) == 2
    # An error is the result of its piece, and costs no actor.
    errors = dict(pool.map([6, 7, 8]))
    assert errors[6] == 12
    assert isinstance(errors[7], SampleError)
    assert "seven" in str(errors[7])
    assert "ZeroDivisionError('a bug')" in str(errors[8])
    # A call that is given up leaves nothing to the next.
    next(pool.map(iter([1, 2])))
    assert dict(pool.map([3])) == {3: 6}
    with pytest.raises(BackendError, match="3 actors died on the same batch"):
        dict(pool.map([1, 13]))


@needs_ray
@pytest.mark.slow
def test_an_engine_that_cannot_be_loaded_and_a_cluster_without_room_are_said(pool: ActorPool[int, int], tmp_path: Path):
    with pytest.raises(UsageError, match="no such model"):
        pool.start(partial(Doubling, tmp_path, loads=False))
    large: ActorPool[int, int] = ActorPool(ClusterOptions(actors=2, gpus=1), name="large", uses_gpu=True)
    with pytest.raises(UsageError, match="0 GPUs, room for 0 such actors"):
        large.start(partial(Doubling, tmp_path))
