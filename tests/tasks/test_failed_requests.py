"""A request that failed, as the tool that made it says, is a sample with an error: recorded, and in no score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, write

from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import read_outputs
from groundeval.tasks import load_task
from groundeval.tasks.formats.outputs.failed import failure_in

ASKED = {"question": "Why is the sky blue?"}
FAILED: list[tuple[dict[str, Any], str]] = [
    ({"response": {"status": "failed", "error": {"code": 500, "message": "It broke"}, "output": []}}, "It broke"),
    ({"response": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}}, "Overloaded"),
    ({"result": {"type": "errored", "error": {"type": "error", "error": {"message": "bad prompt"}}}}, "bad prompt"),
    ({"result": {"type": "expired"}}, "expired"),
    ({"response": {"promptFeedback": {"blockReason": "SAFETY"}}}, "SAFETY"),
    ({"response": {"candidates": [{"finishReason": "SAFETY", "index": 0}]}}, "SAFETY"),
    ({"response": {"status_code": 400, "body": {"error": {"message": "too long"}}}, "error": None}, "too long"),
    ({"response": {"status_code": 503}}, "503"),
    ({"response": None, "error": {"code": "batch_expired", "message": "not executed"}}, "not executed"),
    ({"modelInput": {"prompt": "x"}, "error": {"errorCode": 400, "errorMessage": "Bad input"}}, "Bad input"),
    ({"inputs": {"question": "a"}, "outputs": None, "status": "error", "error": "RateError()"}, "RateError()"),
    ({"response": {"error": "API error: 429"}, "success": False}, "API error: 429"),
    ({"attributes": {"input.value": "q"}, "status_code": "STATUS_CODE_ERROR"}, "ERROR"),
    ({"choices": [{"error": {"code": 502, "message": "Provider"}, "message": {"content": ""}}]}, "Provider"),
    ({"answer": "the gold answer", "output": None, "error": "timed out"}, "timed out"),
    (
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "said before"},
                {"role": "user", "content": "b"},
            ],
            "response": {"status": "failed", "error": {"message": "No model"}},
        },
        "No model",
    ),
]  # fmt: skip
ANSWERED: list[dict[str, Any]] = [
    {"output": "Because of scattering.", "error": None},
    {"output": "Because of scattering.", "error": "the judge timed out"},
    {"output": "A 404 error says that a page is missing.", "docs": [{"title": "error", "text": "failed"}]},
    {"response": {"output": "Because."}, "error": "Expected output to contain scattering", "success": False},
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "error": "tracing failed"},
    {"answer": "Because.", "status": "ok"},
    {"output": "", "finish_reason": "length"},
    {"output": "", "error": None},
    {"output": None, "error": None, "docs": [{"title": "error", "text": "error"}]},
    {"response": {"status": "incomplete", "output": []}},
]


@pytest.mark.parametrize(("record", "reason"), FAILED)
def test_a_failure_is_what_the_envelope_calls_one(record: dict[str, Any], reason: str):
    assert reason in (failure_in({**ASKED, **record}) or "")


@pytest.mark.parametrize("record", ANSWERED)
def test_an_answer_and_an_empty_one_are_no_failures(record: dict[str, Any]):
    assert failure_in({**ASKED, **record}) is None


def _log(failed: int) -> list[dict[str, Any]]:
    docs = [{"title": "Light", "text": "The sky is blue because air scatters short waves."}]
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Air scatters [1]."}]}
    ok = {"status": "completed", "output": [said]}
    wrong = {"status": "failed", "error": {"message": "Rate limit reached"}, "output": []}
    return [{"question": f"Why {n}?", "documents": docs, "response": wrong if n < failed else ok} for n in range(130)]


def test_failed_requests_are_counted_and_left_out_wherever_they_stand(tmp_path: Path, cli: Cli):
    """Also where the first hundred, by which a log is recognised, all failed."""
    path = write(tmp_path / "log.jsonl", _log(failed=120))
    ran = cli("score", path, "--nli", "lexical", "--json", "--output-path", tmp_path / "scored")
    assert ran.code == 0, ran.err
    assert (ran.json["n"], ran.json["statuses"]) == (10, {"error": 120, "ok": 10})
    assert ran.json["metrics"]["answered_ratio"]["value"] == 100.0
    [note] = [note for note in ran.json["notes"] if "failed" in note]
    assert note == "120 of 130 samples failed: the numbers are over the other 10; the first: 0: Rate limit reached"
    assert "failed request 120" in cli("inspect", path).out


def test_a_file_in_which_every_request_failed_is_an_error_that_says_why(tmp_path: Path, cli: Cli):
    ran = cli("score", write(tmp_path / "log.jsonl", _log(failed=130)), "--nli", "lexical")
    assert ran.code == 1
    assert "every request failed (130); the first: Rate limit reached" in ran.err


def test_a_failed_request_need_not_have_what_the_others_have():
    gold = {"docs": [{"title": "", "text": "Oslo is in Norway."}], "answers": [["Oslo"]]}
    rows = [
        {"question": "Which city?", "output": "Oslo [1].", **gold},
        {"question": "Which town?", "output": None, "error": "timeout"},
        {"output": None, "error": "timeout"},
    ]
    outputs = read_outputs(ScoreOptions(predictions=rows), load_task("own"))
    assert [response.status for response in outputs.responses] == ["ok", "error", "error"]
    assert [response.example.question for response in outputs.responses] == ["Which city?", "Which town?", ""]
    assert {"docs", "answers"} <= outputs.fields
