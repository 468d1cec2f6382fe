"""Planning: the metrics computed, the keys reported, and the metrics left out with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from groundeval.aio import run_anywhere
from groundeval.errors import BackendError, DataError, UsageError
from groundeval.metrics.metric import METRICS, Context, Values, register_metric
from groundeval.metrics.profiles import profile_named
from groundeval.nli import NLI
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.records import Document, Example, QAPair, Response
from groundeval.scoring.plan import Plan, plan_scoring
from groundeval.scoring.scorer import Scorer

ALL = frozenset({"docs", "answers_found", "qa_pairs", "answers", "claims", "answer", "references"})


def plan(profile: str = "alce", kind: Any = "em", *asked: str, fields: frozenset[str] = ALL, **options: Any) -> Plan:
    return plan_scoring(profile_named(profile), kind, fields, asked=asked, **options)


def names(made: Plan) -> list[str]:
    return [metric.name for metric in made.metrics]


def test_by_default_all_that_the_profile_has_for_the_kind_of_task_is_computed():
    assert set(names(plan("alce", "em"))) == {"length", "str_em", "rouge", "citation", "claims"}
    assert set(names(plan("alce", "list"))) == {"length", "qampari", "citation", "claims"}
    assert {"answering", "refusal", "calibrated_em", "grounded_citation", "trust_score_em"} == set(
        names(plan("trust", "em"))
    )
    assert "trust_score" in plan("trust", "list").reported


def test_a_task_may_name_its_own_metrics():
    assert names(plan("alce", "em", task_metrics=("length",))) == ["length"]
    assert names(plan("alce", "em", "tag_count", task_metrics=("length",))) == ["format"]
    assert plan("alce", "em", "default", "tag_count", task_metrics=("length",)).reported == ("length", "tag_count")


def test_a_key_brings_its_metric_and_what_that_metric_builds_on_but_reports_itself_only():
    made = plan("trust", "em", "trust_score")
    assert names(made) == ["answering", "calibrated_em", "grounded_citation", "trust_score_em"]
    assert made.reported == ("trust_score",)
    assert list(made.aggregates) == ["trust_score"]
    assert made.asks_nli


def test_a_name_given_twice_counts_once():
    assert plan("alce", "em", "length", "length", "str_em", "str_hit").reported == ("length", "str_em", "str_hit")


def test_only_plans_with_such_metrics_ask_the_verifier():
    assert plan("alce", "em").asks_nli
    assert not plan("alce", "em", "length", "rougeLsum").asks_nli
    assert not plan("alce", "em", fields=frozenset({"qa_pairs", "docs"}) - {"docs"}).asks_nli


def test_what_the_data_lacks_is_left_out_with_a_note_and_an_error_if_named():
    made = plan("alce", "em", fields=ALL - {"qa_pairs", "claims"})
    assert "str_em" not in names(made)
    assert made.notes == ('EM recall, EM hit left out: the data has no short answers ("qa_pairs")',), (
        "claims are a bonus for such tasks"
    )
    with pytest.raises(DataError, match='metric "str_em" needs the field "qa_pairs"'):
        plan("alce", "em", "str_hit", fields=ALL - {"qa_pairs"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("citaton", r'unknown metric "citaton". Did you mean "citation"'),
        ("macro_f1", r'"macro_f1" does not exist under profile alce .*\n.*profiles strict, trust'),
        ("qampari", r'"qampari" does not exist .* kind "em".\n.*kinds list'),
    ],
)
def test_a_metric_that_is_unknown_or_elsewhere_says_so(name: str, message: str):
    with pytest.raises(UsageError, match=message):
        plan("alce", "em", name)


def test_no_two_metrics_that_apply_together_report_the_same_key_or_fill_the_same_column_differently():
    for profile in ("alce", "trust", "strict"):
        for kind in ("em", "list", "claims"):
            # One that stands in for another is never computed together with it.
            every = [metric for _, metric in METRICS.items() if metric.applies(profile, kind)]  # type: ignore[arg-type]
            together = [metric for metric in every if metric.instead_of is None]
            keys = [key for metric in together for key in metric.aggregates]
            assert len(keys) == len(set(keys)), (profile, kind)
            columns = [column for metric in together for column in metric.columns]
            assert len(columns) == len(set(columns)), (profile, kind)


def test_every_key_can_be_asked_for_alone():
    for name in METRICS.names():
        metric = METRICS.get(name)
        for profile in metric.profiles or ("alce", "trust"):
            for kind in metric.kinds or ("em",):
                for key in metric.aggregates:
                    made = plan(profile, kind, key)
                    assert key in made.reported
                    assert made.asks_nli or not metric.asks_nli(kind)


def response(number: int) -> Response:
    docs = (Document("T", f"City {number} is old."),)
    example = Example(str(number), "Q?", docs=docs, qa_pairs=(QAPair("", ("old",)),), answer="old")
    return Response.build(example, f"City {number} is old [1].")


class Watched:
    """A verifier service that yields to others before it answers, and counts who waits."""

    def __init__(self) -> None:
        self.service = NLI(Lexical())
        self.waiting = self.most = 0

    async def verdict(self, premise: str, hypothesis: str) -> Any:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0.001)
        self.waiting -= 1
        return await self.service.verdict(premise, hypothesis)


def stream(count: int, in_flight: int, taken: list[int]) -> tuple[list[str], Watched]:
    watched = Watched()

    def responses() -> Iterator[Response]:
        for number in range(count):
            taken.append(number)
            yield response(number)

    async def run() -> list[str]:
        scorer = Scorer(plan("alce", "em", "citation"), watched)
        return [scored.id async for some in scorer.stream(responses(), in_flight) for _, scored in some]

    return asyncio.run(run()), watched


def test_every_sample_comes_back_once_with_a_bounded_number_in_flight():
    taken: list[int] = []
    ids, watched = stream(30, 8, taken)
    assert sorted(ids, key=int) == [str(number) for number in range(30)]
    assert taken == list(range(30))
    assert 1 < watched.most <= 8


def test_a_sample_whose_verdict_takes_long_holds_back_no_other():
    released = asyncio.Event()

    class OneSlow(Watched):
        async def verdict(self, premise: str, hypothesis: str) -> Any:
            if "City 0 " in hypothesis:
                await released.wait()
            return await super().verdict(premise, hypothesis)

    async def run() -> list[str]:
        ids = []
        async for some in Scorer(plan("alce", "em", "citation"), OneSlow()).stream(map(response, range(20)), 4):
            ids += [scored.id for _, scored in some]
            if len(ids) == 19:
                released.set()
        return ids

    ids = asyncio.run(run())
    assert ids[-1] == "0"
    assert sorted(ids, key=int) == [str(number) for number in range(20)]


def test_where_no_sample_is_finished_for_a_while_the_caller_gets_to_look_around(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.scoring.scorer.SECONDS_BETWEEN_LOOKS", 0.01)

    class Never(Watched):
        async def verdict(self, premise: str, hypothesis: str) -> Any:
            await asyncio.Event().wait()

    async def run() -> tuple[list[Any], int]:
        scores = Scorer(plan("alce", "em", "citation"), Never()).stream(map(response, range(3)))
        first = await anext(scores)
        await scores.aclose()
        return first, len(asyncio.all_tasks())

    assert asyncio.run(run()) == ([], 1)


def test_an_error_comes_after_what_was_finished_before_it():
    class Breaking(Watched):
        async def verdict(self, premise: str, hypothesis: str) -> Any:
            if "City 5 " in hypothesis:
                raise BackendError("out of reach")
            return await super().verdict(premise, hypothesis)

    ids: list[str] = []

    async def run() -> None:
        async for some in Scorer(plan("alce", "em", "citation"), Breaking()).stream(map(response, range(9)), 2):
            ids.extend(scored.id for _, scored in some)

    with pytest.raises(BackendError, match="out of reach"):
        asyncio.run(run())
    assert {"0", "1", "2", "3"} <= set(ids)


def test_giving_up_in_the_middle_leaves_no_task_behind():
    async def run() -> int:
        scorer = Scorer(plan("alce", "em", "citation"), Watched())
        scores = scorer.stream((response(number) for number in range(20)), 8)
        async for _ in scores:
            break
        await scores.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


def test_a_coroutine_runs_to_its_end_with_and_without_a_running_loop():
    async def answer() -> int:
        await asyncio.sleep(0)
        return 7

    async def inside() -> int:
        return run_anywhere(answer)

    assert run_anywhere(answer) == asyncio.run(inside()) == 7


def test_a_metric_of_a_plugin_must_be_asked_for_or_named_by_a_task(monkeypatch: pytest.MonkeyPatch):
    METRICS.names()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    plain = names(plan("alce", "em"))

    @register_metric("shouting", keys=("shouting",), default=True)
    def shouting(response: Response, ctx: Context) -> Values:
        return {"shouting": float(response.text.isupper())}

    assert names(plan("alce", "em")) == plain
    assert names(plan("alce", "em", "default", "shouting")) == [*plain, "shouting"]
    assert names(plan("alce", "em", task_metrics=("length", "shouting"))) == ["length", "shouting"]
