"""The seq2seq verifier: batches give the verdicts of one pair at a time, generated and decoded."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from groundeval.errors import SampleError, UsageError  # noqa: E402
from groundeval.nli import NLI, NLIOptions, PartialFailure, connect  # noqa: E402
from groundeval.nli.batches import TokenBudget, run_in_batches  # noqa: E402
from groundeval.nli.lexical import Lexical  # noqa: E402
from groundeval.nli.model import NLI_MODELS, fill, register_nli  # noqa: E402
from groundeval.nli.seq2seq import TEMPLATE, Seq2Seq, _Padded, label_tokens  # noqa: E402
from groundeval.nli.t5_step import FirstStep  # noqa: E402
from groundeval.records import Pair, Verdict  # noqa: E402

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
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
    model = Seq2Seq(NLIOptions(model=str(folder), **options), "tiny")
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
    import groundeval

    class Recording(Lexical):
        def score(self, pairs):
            seen.update(dict.fromkeys(pairs))
            return super().score(pairs)

    seen: dict[Pair, None] = {}
    register_nli("recording-for-test")(lambda options: Recording())
    try:
        for task in ("asqa", "eli5", "qampari"):
            groundeval.score(GOLDEN / f"{task}.json", task, profiles=("alce", "trust"), nli="recording-for-test")
    finally:
        del NLI_MODELS._entries["recording-for-test"]
    return list(seen)


@pytest.mark.slow
@pytest.mark.skipif(not GOLDEN.exists(), reason="needs the golden files")
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


def test_the_first_step_has_the_logits_of_transformers_forward_pass(tiny_t5: Path):
    model = verifier(tiny_t5, dtype="float32")
    ids = sorted(model._tokenizer([fill(TEMPLATE, pair) for pair in some_pairs(9)]).input_ids, key=len)
    with torch.inference_mode():
        ours = FirstStep(model._replicas[0])(ids)
        theirs = _Padded(model._replicas[0], 0)(ids)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_within_the_noise_every_pair_is_generated_and_counted(tiny_t5: Path):
    model = verifier(tiny_t5, dtype="float32")
    expected = [v.entailed for v in model.score(some_pairs(12))]
    model.noise = 1e6
    with NLI(model) as nli:
        verdicts = nli.judge(some_pairs(12))
        assert nli.stats.rechecked == nli.stats.computed > 0
    assert [v.entailed for v in verdicts] == expected
    assert all(v.rechecked for v in verdicts)


def test_a_model_that_goes_on_after_1_is_not_trusted_on_its_first_token(tiny_t5: Path):
    model = verifier(tiny_t5, dtype="float32")
    model._answers_are_one_token = False
    for verdict in model.score(some_pairs(20)):
        assert verdict.rechecked or not verdict.entailed


def test_copies_on_several_devices_share_the_work_and_agree(tiny_t5: Path):
    pairs = some_pairs(20, seed=2)
    one = verifier(tiny_t5, dtype="float32").score(pairs)
    two = verifier(tiny_t5, dtype="float32", device="cpu,cpu", token_budget=200).score(pairs)
    assert [v.entailed for v in one] == [v.entailed for v in two]


def test_nothing_is_truncated(tiny_t5: Path):
    model = verifier(tiny_t5)
    seen: list[int] = []
    step = model._steps[0]
    model._steps = [lambda batch: (seen.extend(map(len, batch)), step(batch))[1]]
    model.score([Pair("word " * 3000, "word")])
    assert seen[0] > 3000


def test_text_that_is_not_unicode_is_judged_too(tiny_t5: Path):
    [verdict] = verifier(tiny_t5).score([Pair("a \ud800 b\x00\x1b {premise}", "\udfff b")])
    assert isinstance(verdict.entailed, bool)


def test_labels_are_found_in_the_vocabulary(tiny_t5: Path):
    tokenizer = verifier(tiny_t5)._tokenizer
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
    step = model._steps[0]

    def small(batch: list[list[int]]) -> object:
        if sum(map(len, batch)) > 200:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(batch)

    model._steps = [small]
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
