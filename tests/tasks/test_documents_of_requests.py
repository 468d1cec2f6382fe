"""The documents of a request are read whatever the answer holds: refusals and uncited answers have them, too."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, write

from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import Outputs, read_outputs
from groundeval.tasks import load_task

Q = "How long is the warranty?"
D = ["The warranty lasts five years and no longer.", "At night it makes 32 decibels at three metres."]
REFUSAL = "I could not find the answer in the documents."
PARIS = "It lasts five years"


def read(source: Any, **options: Any) -> Outputs:
    return read_outputs(ScoreOptions(predictions=source, **options), load_task("own"))


def texts(outputs: Outputs) -> list[list[str | None]]:
    return [[document.text for document in each.example.docs or ()] for each in outputs.responses]


def document(text: str) -> dict[str, Any]:
    return {"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": text}}


def result(text: str) -> dict[str, Any]:
    return {"type": "search_result", "source": "a.md", "title": "t", "content": [{"type": "text", "text": text}]}


ASKED = {"type": "text", "text": Q}


def cites(text: str = PARIS) -> dict[str, Any]:
    by = {"document_index": 0, "document_title": "t", "search_result_index": None, "cited_text": D[0]}
    return {"type": "text", "text": text, "citations": [by]}


GIVEN = {
    "documents": [{"role": "user", "content": [*map(document, D), ASKED]}],
    "documents in a turn of their own": [{"role": "user", "content": list(map(document, D))},
                                         {"role": "user", "content": Q}],
    "search results": [{"role": "user", "content": [*map(result, D), ASKED]}],
    "results of a tool": [{"role": "user", "content": Q}, {"role": "assistant", "content": [
        {"type": "tool_use", "id": "1", "name": "search", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": list(map(result, D))}]}],
}  # fmt: skip


@pytest.mark.parametrize("turns", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("field", ["messages", "request", "request_body", "requestParams"])
def test_an_answer_without_citations_has_the_documents_of_its_request(turns: Any, field: str):
    request = {"messages": turns} if field == "messages" else {field: {"messages": turns}}
    by = {"document_index": 0} if "document" in json.dumps(turns) else {"search_result_index": 0}
    cited = {"type": "text", "text": PARIS, "citations": [{**by, "cited_text": D[0]}]}
    plain = {"type": "text", "text": REFUSAL}
    blocks = [cited, plain, {**plain, "citations": None}, {**plain, "citations": []}]
    message = {"type": "message", "role": "assistant", "stop_reason": "end_turn"}
    logs = [{**request, "response": {**said, "content": [block]}} for said in ({}, message) for block in blocks]
    outputs = read(logs)
    assert texts(outputs) == [D] * 8
    assert [each.example.question for each in outputs.responses] == [Q] * 8
    assert outputs.warnings == ()


def test_documents_of_converse_are_read_and_a_pdf_is_no_text():
    def log(*content: Any) -> dict[str, Any]:
        said = {"output": {"message": {"role": "assistant", "content": [{"text": REFUSAL}]}}, "stopReason": "end_turn"}
        return {"request": {"messages": [{"role": "user", "content": [*content, {"text": Q}]}]}, "response": said}

    given = [{"document": {"format": "txt", "name": "n", "source": {"text": text}}} for text in D]
    assert texts(read([log(*given)])) == [D]
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ"}}
    assert texts(read([log(pdf, *map(document, D))])) == [["", *D]]


CHOICE = {"role": "assistant", "content": "None."}
TOOLS = [
    {"documents": [{"data": {"text": each}} for each in D]},
    {"messages": [{"role": "user", "content": Q}, {"role": "tool", "tool_call_id": "1", "content": [
        {"type": "document", "document": {"id": "1", "data": each}} for each in D]}]},
    {"messages": [{"role": "user", "content": Q},
                  {"role": "tool", "content": json.dumps({"0": {"snippets": [D[0]]}, "1": {"snippets": [D[1]]}})}]},
    {"messages": [{"role": "user", "content": Q},
                  {"role": "tool", "content": json.dumps({"count": 2, "results": [{"text": each} for each in D]})}]},
]  # fmt: skip


@pytest.mark.parametrize("request_", TOOLS)
def test_documents_of_other_tools_do_not_need_citations_either(request_: dict[str, Any]):
    log = {"request": {"messages": [{"role": "user", "content": Q}], **request_}}
    assert texts(read([{**log, "response": {"choices": [{"message": CHOICE}]}}])) == [D]


@pytest.mark.parametrize("content", ["It is sunny.", '{"temperature": 7}', '[{"a": 1}]', "[1, 2]"])
def test_what_a_tool_returned_that_is_no_text_is_no_document(content: str):
    turns = [{"role": "user", "content": Q}, {"role": "tool", "content": content}, CHOICE]
    assert texts(read([{"messages": turns}])) == [[]]


def test_documents_of_the_request_are_there_in_cited_and_uncited_answers_alike():
    passages = [{"url": f"https://a.example/{number}", "text": text} for number, text in enumerate(D)]
    cites = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 5, "url": passages[1]["url"]}}
    logs = [
        {"request": {"messages": [{"role": "user", "content": Q}], "documents": passages},
         "response": {"choices": [{"message": {**CHOICE, "annotations": annotations}}]}}
        for annotations in ([cites], [])
    ]  # fmt: skip
    outputs = read(logs)
    assert texts(outputs) == [D, D]
    assert [each.text for each in outputs.responses] == ["None [2].", "None."]
    chunks = {"groundingChunks": [{"retrievedContext": {"text": D[1]}}]}
    grounded = [
        {"question": Q, "documents": D, "candidates": [{"content": {"parts": [{"text": "None."}]}, **metadata}]}
        for metadata in ({"groundingMetadata": chunks}, {})
    ]
    assert [sorted(map(str, each)) for each in texts(read(grounded))] == [sorted(D)] * 2
    reference = {"content": {"text": D[1]}, "location": {"type": "S3"}}
    cited = {"generatedResponsePart": {"textResponsePart": {"span": {"start": 0, "end": 4}}}}
    bases = [
        {"question": Q, "documents": D, "output": {"text": "None."},
         "citations": [{**cited, "retrievedReferences": references}]}
        for references in ([reference], [])
    ]  # fmt: skip
    outputs = read(bases)
    assert texts(outputs) == [D, D]
    assert outputs.responses[0].text == "None [2]."


def test_a_wrong_refusal_stays_one(cli: Cli, tmp_path: Path):
    turns = GIVEN["documents"]
    logs = [
        {"request": {"messages": turns}, "response": {"content": [block]}, "gold": "five years"}
        for block in (cites(), {"type": "text", "text": REFUSAL})
    ]
    ran = cli("score", write(tmp_path / "log.json", logs), "--nli", "lexical", "--json")
    assert ran.json["metrics"]["answerable_num"]["value"] == 2
    assert ran.json["metrics"]["macro_f1"]["value"] < 100


def test_records_without_documents_among_others_are_a_warning_that_counts_their_refusals(cli: Cli, tmp_path: Path):
    def log(content: Any, said: str) -> dict[str, Any]:
        request = {"messages": [{"role": "user", "content": content}]}
        return {"request": request, "response": {"content": [{"type": "text", "text": said}]}, "gold": "five years"}

    logs = [log([*map(document, D), ASKED], "Five years."), log(Q, REFUSAL), log(Q, "Five years."), log(Q, REFUSAL)]
    path = write(tmp_path / "log.json", logs)
    ran = cli("score", path, "--nli", "lexical")
    told = " ".join(ran.out.split())
    assert (
        "warning: own: 3 of 4 records have no documents, though others do (first: record 2): 2 refusals and 1 other"
        in told
    )
    assert "count as unanswerable" in told
    assert 'The others have documents in "request.messages"' in told
    assert "warning: 3 of 4" in " ".join(cli("inspect", path).out.split())
    # The place that is named can be mapped as it is written.
    place = told.split('The others have documents in "')[1].split('"')[0]
    assert texts(read(path, map={"docs": place})) == [D, [], [], []]
    for each in logs:
        del each["gold"]
    [warning] = read(logs).warnings
    assert "unanswerable" not in warning
    assert read(logs[1:]).warnings == ()


@pytest.mark.parametrize("turns", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("path", ["messages", "messages[].content", "messages[].content[]"])
def test_the_content_of_turns_can_be_mapped_to_documents(turns: Any, path: str):
    if path.endswith("[]") and any(isinstance(turn["content"], str) for turn in turns):
        return
    assert texts(read([{"messages": turns, "output": REFUSAL}], map={"docs": path})) == [D]


def test_lists_of_documents_behind_a_path_to_many_places_are_one_list():
    record = {"question": Q, "output": "None.", "hits": [{"found": [{"text": text}]} for text in D]}
    assert texts(read([record], map={"docs": "hits[].found"})) == [D]


HINTED: list[dict[str, Any]] = [
    {"frage": Q, "inhalt": [*map(document, D), {"type": "text", "text": "Cite."}], "antwort": PARIS},
    {"anfrage": {"messages": GIVEN["documents"]}, "antwort": PARIS},
    {"frage": Q, "kontext_1": D[0], "kontext_2": D[1], "antwort": PARIS},
    {"frage": Q, "funde": [{"stelle": text} for text in D], "antwort": PARIS},
    {"daten": {"frage.text": Q, "funde": list(D)}, "antwort": {"wort": PARIS}},
]


@pytest.mark.parametrize("record", HINTED)
def test_the_map_that_an_error_shows_reads_the_record_when_it_is_used_as_it_is_written(
    record: dict[str, Any], cli: Cli, tmp_path: Path
):
    path = write(tmp_path / "log.json", [record])
    told = cli("score", path, "--nli", "lexical").err
    flags = shlex.split(told[told.index("--map ") :].splitlines()[0])
    found = cli("inspect", path, *flags, "--json").json
    assert (found["first"]["question"], found["first"]["output"]) == (Q, PARIS)
    assert [each["text"] for each in found["first"]["documents"]] == D
