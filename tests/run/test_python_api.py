"""`groundeval.score` and `groundeval.evaluate` from Python: scripts, threads, and code inside an event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from run_cases import Counting, records, write

import groundeval
from groundeval.errors import BackendError, DataError, GroundevalError, UsageError
from groundeval.nli.verifiers.lexical import Lexical


def str_em(path: Path) -> float:
    [scored] = groundeval.score(path, "asqa", nli="lexical")
    return scored.results.metrics["str_em"].value


def test_scoring_returns_typed_results(data: Path, tmp_path: Path):
    alce, trust = groundeval.score(data, "asqa", profiles=("alce", "trust"), nli="lexical", output_path=tmp_path / "o")
    assert isinstance(alce.results, groundeval.Results)
    assert (alce.results.profile, trust.results.profile) == ("alce", "trust")
    assert alce.results.metrics["str_em"].value == 100.0
    assert alce.nli_pairs["asked"] > 0
    assert alce.folder is not None
    stored = json.loads((alce.folder / "results.json").read_text())
    assert groundeval.Results.model_validate(stored) == alce.results


def test_a_task_object_will_do_as_well_as_its_name(data: Path):
    task = groundeval.load_task("asqa")
    assert groundeval.score(data, task, nli="lexical")[0].results.task == "asqa"


def test_nothing_is_printed_unless_asked_for(data: Path, capfd: pytest.CaptureFixture[str]):
    groundeval.score(data, "asqa", nli="lexical")
    assert capfd.readouterr() == ("", "")
    groundeval.score(data, "asqa", nli="lexical", quiet=False)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "5/5" in shown.err


def test_scoring_works_inside_a_running_event_loop(data: Path):
    async def notebook() -> float:
        ticking = asyncio.ensure_future(asyncio.sleep(0))
        value = str_em(data)
        await ticking
        return value

    assert asyncio.run(notebook()) == 100.0


def test_evaluating_works_inside_a_running_event_loop(data: Path, tmp_path: Path, counting: type[Counting]):
    async def notebook() -> list[groundeval.run.runner.TaskRun]:  # type: ignore[name-defined]
        return groundeval.evaluate(
            "m", "asqa", backend="counting", nli="lexical", data=str(data), output_path=tmp_path / "runs"
        )

    [run] = asyncio.run(notebook())
    assert run.scores[0].results.n == 5
    assert run.folder.is_dir()


def test_scoring_works_from_many_threads_at_once(data: Path):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(str_em, [data] * 8)) == [100.0] * 8


def test_evaluating_works_outside_the_main_thread(data: Path, tmp_path: Path, counting: type[Counting]):
    found: list[object] = []

    def work() -> None:
        found.append(
            groundeval.evaluate(
                "m", ["asqa"], backend="counting", nli="lexical", data={"asqa": str(data)}, output_path=tmp_path
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found) == 1


def test_evaluating_again_resumes(data: Path, tmp_path: Path, counting: type[Counting]):
    for _ in range(2):
        groundeval.evaluate("m", "asqa", backend="counting", nli="lexical", data=str(data), output_path=tmp_path)
    assert len(counting.generated) == 5


def test_a_backend_that_fails_is_raised_and_what_was_generated_is_kept(
    data: Path, tmp_path: Path, counting: type[Counting]
):
    counting.break_at = "q4"
    with pytest.raises(BackendError, match="out of memory"):
        groundeval.evaluate("m", "asqa", backend="counting", nli="lexical", data=str(data), output_path=tmp_path)
    counting.break_at, counting.generated = None, []
    groundeval.evaluate("m", "asqa", backend="counting", nli="lexical", data=str(data), output_path=tmp_path)
    assert counting.generated == ["q4"]


def test_code_that_is_trusted_is_that_of_the_verifier_too(
    data: Path, tmp_path: Path, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
):
    asked: list[object] = []

    def connect(spec: str, **options: object) -> groundeval.NLI:
        asked.append(options.get("trust_remote_code"))
        return groundeval.NLI(Lexical())

    monkeypatch.setattr("groundeval.run.score.connect", connect)
    groundeval.evaluate("m", "asqa", backend="counting", data=str(data), output_path=tmp_path, trust_remote_code=True)
    assert set(asked) == {True}


def test_users_errors_are_exceptions_with_exit_codes(tmp_path: Path):
    with pytest.raises(UsageError):
        groundeval.score(tmp_path / "nowhere.json", "asqa", nli="lexical")
    with pytest.raises(DataError) as caught:
        groundeval.score(write(tmp_path / "bad.json", records(1, output=...)), "asqa", nli="lexical")
    assert isinstance(caught.value, GroundevalError)
    assert (caught.value.exit_code, UsageError.exit_code, BackendError.exit_code) == (1, 2, 3)


def test_the_public_names_are_all_there_and_no_others():
    assert set(groundeval.__all__) <= set(dir(groundeval))
    for name in groundeval.__all__:
        assert getattr(groundeval, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'scor'"):
        groundeval.scor  # type: ignore[attr-defined]  # noqa: B018


def test_a_metric_can_be_registered_from_a_script(data: Path):
    @groundeval.register_metric("commas", keys=("commas",))
    async def commas(response: groundeval.Response, ctx: groundeval.Context) -> dict[str, float | None]:
        return {"commas": float("," in response.text)}

    [scored] = groundeval.score(data, "asqa", metrics=("commas",))
    assert scored.results.metrics["commas"].value == 0.0
