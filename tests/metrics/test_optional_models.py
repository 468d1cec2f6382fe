"""QA-EM, QA-F1, QA-Hit and MAUVE: with models small enough to be made on the spot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from metric_cases import example

import groundeval
from groundeval.errors import UsageError
from groundeval.metrics.extractive_qa import exact_match, qa, token_f1
from groundeval.metrics.fluency import as_mauve_text
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import ALCE
from groundeval.models.metric_models import OptionalModels
from groundeval.records import Response

WORDS = tuple("who wrote it when was that paris lies in france and mary shelley frankenstein 1818 the".split())  # noqa: SIM905


def test_token_f1_counts_repeated_tokens_as_often_as_both_have_them():
    assert token_f1("The cat cat", "cat dog") == pytest.approx(0.5)
    assert token_f1("", "") == 1
    assert token_f1("", "cat") == 0


def test_an_exact_match_is_one_of_normalised_texts():
    assert exact_match("The Eiffel-Tower!", "eiffeltower") == 1
    assert exact_match("Eiffel", "Eiffel Tower") == 0


def test_qa_scores_every_sub_question_against_its_best_alias():
    answers = {"who?": "Mary Shelley", "when?": "in 1818"}
    models: Any = SimpleNamespace(model=lambda name: lambda question, text: answers[question])
    asked = example(pairs=[["Shelley", "Mary Shelley"], ["1818"]])
    named = [
        groundeval.Example(
            "0",
            "Q?",
            qa_pairs=tuple(
                type(pair)(question, pair.short_answers)
                for pair, question in zip(asked.qa_pairs or (), answers, strict=True)
            ),
        )
    ][0]
    values = qa(Response.build(named, "Mary Shelley wrote it in 1818 [1]."), Context(ALCE, "em", models=models))
    assert values["QA-EM"] == 0.5
    assert values["QA-F1"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["QA-Hit"] == 0


def test_the_text_for_mauve_is_the_first_hundred_words_without_their_last_punctuation():
    assert as_mauve_text("Why?", " Because. ") == "Why? Because"
    assert as_mauve_text("q", "w " * 200).split() == ["q"] + ["w"] * 99


def test_a_model_for_an_unknown_metric_is_refused_with_the_nearest_match():
    with pytest.raises(UsageError, match='Did you mean "mauve"'):
        OptionalModels({"mauv": "somewhere"})


@pytest.fixture(scope="module")
def qa_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights, and a tokenizer of whole words."""
    pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder = tmp_path_factory.mktemp("qa")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertForQuestionAnswering(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_the_extracted_answer_is_the_span_with_the_best_logits_wherever_it_lies(qa_model: Path):
    import torch

    extract = OptionalModels({"qa": str(qa_model)}).model("qa")
    target = extract._tokenizer.convert_tokens_to_ids("frankenstein")

    class Peaked:
        """Logits that point at one word."""

        def __call__(self, input_ids: Any, **rest: Any) -> SimpleNamespace:
            logits = (input_ids == target).float() * 10 + torch.zeros(input_ids.shape)
            return SimpleNamespace(start_logits=logits, end_logits=logits)

    extract._model = Peaked()
    assert extract("who wrote frankenstein", "paris and mary shelley frankenstein 1818") == "frankenstein"
    # Far beyond the first window.
    assert extract("who wrote it", "paris " * 900 + "frankenstein in france") == "frankenstein"


@pytest.mark.slow
def test_qa_metrics_are_computed_with_a_local_model_when_asked_for(qa_model: Path, tmp_path: Path):
    file = tmp_path / "predictions.json"
    file.write_text(
        '[{"question": "who wrote it", "output": "mary shelley wrote frankenstein in 1818", "docs": [],'
        ' "qa_pairs": [{"question": "when was that", "short_answers": ["1818"]}]}]'
    )
    [result] = groundeval.score(file, "asqa", metrics=["QA-EM", "QA-F1"], metric_models={"qa": str(qa_model)})
    assert set(result.results.metrics) == {"QA-EM", "QA-F1"}
    assert result.results.metrics["QA-EM"].n == 1


@pytest.mark.slow
def test_mauve_is_computed_with_a_local_model_when_asked_for(tmp_path: Path):
    pytest.importorskip("mauve")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    folder = tmp_path / "gpt2-tiny"
    vocabulary = {word: index for index, word in enumerate(["<|endoftext|>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    GPT2Model(GPT2Config(vocab_size=len(vocabulary), n_embd=16, n_layer=1, n_head=2)).save_pretrained(folder)
    records = [
        {"question": f"who wrote {word}", "output": f"mary wrote {word}", "answer": f"shelley wrote {word}", "docs": []}
        for word in WORDS * 2
    ]
    file = tmp_path / "predictions.json"
    import json

    file.write_text(json.dumps(records))
    [result] = groundeval.score(file, "asqa", metrics=["mauve"], metric_models={"mauve": str(folder)})
    estimate = result.results.metrics["mauve"]
    assert 0 < estimate.value <= 100
    assert estimate.n == len(records)
    assert estimate.ci95 is None
