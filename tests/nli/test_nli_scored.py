"""Verifiers that give a probability: classifiers, first tokens, chat models; chunks, thresholds, refusals."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_t5 as recipe  # noqa: E402
from tiny_verifiers import random_pairs, write_chat_model, write_classifier  # noqa: E402

from groundeval.errors import SampleError, UsageError  # noqa: E402
from groundeval.nli import NLI_MODELS, Chunks, NLIOptions, PartialFailure, Spec, connect, register_spec  # noqa: E402
from groundeval.nli.model import fill  # noqa: E402
from groundeval.nli.spec import PREMISE_HYPOTHESIS  # noqa: E402
from groundeval.nli.verifiers.chunks import by_words  # noqa: E402
from groundeval.nli.verifiers.scored import ProbabilityVerifier  # noqa: E402
from groundeval.records import Pair  # noqa: E402

NAMES = ("contradiction", "entailment", "neutral")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("models") / "classifier", NAMES)


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat_model(tmp_path_factory.mktemp("models") / "chat")


def opened(kind: str, folder: Path, **options: Any) -> ProbabilityVerifier:
    model = NLI_MODELS.get(kind)(NLIOptions(model=str(folder), dtype="float32", **options))
    assert isinstance(model, ProbabilityVerifier)
    return model


def scores(model: ProbabilityVerifier, pairs: list[Pair]) -> list[float]:
    return [verdict.score for verdict in model.score(pairs)]


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_the_place_of_entailment_among_the_classes_is_read_from_the_model(
    classifier: Path, tmp_path: Path, order: tuple[int, ...]
):
    pairs = random_pairs(12)
    other = write_classifier(tmp_path / "other", [NAMES[place].upper() for place in order], order=order)
    expected = scores(opened("classifier", classifier), pairs)
    assert scores(opened("classifier", other), pairs) == pytest.approx(expected, abs=1e-6)
    assert max(expected) - min(expected) > 0.2


def test_a_classifier_without_an_entailment_class_is_refused_with_the_names_of_its_classes(tmp_path: Path):
    folder = write_classifier(tmp_path / "m", ("LABEL_0", "LABEL_1"))
    with pytest.raises(UsageError, match=r"LABEL_0, LABEL_1(.|\n)*'label': 'NAME'"):
        opened("classifier", folder).check()
    pairs = random_pairs(4)
    for_one, for_zero = (scores(opened("classifier", folder, label=f"LABEL_{i}"), pairs) for i in (1, 0))
    assert [a + b for a, b in zip(for_one, for_zero, strict=True)] == pytest.approx([1.0] * 4)


def test_not_entailment_is_not_taken_for_entailment(tmp_path: Path):
    pairs = random_pairs(6)
    one, other = (
        scores(opened("classifier", write_classifier(tmp_path / names[0], names)), pairs)
        for names in (("entailment", "not_entailment"), ("not_entailment", "entailment"))
    )
    assert [a + b for a, b in zip(one, other, strict=True)] == pytest.approx([1.0] * 6)


def test_a_model_with_one_output_gives_its_sigmoid(tmp_path: Path):
    folder = write_classifier(tmp_path / "m", ("supported",))
    model = opened("classifier", folder)
    [pair] = random_pairs(1)
    [score] = scores(model, [pair])
    inputs = model.tokenizer(*pair, return_tensors="pt")
    assert score == pytest.approx(float(model._replicas[0](**inputs).logits.detach().sigmoid()))


@pytest.mark.parametrize("kind", ["classifier", "minicheck", "causal"])
def test_scores_in_batches_are_those_of_one_pair_at_a_time(
    kind: str, classifier: Path, chat_model: Path, tiny_t5: Path
):
    folder = {"classifier": classifier, "minicheck": tiny_t5, "causal": chat_model}[kind]
    pairs = random_pairs(20)
    together = opened(kind, folder, token_budget=4_000).score(pairs)
    model = opened(kind, folder, token_budget=1)
    alone = [model.score([pair])[0] for pair in pairs]
    assert [v.score for v in together] == pytest.approx([v.score for v in alone], abs=1e-5)
    assert all(0 <= v.score <= 1 for v in together)
    assert [v.entailed for v in together] == [v.score >= 0.5 for v in together]


def test_a_long_premise_is_judged_by_its_best_window(classifier: Path):
    model = opened("classifier", classifier)
    model.load()
    premise = " ".join(pair.premise for pair in random_pairs(12))
    windows = model.inputs(premise, "the port is old")
    assert len(windows) > 3
    assert all(len(window.ids) <= 64 for window in windows)
    single = [model.probabilities(model._replicas[0], [window])[0] for window in windows]
    [verdict] = model.score([Pair(premise, "the port is old")])
    assert verdict.score == pytest.approx(max(single), abs=1e-6)
    # Every word of the premise is in a window, in its order.
    ids = model.tokenizer(premise, add_special_tokens=False).input_ids
    place = 0
    for window in windows:
        part = window.ids[1 : window.ids.index(model.tokenizer.sep_token_id)]
        start = next(at for at in range(place + 1) if ids[at : at + len(part)] == part)
        place = start + len(part)
    assert place == len(ids)


def test_a_chat_model_reads_a_long_premise_in_windows_too(chat_model: Path):
    model = opened("causal", chat_model)
    model.load()
    premise = " ".join(pair.premise for pair in random_pairs(12))
    windows = model.inputs(premise, "the port is old")
    assert len(windows) > 3
    assert all(len(window.ids) <= 128 for window in windows)
    [verdict] = model.score([Pair(premise, "the port is old")])
    assert verdict.score == pytest.approx(
        max(model.probabilities(model._replicas[0], [window])[0] for window in windows), abs=1e-5
    )
    longer = opened("causal", chat_model, max_length=100_000)
    assert len(longer.inputs(premise, "the port is old")) == 1


def test_the_score_of_a_chat_model_is_the_share_of_yes(chat_model: Path):
    model = opened("causal", chat_model)
    pair = Pair("lisbon lies on the tagus", "lisbon is old")
    [verdict] = model.score([pair])
    prompt = f"<s>{model.spec.template.format(premise=pair.premise, hypothesis=pair.hypothesis)}</s>answer :"
    ids = model.tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    last = model._replicas[0](ids).logits[0, -1]
    yes, no = (last[model.tokenizer.convert_tokens_to_ids(word)] for word in ("yes", "no"))
    assert verdict.score == pytest.approx(float((yes - no).detach().sigmoid()), abs=1e-5)


def test_a_chat_model_whose_answer_begins_with_neither_yes_nor_no_gives_no_verdict(chat_model: Path):
    model = opened("causal", chat_model)
    model.load()
    loaded = model._replicas[0]
    with torch.no_grad():
        loaded.lm_head.weight[model.tokenizer.convert_tokens_to_ids(["yes", "no"])] *= -1
    with pytest.raises(PartialFailure) as caught:
        model.score([Pair("lisbon is old", "it is old")])
    assert "began its answer with" in str(caught.value.outcomes[0])


def test_minicheck_takes_the_best_of_its_chunks_of_whole_sentences(tiny_t5: Path):
    model = opened("minicheck", tiny_t5)
    texts = [doc.split("\n", 1)[1] for doc in recipe.embedded_texts()]
    best, apart = set(), []
    for start in range(0, 120, 20):
        premise = " ".join(texts[start : start + 24])
        parts = by_words(premise, 500)
        assert len(parts) == 3
        for claim in (part.split(". ")[1] for part in parts):
            single = scores(model, [Pair(part, claim) for part in parts])
            [score] = scores(model, [Pair(premise, claim)])
            assert log_odds(score) == pytest.approx(log_odds(max(single)), abs=1e-3)
            best.add(single.index(max(single)))
            apart.append(log_odds(max(single)) - log_odds(sorted(single)[-2]))
    # That it is the largest can be seen: it is not always the same chunk's, and far from the next one.
    assert len(best) > 1
    assert max(apart) > 0.5


def test_a_first_token_is_read_from_transformers_logits_for_both_words(tiny_t5: Path):
    pairs = random_pairs(15)
    thresholded = opened("seq2seq", tiny_t5, threshold=0.5)
    found = scores(thresholded, pairs)
    assert thresholded.traits.fidelity == "proxy"
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tiny_t5, dtype=torch.float32)
    one, zero = (thresholded.tokenizer(word, add_special_tokens=False).input_ids[0] for word in "10")
    start = torch.tensor([[model.config.decoder_start_token_id]])
    for pair, score in zip(pairs, found, strict=True):
        ids = thresholded.tokenizer(fill(PREMISE_HYPOTHESIS, pair), return_tensors="pt").input_ids
        with torch.no_grad():
            logits = model(input_ids=ids, decoder_input_ids=start).logits[0, 0]
        assert score == pytest.approx(float((logits[one] - logits[zero]).sigmoid()), abs=1e-5)
    assert max(found) - min(found) > 0.1


def test_a_threshold_on_the_first_token_says_mostly_what_the_exact_verifier_does(tiny_t5: Path):
    pairs = [Pair(*texts) for texts in recipe.embedded_claims()[::8]]
    exact = NLI_MODELS.get("seq2seq")(NLIOptions(model=str(tiny_t5), dtype="float32")).score(pairs)
    thresholded = opened("seq2seq", tiny_t5, threshold=0.5).score(pairs)
    same = [one.entailed == other.entailed for one, other in zip(exact, thresholded, strict=True)]
    assert sum(same) >= 0.95 * len(pairs)
    assert {verdict.entailed for verdict in thresholded} == {True, False}


def test_the_threshold_decides(classifier: Path):
    pairs = random_pairs(20)
    found = sorted(scores(opened("classifier", classifier), pairs))
    strict = opened("classifier", classifier, threshold=found[10]).score(pairs)
    assert sum(v.entailed for v in strict) == 10
    assert opened("classifier", classifier).identity() != opened("classifier", classifier, threshold=0.9).identity()


def test_arguments_of_the_weights_are_part_of_what_determines_the_verdicts(classifier: Path):
    plain, other = opened("classifier", classifier), opened("classifier", classifier, model_args={"subfolder": "x"})
    assert "model_args" not in plain.identity()
    assert other.identity()["model_args"] == {"subfolder": "x"}


def test_chunks_may_be_averaged(classifier: Path):
    @register_spec("mean-for-test")
    def mean() -> Spec:
        """A verifier of a plugin."""
        return Spec(kind="classifier", yes=("entailment",), threshold=0.5, chunks=Chunks("words", 5, join="mean"))

    try:
        model = opened("mean-for-test", classifier)
        pair = Pair("The port is old. It is far. The sea is blue. The city is new.", "the port is old")
        parts = by_words(pair.premise, 5)
        assert len(parts) > 1
        single = scores(model, [Pair(part, pair.hypothesis) for part in parts])
        assert scores(model, [pair]) == pytest.approx([sum(single) / len(single)], abs=1e-6)
        nli = connect(f"mean-for-test:{classifier}", cache=False)
        assert nli.identity()["chunking"] == "5 words, mean over chunks"
    finally:
        del NLI_MODELS._entries["mean-for-test"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "classifier", "threshold": 0.5}, "yes"),
        ({"kind": "causal", "yes": ("yes",), "threshold": 0.5}, "no"),
        ({"kind": "causal", "yes": ("yes",), "no": ("no",)}, "threshold"),
        ({"kind": "seq2seq", "yes": ("1", "2"), "no": ("0",)}, "one word each"),
        ({"kind": "seq2seq", "yes": ("1",), "no": ("0",), "template": "{premise}"}, "must hold"),
    ],
)
def test_a_spec_that_lacks_something_is_refused_where_it_is_made(fields: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        Spec(**fields)


def test_a_chunk_that_does_not_fit_into_memory_spoils_its_own_pair_only(classifier: Path):
    model = opened("classifier", classifier)
    model.load()
    judge = model.probabilities

    def small(loaded: Any, batch: list[Any]) -> list[float]:
        if sum(len(each.ids) for each in batch) > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return judge(loaded, batch)

    model.probabilities = small  # type: ignore[method-assign]
    with pytest.raises(PartialFailure) as caught:
        model.score([Pair("old " * 10, "old"), Pair("old " * 200, "old"), Pair("old " * 11, "old")])
    assert [isinstance(outcome, SampleError) for outcome in caught.value.outcomes] == [False, True, False]


def test_a_short_text_stays_as_it_is_and_no_word_of_a_long_one_is_lost():
    assert by_words("Two  words.", 2) == ["Two  words."]
    assert by_words("", 2) == [""]
    text = "One two three. Four five. Six seven eight nine ten eleven twelve. Thirteen."
    chunks = by_words(text, 5)
    assert " ".join(chunks) == text
    assert all(len(chunk.split()) <= 5 for chunk in chunks)
    assert chunks[0] == "One two three. Four five."


def test_a_hypothesis_that_leaves_no_room_fails_alone(classifier: Path, chat_model: Path):
    for kind, folder in (("classifier", classifier), ("causal", chat_model)):
        with pytest.raises(PartialFailure) as caught:
            opened(kind, folder).score([Pair("lisbon is old " * 60, "old"), Pair("a " * 200, "old " * 200)])
        first, second = caught.value.outcomes
        assert not isinstance(first, SampleError)
        assert "no room" in str(second)


def test_text_that_is_not_unicode_is_judged_too(classifier: Path, chat_model: Path):
    for kind, folder in (("classifier", classifier), ("causal", chat_model)):
        assert 0 <= scores(opened(kind, folder), [Pair("a \ud800 b {premise}", "\udfff")])[0] <= 1


def remote_code(folder: Path, copy: Path) -> Path:
    """A copy of a model that says that it needs code of its own; running that code would leave a trace."""
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    config["model_type"] = "of-its-own"
    config["auto_map"] = {"AutoConfig": "own.OwnConfig", "AutoModelForSequenceClassification": "own.Own"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class OwnConfig(BertConfig):\n    model_type = 'of-its-own'\n"
        "class Own(BertForSequenceClassification):\n    config_class = OwnConfig\n"
    )
    return copy


def test_a_model_that_needs_code_of_its_own_is_refused_unless_trusted(classifier: Path, tmp_path: Path):
    folder = remote_code(classifier, tmp_path / "own")
    with pytest.raises(UsageError, match="trust_remote_code=True"):
        opened("classifier", folder).check()
    pairs = random_pairs(3)
    trusted = scores(opened("classifier", folder, trust_remote_code=True), pairs)
    assert trusted == pytest.approx(scores(opened("classifier", classifier), pairs), abs=1e-6)


def test_a_spec_that_needs_remote_code_is_refused_before_anything_is_read():
    spec = Spec(kind="classifier", model="nobody/nothing", yes=("entailment",), threshold=0.5, remote_code=True)
    with pytest.raises(UsageError, match="trust_remote_code=True"):
        spec.open("own", NLIOptions()).check()  # type: ignore[attr-defined]


def test_a_model_of_another_kind_is_refused_with_the_kind_that_it_is(classifier: Path, chat_model: Path):
    for kind, folder, own in (("seq2seq", classifier, "classifier"), ("classifier", chat_model, "causal")):
        with pytest.raises(UsageError, match=f"nli='{own}:"):
            NLI_MODELS.get(kind)(NLIOptions(model=str(folder))).check()  # type: ignore[attr-defined]


def test_a_folder_leads_to_the_verifier_of_its_kind(classifier: Path, chat_model: Path):
    for folder, kind in ((classifier, "classifier"), (chat_model, "causal")):
        nli = connect(str(folder), dtype="float32", cache=False)
        assert nli.traits.kind == kind
        assert nli.traits.fidelity == "proxy"
        assert nli.judge([Pair("the port is old", "old")])


def test_another_model_than_the_named_one_has_neither_its_licence_nor_its_revision_nor_its_exactness(tiny_t5: Path):
    true, other = connect("true"), connect(f"true:{tiny_t5}")
    assert (true.traits.fidelity, true.traits.licence) == ("exact", "Apache-2.0")
    assert (other.traits.fidelity, other.traits.licence) == ("proxy", None)
    assert connect("true", threshold=0.5).traits.fidelity == "proxy"


def test_results_name_the_verifier_and_mark_it_as_a_proxy(classifier: Path, tmp_path: Path):
    import groundeval

    file = tmp_path / "outputs.jsonl"
    docs = [{"title": "lisbon", "text": "the port is old ."}]
    file.write_text(json.dumps({"question": "how old?", "answer": "old", "docs": docs, "output": "it is old [1]."}))
    [scored] = groundeval.score(
        file, "eli5", metrics=["citation"], nli=f"classifier:{classifier}", nli_options={"cache": False}
    )
    assert scored.results.nli == "classifier"
    identity = scored.results.nli_identity
    assert identity is not None
    assert (identity["kind"], identity["fidelity"], identity["threshold"]) == ("classifier", "proxy", 0.5)
    assert str(identity["revision"]).startswith("files-")
    assert scored.nli_pairs["computed"] == 1
