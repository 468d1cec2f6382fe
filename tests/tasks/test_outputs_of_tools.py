"""The outputs of a dozen tools, which say the same, are read as the same statements, citations and documents."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, write

from groundeval.errors import DataError, UserError
from groundeval.metrics.profiles import PROFILES
from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import Outputs, read_outputs
from groundeval.storage.any_records import read_any
from groundeval.tasks import load_task

EXAMPLES = Path(__file__).parents[2] / "examples" / "outputs"
TOOLS = {
    "anthropic.jsonl": "Anthropic",
    "bedrock.jsonl": "Amazon Bedrock",
    "cohere.json": "Cohere",
    "deepeval.tsv": "DeepEval",
    "gemini.json": "Gemini",
    "haystack.jsonl": "Haystack",
    "langchain.jsonl": "LangChain",
    "llamaindex.json.gz": "LlamaIndex",
    "openai.jsonl": "OpenAI",
    "perplexity.jsonl": "Perplexity",
    "ragas.json": "ragas",
    "trulens.csv": "TruLens",
}
WARRANTY = "The warranty lasts five years. It ends early"
SAID = [
    [
        ("The warranty lasts five years.", [WARRANTY]),
        ("It ends early if anyone but a certified installer opens the pump.", [WARRANTY]),
    ],
    [
        ("At night the pump makes 32 decibels at three metres.", ["At night the pump runs in quiet mode"]),
        ("Defrosting takes at most ten minutes.", ["The pump defrosts itself when"]),
    ],
    [("I could not find the price in the documents.", [])],
]


def read(source: Any, task: str = "own", **options: Any) -> Outputs:
    return read_outputs(ScoreOptions(predictions=source, **options), load_task(task))


def statements(outputs: Outputs, profile: str) -> list[list[tuple[str, list[str]]]]:
    """The statements of each output, each with the texts of the documents that it cites."""
    return [
        [
            (each.hypothesis, [(response.example.docs or ())[index].text for index in each.citations])
            for each in PROFILES[profile].sentences(response.text)
        ]
        for response in outputs.responses
    ]


def test_there_is_an_example_of_every_tool():
    assert {path.name for path in EXAMPLES.iterdir()} - {"README.md"} == set(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("profile", ["alce", "trust", "strict"])
def test_every_tools_outputs_are_the_same_statements_with_the_same_citations(name: str, profile: str):
    found = statements(read(EXAMPLES / name), profile)
    assert [[text for text, _ in each] for each in found] == [[text for text, _ in each] for each in SAID]
    for output, expected in zip(found, SAID, strict=True):
        for (_, cited), (_, begins) in zip(output, expected, strict=True):
            assert len(cited) == len(begins)
            assert all(map(str.startswith, cited, begins))


@pytest.mark.parametrize("name", TOOLS)
def test_every_tools_outputs_are_scored_without_a_task_and_the_tool_is_named(name: str, cli: Cli):
    ran = cli("score", EXAMPLES / name, "--nli", "lexical", "--json")
    assert ran.code == 0, ran.err
    found = {key: metric["value"] for key, metric in ran.json["metrics"].items()}
    assert (ran.json["task"], ran.json["profile"], ran.json["n"]) == ("own", "strict", 3)
    assert found["answered_ratio"] == 66.67
    assert (found["answered_citation_rec"], found["answered_citation_prec"]) == (100.0, 100.0)
    assert ran.json["notes"][0].startswith(f"read as {TOOLS[name]}: ")
    has_gold = name in ("ragas.json", "deepeval.tsv")
    assert ("trust_score" in found) == has_gold
    assert sum("left out: the data has no" in note for note in ran.json["notes"]) == (not has_gold)


def test_what_was_recognised_is_one_line_on_the_terminal(cli: Cli):
    ran = cli("score", EXAMPLES / "cohere.json", "--nli", "lexical")
    lines = [line for line in ran.err.splitlines() if "read as" in line]
    assert lines == ['note: read as Cohere: question from "message", output from "text", docs from "documents"']


def test_the_same_number_follows_from_records_in_memory():
    records = json.loads((EXAMPLES / "ragas.json").read_text())
    assert statements(read(records), "strict") == statements(read(EXAMPLES / "ragas.json"), "strict")


CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who composed Aida?"},
        {
            "role": "assistant",
            "content": "Aida is by Verdi. ([opera.example](https://opera.example/aida)) It is long.",
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {
                        "start_index": 18,
                        "end_index": 63,
                        "url": "https://opera.example/aida",
                        "title": "Aida",
                    },
                }
            ],
        },
    ]
}
DOCS = [
    {"url": "https://opera.example/nabucco", "text": "Nabucco."},
    {"url": "https://opera.example/aida", "text": "A."},
]


def test_a_link_in_the_text_that_an_annotation_points_at_gives_way_to_the_mark():
    [response] = read([{**CHAT, "documents": DOCS}]).responses
    assert (response.example.question, response.text) == ("Who composed Aida?", "Aida is by Verdi [2]. It is long.")
    assert [document.text for document in response.example.docs or ()] == ["Nabucco.", "A."]


def test_documents_that_are_known_by_address_only_are_said_to_have_no_text(tmp_path: Path, cli: Cli):
    outputs = read([CHAT])
    assert outputs.responses[0].text == "Aida is by Verdi [1]. It is long."
    assert outputs.responses[0].example.docs is None
    assert any("without their texts" in note for note in outputs.notes)
    ran = cli("score", write(tmp_path / "chat.json", [CHAT]), "--nli", "lexical", "--json")
    assert ran.code == 0, ran.err
    assert "answered_ratio" in ran.json["metrics"]
    assert "answered_citation_rec" not in ran.json["metrics"]


def test_marks_of_an_assistant_are_replaced_and_what_it_quotes_is_the_document():
    message = {
        "question": "Who composed Aida?",
        "response": {
            "role": "assistant",
            "content": [
                {
                    "type": "text",
                    "text": {
                        "value": "Aida is by Verdi【4:0†opera.txt】.",
                        "annotations": [
                            {
                                "type": "file_citation",
                                "text": "【4:0†opera.txt】",
                                "start_index": 16,
                                "end_index": 31,
                                "file_citation": {"file_id": "f1", "quote": "Verdi wrote Aida."},
                            }
                        ],
                    },
                }
            ],
        },
    }
    [response] = read([message]).responses
    assert response.text == "Aida is by Verdi [1]."
    assert [document.text for document in response.example.docs or ()] == ["Verdi wrote Aida."]


def test_where_only_what_was_cited_is_known_it_is_the_documents():
    records = [json.loads(line) for line in (EXAMPLES / "anthropic.jsonl").read_text().splitlines()]
    for record in records:
        record["question"] = record.pop("messages")[0]["content"][-1]["text"]
    outputs = read(records)
    assert outputs.responses[0].text.count("[1]") == 2
    assert [d.text for d in outputs.responses[0].example.docs or ()] == ["The warranty lasts five years."]


def test_offsets_of_gemini_count_bytes():
    records = json.loads((EXAMPLES / "gemini.json").read_text())
    record = copy.deepcopy(records[1])
    candidate = record["response"]["candidates"][0]
    text = "Während der Nacht — 32 Dezibel. " + candidate["content"]["parts"][0]["text"]
    shift = len(text.encode()) - len(candidate["content"]["parts"][0]["text"].encode())
    candidate["content"]["parts"][0]["text"] = text
    for support in candidate["groundingMetadata"]["groundingSupports"]:
        support["segment"]["startIndex"] += shift
        support["segment"]["endIndex"] += shift
    [response] = read([record]).responses
    assert response.text == (
        "Während der Nacht — 32 Dezibel. At night the pump makes 32 decibels at three metres [3]. "
        "Defrosting takes at most ten minutes [1]."
    )


def test_cohere_names_documents_by_their_ids_in_version_2_too():
    record = {
        "messages": [{"role": "user", "content": "Who?"}],
        "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": "It is Verdi."}],
            "citations": [
                {
                    "start": 6,
                    "end": 11,
                    "text": "Verdi",
                    "sources": [{"type": "document", "id": "doc:1", "document": {"id": "doc:1", "text": "Verdi."}}],
                }
            ],
        },
        "documents": [{"id": "doc:0", "data": {"text": "x"}}, {"id": "doc:1", "data": {"text": "Verdi."}}],
    }
    [response] = read([record]).responses
    assert response.text == "It is Verdi [2]."
    assert response.example.question == "Who?"


@pytest.mark.parametrize(
    ("record", "kind", "answers"),
    [
        ({"reference": "Verdi"}, "em", (("Verdi",),)),
        ({"ground_truths": ["Verdi", "Giuseppe Verdi"]}, "em", (("Verdi",), ("Giuseppe Verdi",))),
        ({"answers": [["Verdi", "G. Verdi"]]}, "em", (("Verdi", "G. Verdi"),)),
        ({"expected_output": 1871}, "em", (("1871",),)),
        ({"reference": "It was Verdi who did."}, "claims", (("It was Verdi who did.",),)),
        ({"reference": "It was Verdi. He did it in 1871."}, "claims", (("It was Verdi.",), ("He did it in 1871.",))),
        ({"reference": ""}, "em", ()),
    ],
)
def test_short_gold_answers_are_looked_for_and_sentences_are_claims(record: Any, kind: str, answers: Any):
    outputs = read([{"query": "Who?", "response": "Verdi.", "contexts": ["Verdi did."], **record}])
    assert outputs.task.kind == kind
    assert outputs.responses[0].example.answers == answers


def test_a_task_that_is_named_says_how_gold_answers_are_looked_for():
    record = {"query": "Who?", "response": "Verdi.", "contexts": ["x"], "reference": "It was Verdi. He did it."}
    assert read([record], "asqa").responses[0].example.answers == (("It was Verdi. He did it.",),)
    assert read([record], "eli5").responses[0].example.claims == ("It was Verdi.", "He did it.")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a record."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield from places(each, (*path, step))


@pytest.mark.parametrize("name", TOOLS)
def test_whatever_a_field_holds_is_read_or_refused_with_its_record_and_field(name: str):
    records, refused = [record.data for record in read_any(EXAMPLES / name)], list[str]()
    for path in places(records[0]):
        for junk in (None, 3, "x", [], {}, [None], [["a"]], {"text": 5}):
            changed = copy.deepcopy(records)
            inside: Any = changed[0]
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = junk
            try:
                read(changed)
            except UserError as error:
                refused.append(str(error))
    assert refused
    assert all(each.startswith("predictions[0]") for each in refused)


@pytest.mark.parametrize(
    ("name", "path", "junk", "field"),
    [
        ("cohere.json", ("citations", 0, "start"), "12", 'field "citations[].start" is \'12\''),
        ("cohere.json", ("citations", 0, "document_ids"), "doc_1", 'field "citations[].document_ids"'),
        ("gemini.json", ("response", "candidates", 0, "groundingMetadata", "groundingSupports", 0, "segment",
                         "endIndex"), 1.5, 'field "groundingSupports[].segment.endIndex" is 1.5'),
        ("langchain.jsonl", ("source_documents", 1), 7, 'field "source_documents[1]" is 7'),
        ("ragas.json", ("retrieved_contexts",), 7, 'field "retrieved_contexts" is 7'),
        ("ragas.json", ("response",), 7, 'field "response" is 7'),
        ("ragas.json", ("reference",), {"a": 1}, 'field "reference"'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_field(name: str, path: tuple[Any, ...], junk: Any, field: str):
    records = copy.deepcopy([record.data for record in read_any(EXAMPLES / name)])
    inside: Any = records[0]
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = junk
    with pytest.raises(DataError) as raised:
        read(records)
    assert field in str(raised.value)


def test_documents_of_cohere_without_ids_are_named_by_their_places_and_ids_win():
    cited = {"start": 0, "end": 5, "text": "Verdi", "document_ids": ["doc_1"]}
    answer = {"message": "Who?", "text": "Verdi.", "citations": [cited]}
    plain = read([{**answer, "documents": [{"text": "a"}, {"text": "b"}]}])
    assert plain.responses[0].text == "Verdi [2]."
    swapped = read([{**answer, "documents": [{"id": "doc_1", "text": "a"}, {"id": "doc_0", "text": "b"}]}])
    assert swapped.responses[0].text == "Verdi [1]."


def test_a_table_by_columns_is_read_by_rows(tmp_path: Path):
    records = json.loads((EXAMPLES / "ragas.json").read_text())
    columns = {name: [record[name] for record in records] for name in records[0]}
    by_pandas = {name: {str(row): each for row, each in enumerate(column)} for name, column in columns.items()}
    expected = statements(read(records), "strict")
    for table in (columns, by_pandas):
        assert statements(read(write(tmp_path / "table.json", table)), "strict") == expected
    assert statements(read(columns), "strict") == expected
    # One record whose fields happen to be lists is none.
    uneven = {"question": ["a", "b"], "answer": ["x"]}
    with pytest.raises(DataError, match="record 1"):
        read(write(tmp_path / "table.json", uneven))


@pytest.mark.parametrize(
    ("record", "question", "output", "docs"),
    [
        (
            {"user_input": [{"type": "human", "content": "Who?"}], "response": "Verdi [1].",
             "retrieved_contexts": ["a"]},
            "Who?", "Verdi [1].", [("", "a")],
        ),
        (
            {"messages": [{"type": "human", "content": "Who?"}, {"type": "ai", "content": "Verdi [1]."}],
             "context": [{"kwargs": {"page_content": "a", "metadata": {"source": "s.md"}}}]},
            "Who?", "Verdi [1].", [("s.md", "a")],
        ),
        (
            {"inputs": {"question": "Who?"}, "outputs": {"answer": "Verdi [1].", "documents": [{"page_content": "a"}]}},
            "Who?", "Verdi [1].", [("", "a")],
        ),
        (
            {"query": "Who?", "response": {"response": "Verdi [1].", "source_nodes": [{"node": {"text": "a"}}]}},
            "Who?", "Verdi [1].", [("", "a")],
        ),
        (
            {"prompt": "Who?", "completion": "Verdi [1].",
             "documents": [{"id": "x", "data": {"snippet": "a", "title": "t"}}]},
            "Who?", "Verdi [1].", [("t", "a")],
        ),
        (
            {"question": "Who?", "answer": "Verdi [1].", "contexts": {"t": "a", "u": "b"}},
            "Who?", "Verdi [1].", [("t", "a"), ("u", "b")],
        ),
        (
            {"question": "Who?", "answer": "Verdi [1].", "contexts": [[{"page_content": "a"}, 0.7]]},
            "Who?", "Verdi [1].", [("", "a")],
        ),
        ({"question": "Who?", "answer": "", "contexts": "a"}, "Who?", "", [("", "a")]),
        (
            {"question": "Who?", "response": {"content": [
                {"type": "server_tool_use", "name": "web_search", "input": {"query": "x"}},
                {"type": "text", "text": "It is "},
                {"type": "text", "text": "Verdi", "citations": [
                    {"type": "web_search_result_location", "url": "https://a.b", "title": "t", "cited_text": "a"}]},
                {"type": "text", "text": "."},
            ]}},
            "Who?", "It is Verdi [1].", [("t", "a")],
        ),
    ],
)  # fmt: skip
def test_other_forms_of_the_same_tools_are_read_too(record: Any, question: str, output: str, docs: Any):
    [response] = read([record]).responses
    assert (response.example.question, response.text) == (question, output)
    assert [(document.title, document.text) for document in response.example.docs or ()] == docs


@pytest.mark.parametrize("depth", [100, 400, 700, 5_000])
def test_records_that_are_nested_too_deeply_are_refused(depth: int, tmp_path: Path):
    deep: Any = {"text": "a"}
    for _ in range(depth):
        deep = {"node": deep}
    record = {"query": "Who?", "response": "x", "documents": [deep]}
    text = '{"node": ' * depth + '{"text": "a"}' + "}" * depth
    path = write(tmp_path / "a.json", f'[{{"query": "Who?", "response": "x", "documents": [{text}]}}]')
    for source in ([record], path):
        with suppress(DataError) if depth > 100 else nullcontext():
            [response] = read(source).responses
            assert [document.text for document in response.example.docs or ()] == ["a"]
