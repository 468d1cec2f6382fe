from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.errors import DataError, UsageError
from groundeval.generation.prompts import (
    PromptTemplate,
    choose_demonstrations,
    fit_documents,
    render_prompt,
    shared_prefix,
)
from groundeval.records import Document, Example

TEMPLATE = PromptTemplate("test", "Answer from the documents.", closed_book="Answer from memory.")

texts = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=40)
documents = st.builds(Document, title=texts, text=texts)
examples = st.builds(Example, id=st.text(max_size=5), question=texts, docs=st.lists(documents, max_size=6).map(tuple))


def demonstration(name: str, response: str = "It is so [1].") -> Example:
    return Example(name, f"question {name}?", docs=(Document("T", f"text {name}"),), response=response)


DEMONSTRATIONS = tuple(demonstration(name) for name in "abcdef")


def test_a_prompt_has_instruction_demonstrations_documents_and_question_in_this_order() -> None:
    example = Example("x", "Who?", docs=(Document("One", "first"), Document("", "second"), Document("Three", "third")))
    prompt = render_prompt(example, TEMPLATE, num_docs=2, demonstrations=DEMONSTRATIONS[:1], num_fewshot=1)
    assert prompt.user == (
        "Answer from the documents.\n\n"
        "Document [1] T\ntext a\n\nQuestion: question a?\n\nAnswer: It is so [1].\n\n"
        "Document [1] One\nfirst\n\nDocument [2]\nsecond\n\nQuestion: Who?\n\nAnswer:"
    )


@given(examples, st.integers(0, 8), st.integers(0, 2**32))
def test_any_text_renders_and_can_be_encoded(example: Example, num_docs: int, seed: int) -> None:
    prompt = render_prompt(
        example, TEMPLATE, num_docs=num_docs, demonstrations=DEMONSTRATIONS, num_fewshot=2, seed=seed
    )
    prompt.user.encode("utf-8")
    assert not any(ord(c) < 32 and c not in "\n\t" for c in prompt.user)


@given(examples, st.integers(0, 8))
def test_the_prompt_shows_the_first_documents_and_no_others(example: Example, num_docs: int) -> None:
    marked = replace(
        example,
        question="q",
        docs=tuple(Document("t", f"{{index}} [{i}] MARK{i}.") for i in range(len(example.docs or ()))),
    )
    user = render_prompt(marked, TEMPLATE, num_docs=num_docs).user
    shown = [f"MARK{i}." in user for i in range(len(marked.docs or ()))]
    assert shown == [i < num_docs for i in range(len(shown))]


@given(examples, examples, st.integers(1, 8), st.integers(0, 100))
def test_prompts_of_a_task_share_instruction_and_demonstrations(
    one: Example, other: Example, num_docs: int, seed: int
) -> None:
    shared = shared_prefix(TEMPLATE, DEMONSTRATIONS, 3, seed=seed)
    for example in (one, other):
        prompt = render_prompt(
            example, TEMPLATE, num_docs=num_docs, demonstrations=DEMONSTRATIONS, num_fewshot=3, seed=seed
        )
        assert prompt.user.startswith(shared + TEMPLATE.separator)


def test_braces_in_the_data_are_left_alone() -> None:
    example = Example("x", "{text} {0} {question}?", docs=(Document("{text}", "{title} {index} {unknown} }{"),))
    user = render_prompt(example, TEMPLATE, num_docs=1).user
    assert "Document [1] {text}\n{title} {index} {unknown} }{" in user
    assert "Question: {text} {0} {question}?" in user


def test_other_braces_in_a_template_are_left_alone() -> None:
    template = PromptTemplate("json", 'Answer as {"answer": ...}.', question='{"q": "{question}"}')
    assert '{"q": "Who?"}' in render_prompt(Example("x", "Who?"), template, num_docs=0).user


def test_a_template_without_the_place_for_its_content_is_refused() -> None:
    with pytest.raises(UsageError, match=r'"odd".*"document".*\{text\}'):
        PromptTemplate("odd", "", document="[{index}] {body}")


def test_closed_book_shows_no_documents_and_demonstrations_without_citations() -> None:
    demonstrations = (demonstration("a", "Yes [1][2]. Indeed [1]."), demonstration("b", "The documents do not say."))
    example = Example("x", "Who?", docs=(Document("One", "first"),))
    user = render_prompt(example, TEMPLATE, num_docs=0, demonstrations=demonstrations, num_fewshot=1).user
    assert user == "Answer from memory.\n\nQuestion: question a?\n\nAnswer: Yes. Indeed.\n\nQuestion: Who?\n\nAnswer:"


def test_too_few_demonstrations_is_an_error_that_says_how_many_there_are() -> None:
    with pytest.raises(UsageError, match="num_fewshot=7: the task has 6 demonstrations"):
        choose_demonstrations(DEMONSTRATIONS, 7)
    with pytest.raises(UsageError, match="1 demonstrations that work without documents"):
        choose_demonstrations([demonstration("a"), demonstration("b", "Not said.")], 2, closed_book=True)


def test_the_seed_chooses_the_demonstrations_and_their_order() -> None:
    orders = {tuple(d.id for d in choose_demonstrations(DEMONSTRATIONS, 3, seed=seed)) for seed in range(40)}
    assert len(orders) > 10
    assert choose_demonstrations(DEMONSTRATIONS, 3, seed=1) == choose_demonstrations(DEMONSTRATIONS[::-1], 3, seed=1)


def test_a_demonstration_without_response_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match='"a": field "response" is missing'):
        choose_demonstrations([replace(DEMONSTRATIONS[0], response=None)], 1)


def test_another_field_of_the_documents_can_be_shown_and_must_be_there() -> None:
    example = Example("x", "Who?", docs=(Document("T", "long text", summary="short"),))
    assert "Document [1] T\nshort" in render_prompt(example, TEMPLATE, num_docs=1, docs_field="summary").user
    with pytest.raises(DataError, match='example "x", document 1: field "extraction" is missing'):
        render_prompt(example, TEMPLATE, num_docs=1, docs_field="extraction")


def test_a_negative_number_of_documents_is_refused() -> None:
    with pytest.raises(UsageError, match="num_docs=-1"):
        render_prompt(Example("x", "Who?"), TEMPLATE, num_docs=-1)


def test_the_hash_of_a_template_covers_every_field() -> None:
    changed = [replace(TEMPLATE, **{name: "{text}{question}!"}) for name in TEMPLATE.__slots__]
    assert len({TEMPLATE.sha256, *(template.sha256 for template in changed)}) == len(TEMPLATE.__slots__) + 1


@given(st.lists(st.integers(1, 60), max_size=8), st.integers(0, 400), st.integers(0, 9))
def test_as_many_whole_documents_as_fit_are_shown(sizes: list[int], limit: int, num_docs: int) -> None:
    example = Example("x", "Who?", docs=tuple(Document("", "d" * size) for size in sizes))

    def length(shown: int) -> int:
        return len(render_prompt(replace(example, docs=(example.docs or ())[:shown]), TEMPLATE, num_docs=99).user)

    fitted = fit_documents(
        example, replace(TEMPLATE, closed_book=None), length=lambda p: len(p.user), limit=limit, num_docs=num_docs
    )
    available = min(len(sizes), num_docs)
    fitting = [shown for shown in range(available + 1) if length(shown) <= limit]
    assert fitted.fits == bool(fitting)
    assert fitted.kept == max(fitting, default=0)
    assert fitted.kept + fitted.dropped == available
    assert fitted.tokens == len(fitted.prompt.user) == length(fitted.kept)
