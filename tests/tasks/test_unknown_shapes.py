"""Logs of no known tool are read by the names and the structure of their fields, or say which `--map` to write."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, write

from groundeval.errors import DataError
from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import Outputs, read_outputs
from groundeval.storage import spool
from groundeval.tasks import load_task

Q = "How long is the warranty?"
D = ["The pump defrosts itself when it is very cold.", "The warranty lasts five years and no longer."]
SAID = "It lasts five years [2]. It defrosts itself [1]."
PLAIN = "It lasts five years. It defrosts itself."
GOLD = "Five years"
TURNS = [{"role": "user", "content": Q}, {"role": "assistant", "content": SAID}]
CHOICE = {"message": {"role": "assistant", "content": SAID}, "finish_reason": "length"}


def read(source: Any, **options: Any) -> Outputs:
    return read_outputs(ScoreOptions(predictions=source, **options), load_task("own"))


SHAPES: dict[str, dict[str, Any]] = {
    "case and separators": {"userQuery": Q, "Model Response": SAID, "retrieved-contexts": D, "groundTruth": GOLD},
    "inputs and outputs": {"inputs": {"question": Q}, "outputs": SAID, "expectations": {"expected_response": GOLD},
                           "retrieved_context": [{"doc_uri": "a", "content": each} for each in D]},
    "dots in names": {"inputs.question": Q, "outputs.answer": SAID, "outputs.contexts": D, "reference.answer": GOLD},
    "a harness": {"doc_id": 0, "doc": {"question": Q, "contexts": D, "answers": [GOLD]}, "target": GOLD,
                  "arguments": [["Q: ...", {}]], "resps": [[SAID]], "filtered_resps": [SAID]},
    "example and prediction": {"example": {"question": Q, "answer": GOLD},
                               "prediction": {"context": D, "response": SAID}},
    "vectors": {"query": Q, "answer": SAID, "gold": GOLD, "points": [{"payload": {"pageContent": each}} for each in D]},
    "a search": {"question": Q, "answer": SAID, "expected": GOLD,
                 "response": {"hits": {"hits": [{"_source": {"text": each}} for each in D]}}},
    "columns": {"question": Q, "answer": SAID, "ideal": GOLD, "results": {"ids": [["a", "b"]], "documents": [D]}},
    "cited sentences": {"topic": Q, "references": ["a", "b"], "gold": GOLD, "answer": [
        {"text": "It lasts five years.", "citations": [1]}, {"text": "It defrosts itself.", "citations": [0]}],
        "documents": [{"docid": "a", "segment": D[0]}, {"docid": "b", "segment": D[1]}]},
    "spans": {"query": Q, "answerText": PLAIN, "expected_answer": GOLD,
              "citations": [{"endIndex": "20", "sources": [{"referenceId": "1"}]},
                            {"startIndex": "21", "endIndex": "40", "sources": [{"referenceId": "0"}]}],
              "references": [{"chunkInfo": {"content": each, "documentMetadata": {"title": "t"}}} for each in D]},
    "references of Mistral": {"question": Q, "documents": D, "gold_answer": GOLD, "response": {"choices": [{"message": {
        "content": [{"type": "text", "text": "It lasts five years."}, {"type": "reference", "reference_ids": [1]},
                    {"type": "text", "text": " It defrosts itself."}, {"type": "reference", "reference_ids": [0]}]}}]}},
    "a chat's sources": {"messages": [TURNS[0], {**TURNS[1], "sources": [{"document": [each]} for each in D]}],
                         "expected": GOLD},
    "data beside a choice": {"messages": TURNS[:1], "target": GOLD, "response": {"choices": [
        {"message": {"role": "assistant", "content": SAID, "context": {"citations": [{"content": e} for e in D]}}}]}},
    "passages under an answer's name": {"request": {"query": [{"query": Q}]}, "gold": GOLD, "response": {"set": [{
        "response": [{"text": each, "score": 0.5} for each in D], "summary": [{"text": SAID, "lang": "eng"}]}]}},
    "attributes of a span": {"name": "rag", "context": {"trace_id": "0x1", "span_id": "0x2"}, "attributes": {
        "input.value": Q, "output.value": SAID, "reference.answer": GOLD,
        "retrieval.documents.0.document.content": D[0], "retrieval.documents.0.document.score": 0.9,
        "retrieval.documents.1.document.content": D[1]}},
    "numbered messages": {"gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Cite.", "documents": D,
                          "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": Q, "expected": GOLD,
                          "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": SAID},
    "JSON in texts": {"input": json.dumps({"question": Q}), "output": json.dumps({"answer": SAID}), "expected": GOLD,
                      "steps": [{"name": "retrieval", "output": json.dumps([{"content": each} for each in D])}]},
    "short names": {"level": "info", "payload": {"q": Q, "a": SAID, "ctx": D}, "gold": GOLD},
    "speakers": {"expected": GOLD, "turns": [{"speaker": "customer", "text": Q}, {"speaker": "assistant", "text": SAID,
                 "sources": [{"snippet": each} for each in D]}]},
    "numbered columns": {"user question": Q, "bot answer": SAID, "Context 1": D[0], "Context 2": D[1], "gold": GOLD},
    "bodies of requests": {"request_body": {"messages": TURNS[:1]}, "documents": D, "expected": GOLD,
                           "response_body": {"choices": [{"message": TURNS[1]}]}},
    "bodies as JSON": {"requestBody": json.dumps({"messages": TURNS[:1]}), "documents": D, "expected": GOLD,
                       "responseBody": json.dumps({"choices": [{"message": TURNS[1]}]})},
    "passages in one text": {"question": Q, "answer": SAID, "gold": GOLD, "context": f"[1] {D[0]}\n[2] {D[1]}"},
    "passages after words": {"question": Q, "answer": SAID, "gold": GOLD,
                             "contexts": [f"Document 1: {D[0]}\n\nDocument 2:\n{D[1]}"]},
    "passages in a prompt": {"gold": GOLD, "request": {"messages": [{"role": "user", "content":
                             f"Answer with citations.\n\n[1] {D[0]}\n[2] {D[1]}\n\nQuestion: {Q}\nAnswer:"}]},
                             "response": {"choices": [{"message": TURNS[1]}]}},
    "names in brackets": {"question": Q, "answer": "It lasts five years [b.pdf]. It defrosts itself [a.pdf].",
                          "documents": [{"source": "a.pdf", "text": D[0]}, {"source": "b.pdf", "text": D[1]}],
                          "gold": GOLD},
    "beginnings of ids": {"query": Q, "gold": GOLD, "results": {
        "answer": "It lasts five years [c91b2e]. It defrosts itself [a02b2c].",
        "chunks": [{"id": f"{begin}-e642-4cf9", "text": d} for begin, d in zip(("a02b2c", "c91b2e"), D, strict=True)]}},
    "files in a source": {"question": Q, "answer": SAID, "gold": GOLD, "sources": [
        {"source": {"name": "kb"}, "document": D, "metadata": [{"source": "a.md"}, {"source": "b.md"}]}]},
    "sources with segments": {"request": {"userMessage": Q}, "gold": GOLD, "response": {
        "systemMessage": PLAIN, "attributions": [{"snippet": D[0], "segments": [{"beginOffset": 21, "endOffset": 40}]},
        {"snippet": D[1], "segments": [{"beginOffset": 0, "endOffset": 20}]}]}},
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_found_by_what_fields_are_called_wherever_they_lie(name: str, tmp_path: Path):
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(SHAPES[name]).encode()))
    for source in ([SHAPES[name]], packed):
        outputs = read(source)
        [response] = outputs.responses
        assert (response.example.question, response.text) == (Q, SAID)
        assert [document.text for document in response.example.docs or ()] == D
        assert response.example.answers == ((GOLD,),)
        assert outputs.notes[0].startswith("read as ")


@pytest.mark.parametrize(
    "log",
    [
        {"version": 2, "eval": {"task": "rag"}, "samples": [{"input": Q, "output": {"completion": SAID}}] * 2},
        {"evalId": "e", "results": {"prompts": [{"raw": "x"}], "results": [
            {"vars": {"query": Q}, "prompt": {"raw": "x"}, "response": {"output": SAID}}] * 2}},
        {"request_states": [{"instance": {"input": {"text": Q}}, "request": {"prompt": "x"},
                             "result": {"completions": [{"text": SAID}]}}] * 2},
    ],
)  # fmt: skip
def test_a_log_that_holds_its_records_in_a_list_is_read_by_records(log: dict[str, Any], tmp_path: Path):
    for outputs in (read(write(tmp_path / "log.json", log)),):
        assert [(each.example.question, each.text) for each in outputs.responses] == [(Q, SAID)] * 2


def _steps(number: int) -> list[dict[str, Any]]:
    """The steps of one request: it, what it retrieved, and what a model was asked for it."""
    root, above = {"trace_id": f"t{number}", "parent_run_id": None}, {"trace_id": f"t{number}", "parent_run_id": "x"}
    found = [{"page_content": each} for each in D]
    return [
        {**root, "name": "rag", "inputs": {"question": Q}, "outputs": {"output": SAID}},
        {**above, "name": "Retriever", "inputs": {"query": "pump"}, "outputs": {"documents": found}},
        {**above, "name": "LLM", "inputs": {"prompt": "Answer from these."}, "outputs": {"text": SAID}},
    ]


def test_the_steps_of_a_request_are_joined_by_their_trace_wherever_they_lie(tmp_path: Path):
    one, two = _steps(1), _steps(2)
    mixed = [one[0], two[1], two[0], one[1], two[2], one[2]]
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(map(json.dumps, mixed)), encoding="utf-8")
    outputs = read(path)
    for response in outputs.responses:
        assert (response.example.question, response.text) == (Q, SAID)
        assert [document.text for document in response.example.docs or ()] == D
    assert len(outputs.responses) == 2
    assert "6 rows are steps of 2 requests, joined by their trace" in outputs.notes


def test_a_log_of_steps_need_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spool.Spool.__init__, "__kwdefaults__", {"in_memory": 2})
    steps = sorted((step for number in range(20) for step in _steps(number)), key=lambda step: step["name"])
    outputs = read(steps)
    assert [response.text for response in outputs.responses] == [SAID] * 20
    assert all([document.text for document in each.example.docs or ()] == D for each in outputs.responses)


def test_a_trace_id_alone_joins_nothing():
    rows = [{"trace_id": "same", "question": Q, "output": SAID, "documents": D}] * 2
    assert len(read(rows).responses) == 2


def test_the_events_of_an_evaluation_are_joined_by_their_sample():
    event = {"run_id": "r", "sample_id": "s.0"}
    log = [
        {"spec": {"eval_name": "rag"}},
        {**event, "event_id": 0, "type": "raw_sample", "data": {"input": TURNS[:1], "ideal": GOLD}},
        {**event, "event_id": 1, "type": "sampling", "data": {"prompt": TURNS[:1], "sampled": [SAID]}},
        {**event, "event_id": 2, "type": "match", "data": {"correct": True, "expected": GOLD, "sampled": SAID}},
        {"final_report": {"accuracy": 1.0}},
    ]
    [response] = read(log).responses
    assert (response.example.question, response.text, response.example.answers) == (Q, SAID, ((GOLD,),))


@pytest.mark.parametrize(
    ("answer", "context"),
    [
        (SAID, "To open it:\n[1] turn the key\n[2] pull the lid"),  # numbers within a document
        (SAID, "1. Turn the key.\n2. Pull the lid."),
        (SAID, "[1] Turn the key.\n[3] Pull the lid."),
        ("It lasts [sic] five years [2024].", [{"id": "sic transit", "text": D[0]}, {"id": "2024", "text": D[1]}]),
        ("It lasts five years [guide, page 3].", [{"source": "guide", "text": D[0]}]),
    ],
)
def test_numbers_and_brackets_that_are_no_marks_stay(answer: str, context: Any):
    [response] = read([{"question": Q, "answer": answer, "context": context}]).responses
    texts = [context] if isinstance(context, str) else [each["text"] for each in context]
    assert [document.text for document in response.example.docs or ()] == texts
    assert response.text == answer


def test_an_output_that_is_json_stays_a_text_where_the_question_is_one():
    [response] = read([{"question": Q, "output": json.dumps({"answer": SAID}), "documents": D}]).responses
    assert response.text == json.dumps({"answer": SAID})


def test_a_zip_archive_of_samples_is_read_and_another_is_told_to_be_unpacked(tmp_path: Path, cli: Cli):
    sample = {"id": 1, "input": Q, "output": {"choices": [CHOICE], "completion": SAID}, "metadata": {"documents": D}}
    for name, member in (("log.eval", "samples/1_epoch_1.json"), ("other.zip", "data.json")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("header.json", "{}")
            archive.writestr(member, json.dumps(sample))
    [response] = read(tmp_path / "log.eval").responses
    assert (response.example.question, response.text, len(response.example.docs or ())) == (Q, SAID, 2)
    ran = cli("score", tmp_path / "other.zip", "--nli", "lexical")
    assert ran.code == 1
    assert "unzip" in ran.err


ENDED: list[tuple[dict[str, Any], bool]] = [
    ({"response": {"choices": [CHOICE]}}, True),
    ({"response": {"choices": [{**CHOICE, "finish_reason": "stop"}]}}, False),
    ({"response": {"choices": [{**CHOICE, "finish_reason": "stop"}, CHOICE]}}, False),
    ({"response": {"type": "message", "role": "assistant", "stop_reason": "max_tokens",
                   "content": [{"type": "text", "text": SAID}]}}, True),
    ({"candidates": [{"content": {"parts": [{"text": SAID}]}, "finishReason": "MAX_TOKENS"}]}, True),
    ({"response": {"output": {"message": {"role": "assistant", "content": [{"text": SAID}]}},
                   "stopReason": "max_tokens"}}, True),
    ({"response": {"incomplete_details": {"reason": "max_output_tokens"}, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": SAID}]}]}}, True),
    ({"response": {"incomplete_details": {"reason": "content_filter"}, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": SAID}]}]}}, False),
    ({"response": SAID, "done_reason": "length"}, True),
    ({"output": SAID, "stop_reason": "length"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("record", "cut"), ENDED)
def test_answers_that_were_cut_are_counted_wherever_the_tool_says_so(record: dict[str, Any], cut: bool):
    outputs = read([{"question": Q, **record}])
    assert outputs.responses[0].text == SAID
    assert ("1 of 1 answers were cut at the limit on their length" in outputs.notes) == cut


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"a": {"b.c": Q, "zz": SAID}}, "--map 'question=a[\"b.c\"],output=a.zz'"),
        (
            {"frage": Q, "kontext_1": D[0], "kontext_2": D[1], "antwort": SAID},
            "--map question=frage,output=antwort,docs=kontext",
        ),
        (
            {"pregunta": "Quién?", "pasajes": list(D), "dicho": SAID},
            "--map question=pregunta,output=dicho,docs=pasajes",
        ),
        ({"question": Q, "number": 7}, "--map output=FIELD"),
        ({"question": Q, "log": {"zz": SAID}, "note": "of no use at all"}, "--map output=log.zz"),
        ({"messages": TURNS[:1]}, 'field "output" is missing'),
        ({"question": Q, "response": {"scores": [1]}}, 'field "response" is'),
    ],
)
def test_what_is_not_found_is_said_with_the_map_to_write(record: Any, told: str, tmp_path: Path, cli: Cli):
    ran = cli("score", write(tmp_path / "a.json", [record]), "--nli", "lexical")
    assert ran.code == 1
    assert told in ran.err


def test_the_map_of_the_message_reads_the_record(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", [{"frage": Q, "kontext_1": D[0], "kontext_2": D[1], "antwort": SAID}])
    ran = cli("inspect", path, "--map", "question=frage,output=antwort,docs=kontext", "--json")
    assert [each["text"] for each in ran.json["first"]["documents"]] == list(D[:2])
    assert {each["name"]: each["used_for"] for each in ran.json["fields"]} == {
        "frage": "question", "kontext_1": "docs", "kontext_2": "docs", "antwort": "output",
    }  # fmt: skip


def test_gold_answers_that_only_some_records_seem_to_have_are_none():
    known, unknown = {"q": {"query": Q}, "reply": SAID, "expected_answer": GOLD}, {"q": {"query": Q}, "reply": SAID}
    assert [each.example.answers for each in read([known, known]).responses] == [((GOLD,),)] * 2
    outputs = read([known, unknown])
    assert [each.example.answers for each in outputs.responses] == [None, None]
    assert any("1 of 2 records lack it" in note and "expected_answer" in note for note in outputs.notes)


def test_an_answer_beside_a_prediction_is_the_gold_answer():
    [response] = read([{"question": Q, "answer": GOLD, "prediction": SAID, "context": [["t", [D[0]]]]}]).responses
    assert (response.text, response.example.answers) == (SAID, ((GOLD,),))
    assert [(document.title, document.text) for document in response.example.docs or ()] == [("t", D[0])]


def test_tokens_are_no_documents_and_scores_no_gold_answers():
    record = {"prompt": Q, "response": SAID, "context": [1, 2, 3], "target_hash": "abc", "correct_count": 3}
    [response] = read([record]).responses
    assert (response.example.docs, response.example.answers) == (None, None)


def test_a_wrong_record_does_not_hide_what_the_others_are(tmp_path: Path, cli: Cli):
    good = {"user_input": Q, "retrieved_contexts": D, "response": SAID}
    for bad in ({"foo": 1}, {**good, "retrieved_contexts": 7}):
        ran = cli("inspect", write(tmp_path / "a.json", [bad, good, good]), "--json")
        assert ran.code == 1
        assert ran.json["read_as"].startswith("read as ragas: question from")
        assert "record 1" in ran.json["problem"]
        assert {each["name"]: each["used_for"] for each in ran.json["fields"]}["response"] == "output"
    with pytest.raises(DataError, match="record 1"):
        read(tmp_path / "a.json")


def test_what_shows_documents_in_one_record_shows_them_in_all():
    def log(*texts: str) -> dict[str, Any]:
        steps = [{"kind": "RETRIEVER", "output": [{"pageContent": text} for text in texts]}]
        return {"userQuery": Q, "finalAnswer": SAID, "observations": steps}

    short = log("It lasts five years.", "No.")
    outputs = read([short, log(*D), short, log()])
    found = [[document.text for document in each.example.docs or ()] for each in outputs.responses]
    assert found == [["It lasts five years.", "No."], D, ["It lasts five years.", "No."], []]
    assert any(
        "1 of 4 records have no documents, though others do (first: record 4)" in note for note in outputs.warnings
    )
    assert outputs.reader.documents_at == "observations[0].output"
    assert read([log(*D), short]).warnings == ()
    # Without a record that shows it, short texts are no documents.
    assert not any(each.example.docs for each in read([short, short]).responses)
