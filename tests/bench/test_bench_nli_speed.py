"""Sequential NLI against the service: the counts, and random models that answer as a verifier does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from groundeval.bench import nli_clients
from groundeval.bench.nli_clients import overlapping
from groundeval.bench.nli_device import measure as measure_device
from groundeval.bench.nli_device import operations, parameters
from groundeval.bench.nli_speed import measure, outputs_from, pairs_of
from groundeval.bench.random_t5 import SHAPES, Shape, write_random_t5
from groundeval.bench.text_speed import embedded_outputs
from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.records import Pair

TINY = Shape(64, 128, 2, 4, d_kv=16, gated=True, vocabulary=8_192)


@pytest.fixture
def outputs(tmp_path: Path) -> str:
    """A file of twelve outputs, each with two sentences that cite."""
    [answered] = [each.answered for each in embedded_outputs() if each.name == "asqa"]
    records = [
        {
            "question": example.question,
            "output": " ".join(f"{' '.join(doc.text.split()[k : k + 9])} [1][2]." for k in (0, 9)),
            "answers": [["nothing of the kind"]],
            "docs": [{"title": each.title, "text": each.text} for each in example.docs or ()],
        }
        for example, _ in answered[:12]
        for doc in (example.docs or ())[:1]
    ]
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(records))
    return f"asqa={file}"


def test_the_shapes_have_the_sizes_that_their_models_are_known_for():
    # Input and output embedding are counted each; the first T5 shares them.
    assert parameters(SHAPES["t5-small"]) - 32_128 * 512 == pytest.approx(60.5e6, rel=0.01)
    assert parameters(SHAPES["t5-xxl"]) == pytest.approx(11.1e9, rel=0.01)


def test_operations_grow_a_little_faster_than_the_input():
    few, many = (operations(SHAPES["t5-xxl"], tokens) for tokens in (350, 700))
    assert 2 * few < many < 2.2 * few
    # Two operations for each weight of the encoder and token.
    encoder = 24 * (4 * 4_096 * 4_096 + 3 * 4_096 * 10_240)
    assert few == pytest.approx(2 * 350 * encoder, rel=0.05)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("outputs.json", "must be TASK=FILE"),
        ("asqa=nowhere.json", "no such file"),
        ("aqsa=outputs.json", 'Did you mean "asqa"'),
    ],
)
def test_outputs_that_are_not_there_are_named(spec: str, message: str):
    with pytest.raises(UsageError, match=message):
        outputs_from([spec])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shape", "t5-smal"], 'Did you mean "t5-small"'),
        (["--model", "folder"], "--model needs TASK=FILE"),
        (["--shape", "t5-small", "--device", "tpu"], 'NLI device "tpu"'),
    ],
)
def test_wrong_flags_say_what_is_allowed(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("torch")
    assert main(["bench", "nli-speed", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_pairs_are_those_that_scoring_asks(outputs: str):
    pairs = pairs_of(outputs_from([outputs]), ("alce", "trust"))
    assert len(pairs) == len(set(pairs)) >= 24
    assert all("[1]" not in pair.hypothesis for pair in pairs)


def test_a_random_model_needs_some_pairs_to_be_fitted_to(tmp_path: Path):
    pytest.importorskip("transformers")
    with pytest.raises(DataError, match="there are 2 NLI pairs"):
        write_random_t5(TINY, [Pair("a", "b"), Pair("c", "d")], tmp_path)


@pytest.mark.slow
def test_a_random_model_says_1_or_0_and_then_ends(outputs: str, tmp_path: Path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pairs = pairs_of(outputs_from([outputs]), ("alce",))
    folder = write_random_t5(TINY, pairs, tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    said = []
    for premise, hypothesis in pairs:
        ids = tokenizer(f"premise: {premise} hypothesis: {hypothesis}").input_ids
        made = model.generate(torch.tensor([ids]), max_new_tokens=10)[0]
        assert len(made) == 3
        said.append(tokenizer.decode(made, skip_special_tokens=True))
    assert set(said) == {"0", "1"}


@pytest.mark.slow
def test_both_ways_judge_the_same_pairs_alike_and_each_once(outputs: str, tmp_path: Path):
    pytest.importorskip("transformers")
    sources = outputs_from([outputs])
    folder = write_random_t5(TINY, pairs_of(sources, ("alce",)), tmp_path / "model")
    found = measure(str(folder), sources, tmp_path / "cache.sqlite", profiles=("alce",), dtypes=("float32",))
    sequential, batched = found.timings[:2]
    assert (sequential.way, batched.way) == ("sequential", "batched")
    assert sequential.computed == sequential.unique == batched.computed == batched.unique > 20
    assert sequential.asked == batched.asked
    [agreement] = found.agreements
    assert (agreement.percent, agreement.pairs) == (100.0, batched.unique)
    assert found.ratios["cold, both float32"] == pytest.approx(sequential.seconds / batched.seconds)
    assert 20 < found.tokens_per_pair < 2_000


@pytest.mark.slow
def test_the_second_run_with_a_cache_on_disk_computes_nothing(outputs: str, tmp_path: Path):
    pytest.importorskip("transformers")
    sources = outputs_from([outputs])
    folder = write_random_t5(TINY, pairs_of(sources, ("alce",)), tmp_path / "model")
    found = measure(str(folder), sources, tmp_path / "cache.sqlite", profiles=("alce",), dtypes=("float32",))
    cached = found.timings[-1]
    assert (cached.way, cached.computed, cached.cached) == ("from cache", 0, cached.unique)
    assert found.ratios["warm, float32 against the cache"] is not None


@pytest.mark.parametrize("clients", [1, 2, 8])
def test_the_clients_ask_for_all_pairs_together_and_for_each_of_them_at_least_twice(clients: int):
    pairs = [Pair("a", str(number)) for number in range(100)]
    parts = overlapping(pairs, clients)
    assert len(parts) == clients
    asked = Counter(pair for part in parts for pair in part)
    assert set(asked) == set(pairs)
    assert clients < 4 or min(asked.values()) >= 2
    assert all(len(set(part)) == len(part) for part in parts)


@pytest.mark.slow
def test_clients_of_a_server_get_the_verdicts_in_process_and_each_pair_is_computed_once(outputs: str, tmp_path: Path):
    pytest.importorskip("transformers")
    pytest.importorskip("uvicorn")
    pairs = pairs_of(outputs_from([outputs]), ("alce",))
    folder = write_random_t5(TINY, pairs, tmp_path / "model")
    found = nli_clients.measure(str(folder), pairs, clients=4, options={"dtype": "float32"})
    assert (found.clients, found.pairs, found.computed) == (4, len(pairs), len(pairs))
    several = nli_clients.measure_several(str(folder), pairs, servers=2, options={"dtype": "float32"})
    assert (several.servers, several.pairs, several.computed) == (2, len(pairs), len(pairs))
    assert several.same_verdicts == 100
    assert found.asked == pytest.approx(2 * len(pairs), abs=4)
    assert found.same_verdicts == 100.0
    assert found.ratio == pytest.approx(found.served_pairs_per_second / found.in_process_pairs_per_second)


@pytest.mark.slow
def test_a_device_is_measured_by_length(tmp_path: Path):
    pytest.importorskip("transformers")
    found = measure_device(
        "tiny", TINY, tmp_path, device="cpu", lengths=(30, 90), pairs=24, sequential_pairs=6, dtype="float32"
    )
    short, long = found.lengths
    assert (short.premise_tokens, long.premise_tokens, short.pairs) == (30, 90, 24)
    assert 30 < short.tokens_per_pair < 90 < long.tokens_per_pair
    assert short.same_verdicts == long.same_verdicts == 100.0
    assert short.peak_gib is None
    assert 0 < found.lengths[0].tflops < found.matmul_tflops
    assert short.speedup == pytest.approx(short.pairs_per_second / short.sequential_pairs_per_second)


@pytest.mark.slow
def test_a_server_that_is_measured_ends_with_the_process_that_started_it():
    script = (
        "import time\nfrom groundeval.bench.nli_clients import _server\n"
        "with _server('lexical', {'timeout': 60}, 1) as address:\n    print(address, flush=True)\n    time.sleep(60)"
    )
    bench = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert bench.stdout is not None
    address = bench.stdout.readline().strip()
    assert httpx.get(f"{address}/health", trust_env=False).status_code in (200, 503)
    bench.send_signal(signal.SIGTERM)
    assert bench.wait(20) == 128 + signal.SIGTERM
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health", trust_env=False)
