"""The seq2seq verifier: batches give the verdicts of one pair at a time, generated and decoded."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path

import pytest
from golden_files import golden_file

torch = pytest.importorskip("torch")

import groundeval  # noqa: E402
from groundeval.errors import SampleError, UsageError  # noqa: E402
from groundeval.nli import NLI, NLIOptions, PartialFailure, connect  # noqa: E402
from groundeval.nli.batches import TokenBudget, run_in_batches  # noqa: E402
from groundeval.nli.model import NLI_MODELS, fill, register_nli  # noqa: E402
from groundeval.nli.presets import seq2seq  # noqa: E402
from groundeval.nli.spec import PREMISE_HYPOTHESIS  # noqa: E402
from groundeval.nli.verifiers.lexical import Lexical  # noqa: E402
from groundeval.nli.verifiers.seq2seq import Seq2Seq, _Padded, label_tokens  # noqa: E402
from groundeval.nli.verifiers.t5_step import FirstSteps  # noqa: E402
from groundeval.records import Pair, Verdict  # noqa: E402

TEXT = (
    "Title: Rayleigh scattering\nWhen sunlight crosses the atmosphere, molecules of gas scatter it in every direction, "
    "and short blue wavelengths far more strongly than long red ones."
)


def some_pairs(count: int, seed: int = 0) -> list[Pair]:
    rng = random.Random(seed)
    words = TEXT.split()
    made = []
    for _ in range(count):
        premise = " ".join(rng.choices(words, k=rng.randint(1, 60)))
        made.append(Pair(premise, " ".join(rng.choices([*premise.split(), *words, "Bananas"], k=rng.randint(1, 12)))))
    return made


def verifier(folder: Path, **options: object) -> Seq2Seq:
    model = seq2seq().open("seq2seq", NLIOptions(model=str(folder), **options))
    assert isinstance(model, Seq2Seq)
    model.load()
    return model


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_batched_verdicts_are_those_of_generating_one_pair_at_a_time(tiny_t5: Path, dtype: str):
    pairs = some_pairs(80)
    batched = verifier(tiny_t5, dtype=dtype).score(pairs)
    alone = verifier(tiny_t5, dtype=dtype, exact="generate").score(pairs)
    assert [v.entailed for v in batched] == [v.entailed for v in alone]
    assert {v.entailed for v in batched} == {True, False}


def golden_pairs() -> list[Pair]:
    """All pairs that the golden files ask, under both profiles and with the lexical verdicts."""

    class Recording(Lexical):
        def score(self, pairs):
            seen.update(dict.fromkeys(pairs))
            return super().score(pairs)

    seen: dict[Pair, None] = {}
    register_nli("recording-for-test")(lambda options: Recording())
    try:
        for task in ("asqa", "eli5", "qampari"):
            groundeval.score(golden_file(task), task, profiles=("alce", "trust"), nli="recording-for-test")
    finally:
        del NLI_MODELS._entries["recording-for-test"]
    return list(seen)


@pytest.mark.slow
def test_on_all_golden_pairs_the_verdicts_are_equal_and_few_are_scored_again(tiny_t5: Path):
    pairs = golden_pairs()
    assert len(pairs) > 900
    for dtype in ("float32", "bfloat16"):
        batched = verifier(tiny_t5, dtype=dtype).score(pairs)
        alone = verifier(tiny_t5, dtype=dtype, exact="generate").score(pairs)
        assert [v.entailed for v in batched] == [v.entailed for v in alone]
        assert 0.25 <= sum(v.entailed for v in batched) / len(pairs) <= 0.75
        assert sum(v.rechecked for v in batched) <= 0.03 * len(pairs)


def test_a_verdict_does_not_depend_on_the_batch_it_was_in(tiny_t5: Path):
    pairs = some_pairs(30, seed=1)
    together = verifier(tiny_t5, token_budget=100_000).score(pairs)
    apart = verifier(tiny_t5, token_budget=1).score(pairs)
    assert [v.entailed for v in together] == [v.entailed for v in apart]


def test_the_first_steps_have_the_logits_of_transformers_forward_pass(tiny_t5: Path):
    model = verifier(tiny_t5, dtype="float32")
    ids = sorted(model.tokenizer([fill(PREMISE_HYPOTHESIS, pair) for pair in some_pairs(9)]).input_ids, key=len)
    ours, theirs = FirstSteps(model._replicas[0]), _Padded(model._replicas[0], 0)
    with torch.inference_mode():
        for answer in ([], [7], [7, 9]):
            logits = ours.logits(ours.states(ids, answer))
            assert torch.allclose(logits, theirs.logits(theirs.states(ids, answer)), atol=1e-4)
            assert logits.shape[1] == 1 + len(answer)


def test_within_the_noise_every_pair_is_generated_and_counted(tiny_t5: Path):
    model = verifier(tiny_t5, dtype="float32")
    expected = [v.entailed for v in model.score(some_pairs(12))]
    model.noise = 1e6
    with NLI(model) as nli:
        verdicts = nli.judge(some_pairs(12))
        assert nli.stats.rechecked == nli.stats.computed > 0
    assert [v.entailed for v in verdicts] == expected
    assert all(v.rechecked for v in verdicts)


def model_that_may_go_on(tiny_t5: Path, folder: Path) -> tuple[Path, set[str]]:
    """A copy of the model that says more than `1` for some pairs, and the answers that begin with `1`.

    Only what the decoder makes of a `1` that it has said is changed, so first tokens stay what they were.
    """
    import transformers

    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tiny_t5, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_t5)
    one = tokenizer("1", add_special_tokens=False).input_ids[0]
    row = model.get_input_embeddings().weight[one]
    learned = row.detach().clone()
    for seed, share in itertools.product(range(10), (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)):
        other = torch.randn(row.shape, generator=torch.Generator().manual_seed(seed)) * learned.std()
        with torch.no_grad():
            row.copy_((1 - share) * learned + share * other)
        answers = set()
        for pair in some_pairs(40):
            ids = tokenizer(fill(PREMISE_HYPOTHESIS, pair), return_tensors="pt").input_ids
            answers.add(tokenizer.decode(model.generate(ids, max_new_tokens=10)[0], skip_special_tokens=True))
        begun = {answer for answer in answers if answer.startswith("1")}
        if "1" in begun and len(begun) > 1:
            break
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, begun


def test_an_answer_that_goes_on_after_1_is_not_taken_for_1(tiny_t5: Path, tmp_path: Path):
    folder, answers = model_that_may_go_on(tiny_t5, tmp_path / "goes-on")
    assert "1" in answers
    assert len(answers) > 1
    pairs = some_pairs(60)
    batched = verifier(folder, dtype="float32").score(pairs)
    alone = verifier(folder, dtype="float32", exact="generate").score(pairs)
    assert [v.entailed for v in batched] == [v.entailed for v in alone]
    assert {v.entailed for v in batched} == {True, False}
    # The first token alone would have said otherwise.
    assert any(v.score > 0.5 and not v.entailed and v.rechecked for v in batched)
    assert any(v.entailed and not v.rechecked for v in batched)


def test_copies_on_several_devices_share_the_work_and_agree(tiny_t5: Path):
    pairs = some_pairs(20, seed=2)
    one = verifier(tiny_t5, dtype="float32").score(pairs)
    two = verifier(tiny_t5, dtype="float32", device="cpu,cpu", token_budget=200).score(pairs)
    assert [v.entailed for v in one] == [v.entailed for v in two]


def test_nothing_is_truncated(tiny_t5: Path):
    model = verifier(tiny_t5)
    seen: list[int] = []
    states = model._steps[0].states
    model._steps[0].states = lambda batch, answer: (seen.extend(map(len, batch)), states(batch, answer))[1]
    model.score([Pair("word " * 3000, "word")])
    assert seen[0] > 3000


def test_text_that_is_not_unicode_is_judged_too(tiny_t5: Path):
    [verdict] = verifier(tiny_t5).score([Pair("a \ud800 b\x00\x1b {premise}", "\udfff b")])
    assert isinstance(verdict.entailed, bool)


def test_labels_are_found_in_the_vocabulary(tiny_t5: Path):
    tokenizer = verifier(tiny_t5).tokenizer
    for label in ("1", "0"):
        found = label_tokens(tokenizer, label)
        assert tokenizer(label, add_special_tokens=False).input_ids[0] in found
        assert all(tokenizer.decode([token]) == label for token in found)


def test_out_of_memory_halves_the_batches_and_loses_only_what_does_not_fit_alone():
    tried: list[int] = []

    def forward(batch: list[int]) -> list[Verdict]:
        tried.append(sum(lengths[item] for item in batch))
        if tried[-1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [Verdict(True, float(item)) for item in batch]

    lengths = [30] * 20 + [500]
    budget = TokenBudget(10_000)
    results = run_in_batches(lengths, budget, [forward])
    assert [r.score for r in results[:20]] == list(map(float, range(20)))
    assert "500 tokens" in str(results[20])
    assert budget.tokens <= 100


def test_a_pair_that_does_not_fit_is_an_error_of_its_own(tiny_t5: Path):
    model = verifier(tiny_t5)
    states = model._steps[0].states

    def small(batch: list[list[int]], answer: list[int]) -> object:
        if sum(map(len, batch)) > 200:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return states(batch, answer)

    model._steps[0].states = small
    with pytest.raises(PartialFailure) as caught:
        model.score([Pair("a", "a"), Pair("word " * 500, "b"), Pair("c", "c")])
    assert [isinstance(outcome, SampleError) for outcome in caught.value.outcomes] == [False, True, False]


def test_an_error_that_is_not_about_memory_is_not_taken_for_one():
    def forward(batch: list[int]) -> list[Verdict]:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run_in_batches([1, 2], TokenBudget(10), [forward])


def test_a_folder_is_connected_by_its_path_and_its_version_follows_its_content(tiny_t5: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_t5, copy)
    nli = connect(str(copy), dtype="float32", cache=False)
    before = nli.identity()
    assert (before["kind"], before["dtype"], before["model"]) == ("seq2seq", "float32", "copy")
    assert isinstance(nli.judge([Pair(TEXT, "blue")])[0], Verdict)
    nli.close()
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert connect(str(copy), dtype="float32", cache=False).identity()["revision"] != before["revision"]


def test_a_folder_that_holds_no_weights_is_a_usage_error(tiny_t5: Path, tmp_path: Path):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_t5 / name, tmp_path / name)
    with pytest.raises(UsageError, match="cannot be loaded"):
        connect(str(tmp_path)).load()


def test_a_warm_cache_computes_nothing_and_the_yardstick_never_reads_it(tiny_t5: Path, tmp_path: Path):
    pairs = some_pairs(10)
    path = str(tmp_path / "nli.sqlite")
    made = []
    for mode in ("batch", "batch", "generate"):
        with connect(str(tiny_t5), dtype="float32", cache=path, exact=mode) as nli:
            made.append(([v.entailed for v in nli.judge(pairs)], nli.stats.computed))
    unique = len(set(pairs))
    assert [computed for _, computed in made] == [unique, 0, unique]
    assert made[0][0] == made[1][0] == made[2][0]


def test_scoring_again_what_is_all_in_the_cache_loads_no_weights(
    tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import transformers

    file = tmp_path / "outputs.jsonl"
    docs = [{"title": "Rome", "text": "Rome is old."}]
    record = {"question": "How old is Rome?", "answer": "Old.", "docs": docs, "output": "Rome is old [1]."}
    file.write_text(json.dumps(record))
    options = {"nli": str(tiny_t5), "nli_options": {"dtype": "float32", "cache": str(tmp_path / "nli.sqlite")}}

    def score() -> tuple[object, dict[str, int]]:
        connect(str(tiny_t5), **options["nli_options"]).close()
        [result] = groundeval.score(file, "eli5", metrics=["citation"], **options)
        return result.results.metrics, dict(result.nli_pairs)

    first, counts = score()
    assert counts["computed"] == 1
    monkeypatch.setattr(transformers.AutoModelForSeq2SeqLM, "from_pretrained", None)
    second, counts = score()
    assert (counts["computed"], counts["cached"]) == (0, 1)
    assert first == second
