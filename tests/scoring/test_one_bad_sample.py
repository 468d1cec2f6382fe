"""Whatever a metric, a parser, a model or a reward does with one sample, the others are scored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from run_cases import lines_of, record, records, write

import groundeval
from groundeval.errors import BackendError, DataError, UsageError
from groundeval.metrics.metric import METRICS, Context, register_metric
from groundeval.nli import NLI, Traits
from groundeval.records import Pair, Response, Verdict
from groundeval.rewards.reward import Reward

BAD = "q3"


def deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def raising(error: BaseException) -> Callable[[], float]:
    def value() -> float:
        raise error

    return value


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "a slip in the code": (lambda: {}["x"], "KeyError"),
    "no division": (lambda: 1 / 0, "ZeroDivisionError: 'division by zero' (test_one_bad_sample.py, line"),
    "recursion": (lambda: str(deep()), "RecursionError"),
    "memory": (raising(MemoryError("no room")), "MemoryError"),
    "a number beyond all floats": (lambda: float(10**400), "OverflowError"),
    "a value beyond all floats": (lambda: 10**400, "must be a finite number or None"),
    "a value that is no number": (lambda: float("nan"), "must be a finite number or None"),
    "infinity": (lambda: float("inf"), "must be a finite number or None"),
    "a text": (lambda: "1", "must be a finite number or None"),
}


@pytest.fixture
def metric() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Registers a metric `fragile`, which computes what it is told to on one sample and 1 on the others."""

    def register(on_bad: Callable[[], Any]) -> None:
        @register_metric("fragile", keys=("fragile",), default=False)
        def fragile(response: Response, ctx: Context) -> dict[str, float | None]:
            """Breaks on one sample."""
            return {"fragile": on_bad() if response.example.id == BAD else 1.0}

    yield register
    METRICS._entries.pop("fragile", None)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_metric_raises_is_the_error_of_its_sample(fault: str, metric: Any, tmp_path: Path):
    value, message = FAULTS[fault]
    metric(value)
    out = tmp_path / "out"
    [result] = groundeval.score(records(5), "asqa", metrics=("fragile", "str_em"), output_path=out)
    assert (result.results.n, result.results.statuses) == (4, {"error": 1, "ok": 4})
    assert any(f"{BAD}: " in note and message[:20] in note for note in result.results.notes)
    [path] = out.rglob("scores.jsonl")
    [failed] = [line for line in lines_of(path) if line["status"] == "error"]
    assert failed["id"] == BAD
    assert message in failed["error"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_key_that_a_metric_does_not_declare_is_told(is_async: bool, metric: Any):
    def values(response: Response, ctx: Context) -> dict[str, float | None]:
        """Misspells a key on one sample."""
        return {"fragil" if response.example.id == BAD else "fragile": 1.0}

    async def later(response: Response, ctx: Context) -> dict[str, float | None]:
        """The same, later."""
        return values(response, ctx)

    register_metric("fragile", keys=("fragile",), default=False)(later if is_async else values)
    [result] = groundeval.score(records(5), "asqa", metrics=("fragile",))
    assert result.results.statuses == {"error": 1, "ok": 4}
    told = "metric \"fragile\" gives 'fragil', which is not one of its keys: 'fragile'"
    [note] = [note for note in result.results.notes if BAD in note]
    assert told in note


@pytest.mark.parametrize("error", [BackendError("gone"), UsageError("wrong flag"), DataError("bad file")])
def test_what_concerns_all_samples_stops_the_run(error: Exception, metric: Any):
    metric(raising(error))
    with pytest.raises(type(error), match=str(error)):
        groundeval.score(records(5), "asqa", metrics=("fragile",))


def test_evidence_that_cannot_be_written_is_the_error_of_its_sample(metric: Any, tmp_path: Path):
    @register_metric("fragile", keys=("fragile",), default=False)
    def fragile(response: Response, ctx: Context) -> dict[str, float | None]:
        """Leaves an object as evidence of one sample."""
        if response.example.id == BAD:
            ctx.evidence["odd"] = {1, 2}
        return {"fragile": 1.0}

    [result] = groundeval.score(records(5), "asqa", metrics=("fragile",), output_path=tmp_path)
    assert result.results.statuses == {"error": 1, "ok": 4}
    [path] = tmp_path.rglob("scores.jsonl")
    assert "cannot be written: TypeError" in path.read_text()
    assert len(lines_of(path)) == 5


def test_where_every_sample_fails_the_error_says_why(metric: Any):
    @register_metric("fragile", keys=("fragile",), default=False)
    def fragile(response: Response, ctx: Context) -> dict[str, float | None]:
        """Breaks on every sample."""
        raise ZeroDivisionError("in the plugin")

    with pytest.raises(DataError, match=r"all 5 failed(.|\n)*q0: scoring failed: ZeroDivisionError: 'in the plugin'"):
        groundeval.score(records(5), "asqa", metrics=("fragile",))


def test_a_text_that_a_parser_breaks_on_is_the_error_of_its_sample(
    monkeypatch: pytest.MonkeyPatch, cli: Any, counting: Any, data: Path, tmp_path: Path
):
    from groundeval.parsing import reasoning

    run = ("--model", "m", "--backend", "counting", "--nli", "lexical", "--json", "--tasks", "asqa")
    assert cli("run", *run, "--data", data, "--output-path", tmp_path / "runs", "--phase", "generate").code == 0
    whole = reasoning.answer_block

    def breaks(text: str, *rest: Any) -> str:
        if BAD in text:
            raise RecursionError("too deep")
        return whole(text, *rest)

    monkeypatch.setattr(reasoning, "answer_block", breaks)
    [folder] = (path.parent for path in (tmp_path / "runs").rglob("prompts.jsonl"))
    scored = cli("score", folder, "--data", data, "--nli", "lexical", "--json").json
    assert scored["statuses"] == {"error": 1, "ok": 4}


class Breaks:
    """A verifier that breaks on what it is told to."""

    name = "breaks"
    traits = Traits(persistent=False)
    revision: str | None = None

    def __init__(self, on: Callable[[Pair], bool]) -> None:
        self.on = on

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        if any(map(self.on, pairs)):
            raise IndexError("index out of range in self")
        return [Verdict(True, 1.0) for _ in pairs]


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_pair_that_breaks_a_model_in_this_process_fails_alone(count: int):
    with NLI(Breaks(lambda pair: pair.hypothesis == "h0")) as nli:
        outcomes = nli.outcomes([Pair("p", f"h{number}") for number in range(count)])
    assert [type(each).__name__ for each in outcomes] == ["SampleError", *["Verdict"] * (count - 1)]


@pytest.mark.parametrize("count", [1, 3])
def test_a_model_that_breaks_on_everything_is_a_failed_backend(count: int):
    with NLI(Breaks(lambda pair: True)) as nli:
        outcomes = nli.outcomes([Pair("p", f"h{number}") for number in range(count)])
    assert all(isinstance(each, BackendError) for each in outcomes)


def test_a_formula_that_breaks_on_a_sample_gives_that_sample_no_reward():
    def formula(values: Any, line: Any) -> dict[str, float | None]:
        return {"share": 1 / (values["length"] - 7)}

    reward = Reward(("length",), formula, "alce", name="fragile", task="asqa")
    lines = [{"id": str(length), "status": "ok", "values": {"length": float(length)}} for length in (6, 7, 8)]
    found = [reward.of(line) for line in lines]
    assert [each.total for each in found] == [-1, None, 1]
    assert "ZeroDivisionError" in str(found[1].error)


def test_a_record_of_huge_numbers_and_deep_extras_is_scored(tmp_path: Path):
    text = json.dumps(records(3)).replace('"id": "q1"', '"id": "q1", "year": 1' + "0" * 400)
    [result] = groundeval.score(write(tmp_path / "p.json", text), "asqa", metrics=("str_em",))
    assert result.results.n == 3
    assert record(1)["id"] == "q1"
