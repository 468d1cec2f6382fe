"""The NLI service: one queue for every kind of caller, each pair judged once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Sequence

import pytest

from groundeval.errors import BackendError, SampleError
from groundeval.nli import NLI, BatchOptions, PartialFailure, Traits, connect
from groundeval.records import Pair, Verdict


class Recording:
    """Entails iff the hypothesis is part of the premise; remembers its batches, and can be held at a gate."""

    name = "recording"
    revision = "7"
    traits = Traits(persistent=False)

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.batches: list[list[Pair]] = []
        self.gate = gate

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.batches.append(list(pairs))
        if self.gate is not None:
            assert self.gate.wait(10)
        if any("poison" in pair.hypothesis for pair in pairs):
            raise ValueError("bad pair")
        return [Verdict(h in p, float(h in p)) for p, h in pairs]

    @property
    def scored(self) -> list[Pair]:
        return [pair for batch in self.batches for pair in batch]


def test_two_loops_in_threads_and_a_synchronous_caller_share_one_model():
    model = Recording()
    texts = [f"premise {i} end" for i in range(40)]
    answers: dict[str, list[bool]] = {}

    async def ask(which: str) -> None:
        answers[which] = list(await asyncio.gather(*(nli.entails(t, f"premise {i} ") for i, t in enumerate(texts))))

    with NLI(model) as nli:
        threads = [threading.Thread(target=lambda w=w: asyncio.run(ask(w))) for w in ("first", "second")]
        for thread in threads:
            thread.start()
        answers["sync"] = [v.entailed for v in nli.judge(Pair(t, f"premise {i} ") for i, t in enumerate(texts))]
        for thread in threads:
            thread.join(10)
    assert answers == dict.fromkeys(("first", "second", "sync"), [True] * 40)
    assert sorted(model.scored) == sorted(Pair(t, f"premise {i} ") for i, t in enumerate(texts))
    assert (nli.stats.asked, nli.stats.unique, nli.stats.computed) == (120, 40, 40)


def test_cancelling_one_asker_leaves_the_shared_pair_to_the_others():
    gate = threading.Event()
    model = Recording(gate)

    async def main() -> bool:
        first = asyncio.create_task(nli.entails("a b", "a"))
        second = asyncio.create_task(nli.entails("a b", "a"))
        while not model.batches:
            await asyncio.sleep(0.001)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.set()
        return await second

    with NLI(model) as nli:
        assert asyncio.run(main()) is True
        future = nli.submit(Pair("a c", "c"))
        future.cancel()
        assert nli.judge([Pair("a c", "c")])[0].entailed
    assert nli.stats.computed == 2


def test_a_pair_whose_every_asker_gave_up_before_it_was_sent_is_not_computed():
    model = Recording()
    with NLI(model, options=BatchOptions(window=0.2)) as nli:
        assert nli.submit(Pair("a", "b")).cancel()
        nli.judge([Pair("c", "d")])
    assert model.scored == [Pair("c", "d")]


def test_a_metric_that_sleeps_between_its_questions_gets_its_answers():
    async def slow_metric(i: int) -> list[bool]:
        first = await nli.entails(f"{i} x", f"{i}")
        await asyncio.sleep(0.01)
        return [first, await nli.entails(f"{i} x", "y")]

    async def main() -> list[list[bool]]:
        return await asyncio.gather(*(slow_metric(i) for i in range(30)))

    with NLI(Recording()) as nli:
        assert asyncio.run(main()) == [[True, False]] * 30


def test_questions_of_many_samples_reach_the_model_as_a_batch():
    model = Recording()

    async def main() -> None:
        await asyncio.gather(*(nli.entails(f"{i}", f"{i}") for i in range(500)))

    # Long enough for a busy machine to ask them all within it.
    with NLI(model, options=BatchOptions(window=0.5)) as nli:
        asyncio.run(main())
    assert len(model.batches) <= 3


def test_flush_sends_what_is_queued_without_waiting_for_the_window():
    with NLI(Recording(), options=BatchOptions(window=30)) as nli:
        future = nli.submit(Pair("a", "a"))
        time.sleep(0.05)
        assert not future.done()
        nli.flush()
        assert future.result(timeout=5).entailed


def test_a_full_budget_is_sent_without_waiting_for_the_window():
    with NLI(Recording(), options=BatchOptions(window=30, budget=100)) as nli:
        futures = [nli.submit(Pair("a" * 30, str(i))) for i in range(4)]
        assert not any(future.result(timeout=5).entailed for future in futures)


def test_long_pairs_are_cut_into_slices_by_the_budget():
    model = Recording()
    with NLI(model, options=BatchOptions(budget=100)) as nli:
        nli.judge(Pair("a" * 40, f"{i:02}") for i in range(10))
    assert max(map(len, model.batches)) == 2


def test_pairs_are_counted_once_however_often_they_are_asked():
    with NLI(Recording()) as nli:
        nli.judge([Pair("a", "b")] * 5 + [Pair("a", "c")])
        nli.judge([Pair("a", "b")] * 3)
    assert nli.stats.as_dict() == {
        "asked": 9,
        "unique": 2,
        "cached": 0,
        "computed": 2,
        "rechecked": 0,
        "failed": 0,
    }


def test_a_pair_is_told_apart_from_one_with_the_border_elsewhere():
    with NLI(Recording()) as nli:
        assert [v.entailed for v in nli.judge([Pair("ab", "b"), Pair("a", "bb"), Pair("", "abb")])] == [
            True,
            False,
            False,
        ]
    assert nli.stats.computed == 3


@pytest.mark.parametrize("spec", ["lexical", "recording"])
def test_a_scope_counts_for_itself_and_calls_cached_what_others_had_asked(spec: str):
    nli = connect("lexical") if spec == "lexical" else NLI(Recording())
    unusual = f"scope test {spec}"
    one, two = nli.scope(), nli.scope()
    one.judge([Pair(unusual, "x"), Pair(unusual, "x"), Pair(unusual, "y")])
    two.judge([Pair(unusual, "y"), Pair(unusual, "z")])
    assert (one.stats.asked, one.stats.unique, one.stats.cached, one.stats.computed) == (3, 2, 0, 2)
    assert (two.stats.asked, two.stats.unique, two.stats.cached, two.stats.computed) == (2, 2, 1, 1)
    one.close()
    assert two.judge([Pair(unusual, "w")])


def test_a_pair_that_breaks_the_model_fails_alone_and_the_service_goes_on():
    pairs = [Pair("a", str(i)) for i in range(20)]
    pairs[7] = Pair("a", "poison")
    with NLI(Recording()) as nli:
        outcomes = nli.outcomes(pairs)
        failed = [i for i, outcome in enumerate(outcomes) if not isinstance(outcome, Verdict)]
        assert failed == [7]
        assert "poison" in str(outcomes[7])
        with pytest.raises(SampleError, match="poison"):
            asyncio.run(nli.entails("a", "poison"))
        with pytest.raises(SampleError, match="poison"):
            nli.submit(pairs[7]).result(timeout=5)
        assert nli.judge([Pair("fine", "fine")])[0].entailed


def test_a_model_may_say_itself_which_pairs_failed():
    class Partial(Recording):
        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            raise PartialFailure([BackendError("too long") if len(p) > 3 else Verdict(True, 1.0) for p, _ in pairs])

    with NLI(Partial()) as nli:
        [good, bad] = nli.outcomes([Pair("abc", ""), Pair("abcd", "")])
    assert good == Verdict(True, 1.0)
    assert str(bad) == "too long"


def test_a_failed_pair_is_tried_again_when_asked_again():
    class Flaky(Recording):
        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            self.batches.append(list(pairs))
            if len(self.batches) == 1:
                raise BackendError("out of order")
            return [Verdict(True, 1.0) for _ in pairs]

    with NLI(Flaky()) as nli:
        with pytest.raises(BackendError, match="out of order"):
            nli.judge([Pair("a", "b")])
        assert nli.judge([Pair("a", "b")]) == [Verdict(True, 1.0)]
        assert nli.stats.failed == 1


def test_a_model_that_returns_too_few_verdicts_is_an_error_not_a_shift():
    class Short(Recording):
        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            return [Verdict(True, 1.0)]

    # A window that is long enough for both pairs to come into one batch, whatever else the machine does.
    patient = BatchOptions(window=0.5)
    with NLI(Short(), options=patient) as nli, pytest.raises(BackendError, match="1 verdicts for 2 pairs"):
        nli.judge([Pair("a", "b"), Pair("a", "c")])


def test_closing_fails_what_waits_and_refuses_new_questions():
    gate = threading.Event()
    model = Recording(gate)
    nli = NLI(model, options=BatchOptions(budget=1))
    futures = [nli.submit(Pair("a", str(i))) for i in range(3)]
    while not model.batches:
        time.sleep(0.001)
    closer = threading.Thread(target=nli.close)
    closer.start()
    while not nli.closed:
        time.sleep(0.001)
    gate.set()
    closer.join(10)
    errors = [future.exception(timeout=5) for future in futures]
    assert errors.count(None) == 1
    assert all("closed" in str(error) for error in errors if error is not None)
    with pytest.raises(BackendError, match="closed"):
        nli.judge([Pair("new", "pair")])


def test_an_asker_whose_loop_has_gone_does_not_hinder_the_others():
    gate = threading.Event()
    model = Recording(gate)
    loop = asyncio.new_event_loop()

    async def start() -> None:
        asyncio.ensure_future(nli.entails("a", "a")).add_done_callback(lambda task: task.cancelled())
        await asyncio.sleep(0.01)

    with NLI(model) as nli:
        loop.run_until_complete(start())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.close()
        future = nli.submit(Pair("a", "a"))
        gate.set()
        assert future.result(timeout=5).entailed


def test_a_handle_pickles_as_its_spec_and_unpickles_as_this_process_s_handle():
    nli = connect("lexical")
    assert pickle.loads(pickle.dumps(nli)) is nli
    assert b"groundeval" in pickle.dumps(nli)
    assert len(pickle.dumps(nli)) < 500
    again = pickle.loads(pickle.dumps(NLI(Recording())))
    with again:
        assert again.judge([Pair("a", "a")])[0].entailed


def _ask_in_child(pipe, nli: NLI) -> None:
    verdicts = nli.judge([Pair("known", "known"), Pair("new in child", "child")])
    pipe.send((os.getpid(), [v.entailed for v in verdicts], nli.model.made_in))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_gets_a_thread_and_a_model_of_its_own():
    class Made(Recording):
        def __init__(self) -> None:
            super().__init__()
            self.made_in = os.getpid()

    with NLI.lazy(Made, name="made", recipe=()) as nli:
        assert nli.judge([Pair("known", "known")])[0].entailed
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        child = context.Process(target=_ask_in_child, args=(there, nli))
        child.start()
        assert here.poll(20)
        pid, entailed, made_in = here.recv()
        child.join(10)
        assert pid == made_in == child.pid
        assert entailed == [True, True]
        assert nli.model.made_in == os.getpid()
        assert nli.judge([Pair("still", "still")])[0].entailed


def test_an_instant_model_answers_without_giving_up_the_event_loop():
    async def main() -> bool:
        interrupted = []
        asyncio.get_running_loop().call_soon(interrupted.append, True)
        await connect("lexical").entails("a b", "a")
        return bool(interrupted)

    assert asyncio.run(main()) is False


def test_a_hundred_thousand_remembered_pairs_stay_small():
    import tracemalloc

    nli = connect("lexical").scope()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    nli.judge(Pair("x" * 2000, str(i)) for i in range(20_000))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / 20_000 < 500


def test_only_the_verdicts_that_were_asked_for_last_are_remembered():
    model = Recording()
    with NLI(model, options=BatchOptions(remember=100)) as nli:
        first = Pair("a", "0")
        for start in range(0, 1_000, 50):
            nli.judge([first, *(Pair("a", str(number)) for number in range(start, start + 50))])
        assert len(nli._engine._known) == 100
        judged = len(model.scored)
        assert judged == 1_000
        nli.judge([first, Pair("a", "999")])
        assert len(model.scored) == judged
        nli.judge([Pair("a", "1")])
        assert len(model.scored) == judged + 1


def test_what_is_in_the_store_needs_no_weights():
    class Heavy(Recording):
        traits = Traits(persistent=True)
        loads = 0

        def load(self) -> None:
            self.loads += 1

    class Store(dict[bytes, Verdict]):
        def get(self, keys):  # type: ignore[override]
            return {key: self[key] for key in keys if key in self}

        def put(self, verdicts):
            self.update(verdicts)

        def close(self):
            pass

    store = Store()
    models = [Heavy(), Heavy()]
    for model in models:
        with NLI(model, store=store) as nli:
            nli.judge([Pair("a", str(number)) for number in range(5)])
    assert [model.loads for model in models] == [1, 0]
