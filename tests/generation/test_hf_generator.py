from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli
from tiny_models import CHATML, REASONING, make_model

from groundeval.errors import BackendError, UsageError
from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams
from groundeval.models.chat import ChatFormat, Encoded
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt
from groundeval.storage.spool import Spool

pytest.importorskip("transformers")

Tiny = Callable[..., Path]
GREEDY = SamplingParams(max_new_tokens=12)
SAMPLED = replace(GREEDY, temperature=0.9, top_p=0.95)
PROMPTS = [
    Prompt(str(i), "Tell me of number " + "very " * i + str(i), system="Be kind." if i % 3 else None) for i in range(9)
]


def hf(model: Path | str, **options: Any) -> Generator:
    return GENERATORS.get("hf")(GeneratorOptions(str(model), **options))


def completions(generator: Generator, prompts: list[Prompt], params: SamplingParams) -> dict[str, Completion]:
    found = list(generator.generate(prompts, params))
    assert sorted(c.id for c in found) == sorted(p.id for p in prompts)
    return {c.id: c for c in found}


@pytest.mark.parametrize("params", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_texts_do_not_depend_on_the_batch(tiny: Tiny, params: SamplingParams) -> None:
    together = completions(hf(tiny(CHATML), batch_size=9), PROMPTS, params)
    by_fours = completions(hf(tiny(CHATML), batch_size=4), PROMPTS[::-1], params)
    alone = hf(tiny(CHATML), batch_size=1)
    assert together == by_fours == completions(alone, PROMPTS, params)
    assert len({c.text for c in together.values()}) > 3


def test_sampling_follows_the_seed(tiny: Tiny) -> None:
    generator = hf(tiny(CHATML))
    one, again, other = (completions(generator, PROMPTS, replace(SAMPLED, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_several_answers_to_one_prompt_differ_and_are_the_same_in_any_batch(tiny: Tiny) -> None:
    draws = [Prompt(f"a#{draw}", "Tell me", draw=draw) for draw in range(1, 6)]
    generator = hf(tiny(CHATML), batch_size=5)
    together = completions(generator, draws, SAMPLED)
    assert len({each.text for each in together.values()}) == 5
    assert together == {draw.id: each for draw in draws for each in generator.generate([draw], SAMPLED)}


def test_tokens_are_counted_and_the_reason_for_the_end_is_told(tiny: Tiny) -> None:
    generator = hf(tiny(None))
    [completion] = generator.generate([Prompt("x", "Hi")], GREEDY)
    assert (completion.prompt_tokens, completion.completion_tokens) == (3, 12)
    assert completion.finish_reason == "length"
    stop = completion.text[2:4]
    [stopped] = generator.generate([Prompt("x", "Hi")], replace(GREEDY, stop=(stop,)))
    assert stopped.finish_reason == "stop"
    assert stopped.text == completion.text[: completion.text.index(stop)]


def test_a_prompt_that_does_not_fit_gets_an_error_and_the_others_their_text(tiny: Tiny) -> None:
    generator = hf(tiny(None, positions=64))
    assert generator.context_length == 64  # type: ignore[attr-defined]
    found = completions(generator, [Prompt("long", "x" * 60), Prompt("short", "x")], GREEDY)
    assert "61 tokens; with 12 for the answer it exceeds" in (found["long"].error or "")
    assert found["short"].error is None


def test_the_longest_input_can_be_shortened(tiny: Tiny) -> None:
    assert hf(tiny(None), model_args={"max_model_len": 32}).context_length == 32  # type: ignore[attr-defined]


def test_running_out_of_memory_halves_the_batch(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    generator = hf(tiny(CHATML), batch_size=8)
    expected = completions(generator, PROMPTS, GREEDY)
    real, sizes = generator._model.generate, []  # type: ignore[attr-defined]

    def small_memory(**kwargs: Any) -> Any:
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(**kwargs)

    monkeypatch.setattr(generator._model, "generate", small_memory)  # type: ignore[attr-defined]
    assert completions(generator, PROMPTS, GREEDY) == expected
    assert sizes == [8, 4, 2, 2, 2, 2, 1]


def test_a_prompt_too_big_for_the_memory_alone_is_recorded_and_the_others_go_on(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    generator = hf(tiny(None))
    generator.load()
    real = generator._model.generate  # type: ignore[attr-defined]

    def small_memory(**kwargs: Any) -> Any:
        if kwargs["input_ids"].shape[1] > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(**kwargs)

    monkeypatch.setattr(generator._model, "generate", small_memory)  # type: ignore[attr-defined]
    found = completions(generator, [Prompt("a", "x"), Prompt("b", "y" * 30), Prompt("c", "z")], GREEDY)
    assert [found[name].error is None for name in "abc"] == [True, False, True]
    assert "out of memory" in (found["b"].error or "")


def test_a_model_that_breaks_is_a_backend_error(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = hf(tiny(None))
    generator.load()

    def broken(**_: Any) -> Any:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(generator._model, "generate", broken)  # type: ignore[attr-defined]
    with pytest.raises(BackendError, match="device-side assert"):
        list(generator.generate([Prompt("x", "Hi")], GREEDY))


def test_what_the_template_begins_is_told_and_not_part_of_the_text(tiny: Tiny) -> None:
    rendered = hf(tiny(REASONING)).render(Prompt("x", "Hi"))
    assert rendered.prefill == "<think>\n"
    assert rendered.text.endswith("<|im_start|>assistant\n<think>\n")
    assert rendered.tokens is not None


def test_rendering_and_identity_do_not_load_the_model(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny(CHATML), folder)
    (folder / "model.safetensors").write_bytes(b"not weights")
    generator = hf(folder)
    assert generator.render(Prompt("x", "Hi")).tokens
    assert generator.identity()["dtype"] == "float32"
    with pytest.raises(UsageError, match="cannot be loaded"):
        generator.load()


def test_the_identity_follows_content_and_not_place(tiny: Tiny, tmp_path: Path) -> None:
    one = tmp_path / "one" / "model"
    other = tmp_path / "other" / "model"
    shutil.copytree(tiny(CHATML), one)
    shutil.copytree(tiny(CHATML), other)
    assert hf(one).identity() == hf(other, batch_size=3, model_args={"device": "cpu"}).identity()
    make_model(other, seed=1)
    assert hf(one).identity() != hf(other).identity()
    assert hf(one).identity() != hf(one, dtype="bf16").identity()
    json.dumps(hf(one).identity())


def test_another_precision_can_be_asked_for(tiny: Tiny) -> None:
    generator = hf(tiny(CHATML), dtype="bf16")
    assert generator.identity()["dtype"] == "bfloat16"
    assert all(c.error is None for c in generator.generate(PROMPTS, GREEDY))
    assert str(generator._model.dtype) == "torch.bfloat16"  # type: ignore[attr-defined]


def test_sampling_defaults_of_a_model_have_no_effect(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny(CHATML), folder)
    (folder / "generation_config.json").write_text(
        json.dumps({"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "eos_token_id": 257})
    )
    assert completions(hf(folder), PROMPTS, GREEDY) == completions(hf(tiny(CHATML)), PROMPTS, GREEDY)


def test_a_lora_adapter_changes_the_texts_and_the_identity(tiny: Tiny, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny(CHATML))
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "adapter")
    plain, adapted = hf(tiny(CHATML)), hf(tiny(CHATML), model_args={"lora": str(tmp_path / "adapter")})
    assert plain.identity() != adapted.identity()
    assert completions(plain, PROMPTS, GREEDY) != completions(adapted, PROMPTS, GREEDY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_args": {"atn_implementation": "sdpa"}}, 'Did you mean "attn_implementation"'),
        ({"dtype": "fp17"}, 'unknown dtype "fp17"'),
        ({"batch_size": 0}, "batch_size=0"),
        ({"model_args": {"device": "cuda:0"}}, "no CUDA device"),
    ],
)
def test_wrong_options_are_refused(tiny: Tiny, options: dict[str, Any], message: str) -> None:
    import torch

    if torch.cuda.is_available() and "CUDA" in message:
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UsageError, match=message):
        hf(tiny(None), **options).load()


def test_code_that_comes_with_a_model_runs_only_when_asked_for(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny(None), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('the code ran')")
    with pytest.raises(UsageError, match="add trust_remote_code=True"):
        hf(folder).load()


def test_a_model_that_is_not_causal_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny(None), folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "t5", "architectures": ["T5Model"]}))
    with pytest.raises(UsageError, match="not a causal language model"):
        hf(folder).load()


@pytest.mark.slow
def test_the_embedded_model_answers_in_batches_as_alone(smollm2: str) -> None:
    generator = hf(smollm2)
    prompts = [
        Prompt("france", "What is the capital of France?"),
        Prompt("rivers", "Write one sentence about the rivers of Asia.", system="You are a poet."),
    ]
    for params in (SamplingParams(max_new_tokens=10), SamplingParams(max_new_tokens=10, temperature=0.7, top_p=0.9)):
        together = completions(generator, prompts, params)
        assert together == {p.id: c for p in prompts for c in generator.generate([p], params)}
        assert "<|im_" not in "".join(c.text for c in together.values())
    [greedy] = generator.generate(prompts[:1], SamplingParams(max_new_tokens=10))
    assert (greedy.text, greedy.finish_reason) == ("The capital of France is Paris.", "stop")
    assert generator.identity()["gguf"] == "SmolLM2-135M-Instruct.Q4_1.gguf"


def test_a_run_tokenises_every_prompt_once_also_those_that_wait_on_disk(
    cli: Cli, tiny: Tiny, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = ChatFormat.encode

    def counted(self: ChatFormat, prompt: Prompt) -> Encoded:
        asked.append(prompt.id)
        return original(self, prompt)

    monkeypatch.setattr(ChatFormat, "encode", counted)
    monkeypatch.setitem(Spool.__init__.__kwdefaults__, "in_memory", 2)
    command = ("run", "--model", tiny(CHATML), "--backend", "hf", "--tasks", "asqa", "--data", data, "--nli", "lexical")
    ran = cli(*command, "--gen-kwargs", "max_new_tokens=2", "--output-path", tmp_path / "runs")
    assert ran.code == 0, ran.err
    assert asked == [f"q{number}" for number in range(5)]
