"""The guard on rollouts, and weights with an adapter merged into copies: the parts that need no vLLM."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from groundeval.trainers.rollouts.guard import NOISE, DriftGuard, RolloutDrift

torch = pytest.importorskip("torch")


def guard(dtype: str = "float32", *, every: int = 1, tolerance: float | None = None, lora: bool = False) -> DriftGuard:
    return DriftGuard("only", dtype, every=every, tolerance=tolerance, lora=lora)


def drawn(difference: float, rows: int = 4, columns: int = 6):
    """Log-probabilities of an engine and of a trainer that differ by so much in every token, and a mask of all."""
    own = -torch.rand(rows, columns, generator=torch.Generator().manual_seed(0))
    return own + difference, own, torch.ones(rows, columns, dtype=torch.long)


@pytest.mark.parametrize("dtype", sorted(NOISE))
@pytest.mark.parametrize("sign", [-1, 1])
def test_noise_of_the_precision_passes_and_more_of_it_stops_the_run(dtype: str, sign: int):
    guard(dtype).check(0, *drawn(sign * 0.9 * NOISE[dtype]))
    with pytest.raises(RolloutDrift, match=f"{dtype} explains {NOISE[dtype]:g}"):
        guard(dtype).check(0, *drawn(sign * 1.1 * NOISE[dtype]))


def test_a_recipe_may_let_more_pass_or_less():
    guard(tolerance=0.5).check(0, *drawn(0.4))
    with pytest.raises(RolloutDrift):
        guard("bfloat16", tolerance=0.01).check(0, *drawn(0.02))


def test_tokens_outside_of_the_mask_and_without_a_number_are_not_compared():
    engine, own, mask = drawn(0.0)
    engine[0, 2] = float("nan")
    engine[1:, 3:] += 5
    mask[1:, 3:] = 0
    guard().check(0, engine, own, mask)
    mask[1, 3] = 1
    with pytest.raises(RolloutDrift):
        guard().check(0, engine, own, mask)


def test_a_trainer_without_a_number_is_a_drift():
    engine, own, mask = drawn(0.0)
    own[0, 0] = float("nan")
    with pytest.raises(RolloutDrift):
        guard().check(0, engine, own, mask)


def test_without_a_token_nothing_is_compared_and_the_next_step_is_due():
    watched = guard(every=10)
    engine, own, mask = drawn(5.0)
    watched.check(0, engine, own, mask * 0)
    assert watched.due(1)
    with pytest.raises(RolloutDrift):
        watched.check(1, engine, own, mask)


def test_the_first_step_of_a_session_is_compared_and_then_one_in_so_many():
    watched = guard(every=3)
    compared = []
    for step in range(7, 15):
        if watched.due(step):
            watched.check(step, *drawn(0.0))
            compared.append(step)
    assert compared == [7, 10, 13]


@pytest.mark.parametrize(
    ("step", "lora", "first"),
    [(0, False, "another dtype"), (3, False, "stale weights"), (0, True, "another dtype"), (3, True, "stale weights")],
)
def test_what_is_wrong_most_likely_is_said_first(step: int, lora: bool, first: str):
    """Before any update both hold the same weights, so that what differs is how they compute."""
    with pytest.raises(RolloutDrift) as caught:
        guard(lora=lora).check(step, *drawn(1.0))
    message = str(caught.value)
    assert f"(1) {first}" in message
    assert f"stage only, step {step + 1}" in message
    assert ("LoRA" in message) == lora


def test_a_stop_by_the_guard_can_be_resumed_once_the_cause_is_gone():
    assert RolloutDrift.exit_code == 3


def adapted(dtype, **lora):
    """A tiny Llama with an adapter that says something."""
    peft = pytest.importorskip("peft")
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    base = LlamaForCausalLM(config).to(dtype)
    model = peft.get_peft_model(base, peft.LoraConfig(r=4, task_type="CAUSAL_LM", **lora))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model


LAYERS = {"target_modules": "all-linear"}
DORA = {"target_modules": "all-linear", "use_dora": True}
EMBEDDING = {"target_modules": ["q_proj", "embed_tokens"]}


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings")
@pytest.mark.parametrize("lora", [LAYERS, DORA, EMBEDDING], ids=["layers", "dora", "embedding"])
def test_250_syncs_leave_the_base_as_it_was_and_send_what_peft_merges(lora: dict):
    from groundeval.trainers.rollouts.weights import merged_parameters

    model = adapted(torch.bfloat16, **lora)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for _ in range(250):
        sent = {name: values.clone() for name, values in merged_parameters(model)}
    assert set(sent) == set(before)
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
    changed = {name for name in sent if not torch.equal(sent[name], before[name])}
    assert changed
    model.merge_adapter()
    assert all(torch.equal(sent[name], parameter) for name, parameter in model.named_parameters())
    model.unmerge_adapter()
    if lora is LAYERS:
        # What is avoided: peft's own way back is not exact in this precision.
        assert any(not torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())


def test_a_sync_that_is_broken_off_leaves_the_base_as_it_was():
    from groundeval.trainers.rollouts.weights import merged_parameters

    model = adapted(torch.bfloat16, **LAYERS)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for stop in (1, 2, 5, 9):
        walk = merged_parameters(model)
        for _ in range(stop):
            next(walk)
        walk.close()
        assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
        assert not any(getattr(module, "merged", False) for module in model.modules())


def test_sharded_weights_get_their_values_back_whatever_happens():
    from groundeval.trainers.rollouts.weights import unchanged

    parameters = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.zeros(2))]
    storage = [parameter.data_ptr() for parameter in parameters]

    def disturb():
        with unchanged(iter(parameters)):
            for parameter in parameters:
                parameter.data += 1
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        disturb()
    assert [parameter.tolist() for parameter in parameters] == [[1, 1, 1], [0, 0]]
    assert [parameter.data_ptr() for parameter in parameters] == storage


def test_an_engine_is_ended_however_training_ends():
    from groundeval.trainers.grpo import engine_ended

    ended = []
    trainer = SimpleNamespace(rollouts=None, close=lambda: ended.append(True))
    with engine_ended(trainer):
        pass
    with pytest.raises(KeyboardInterrupt), engine_ended(trainer):
        raise KeyboardInterrupt
    with engine_ended(SimpleNamespace()):  # transformers generates
        pass
    assert ended == [True, True]


def test_vllm_is_told_the_tokens_that_end_an_answer():
    from groundeval.trainers.grpo import with_ends

    assert with_ends(None, {7, 2}) == {"stop_token_ids": [2, 7]}
    assert with_ends({"seed": 1, "stop_token_ids": [9]}, {2}) == {"seed": 1, "stop_token_ids": [2, 9]}


def unstarted(**attributes: object):
    """A RolloutEngine that TRL has not started."""
    pytest.importorskip("trl")
    from groundeval.trainers.rollouts.engine import RolloutEngine

    engine = object.__new__(RolloutEngine)
    vars(engine).update(attributes)
    return engine


@pytest.mark.parametrize("sharded", [False, True])
def test_an_adapter_is_sent_merged_by_the_names_of_the_plain_model(sharded: bool, monkeypatch: pytest.MonkeyPatch):
    from groundeval.trainers.rollouts import engine as module

    model = adapted(torch.bfloat16, **LAYERS)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    if sharded:  # what TRL does under FSDP, as far as one process can
        monkeypatch.setattr(
            module.VLLMGeneration, "_iter_fsdp_params", module.VLLMGeneration._iter_fsdp2_params, raising=True
        )
        monkeypatch.setattr(torch.Tensor, "full_tensor", lambda self: self.data, raising=False)
    dist = SimpleNamespace(is_fsdp=sharded, gather_params=lambda parameters: nullcontext())
    engine = unstarted(model=model, _dist=dist, accelerator=SimpleNamespace(device="cpu"))
    sent = {name: values.clone() for name, values in engine._iter_named_params()}
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
    plain = dict(model.merge_and_unload().named_parameters())
    assert set(sent) == set(plain)
    assert all(torch.equal(values, plain[name]) for name, values in sent.items())


def test_all_weights_are_sent_as_they_are():
    from transformers import LlamaForCausalLM

    model = adapted(torch.float32, **LAYERS).unload()
    assert isinstance(model, LlamaForCausalLM)
    dist = SimpleNamespace(is_fsdp=False, gather_params=lambda parameters: nullcontext())
    sent = dict(unstarted(model=model, _dist=dist)._iter_named_params())
    plain = dict(model.named_parameters())
    assert set(sent) == set(plain)
    assert all(values.data_ptr() == plain[name].data_ptr() for name, values in sent.items())


def test_the_connection_to_a_server_is_closed(tmp_path: Path):
    from groundeval.generation.backends.engine_log import EngineLog

    closed = []
    client = SimpleNamespace(close_communicator=lambda: closed.append(True))
    engine = unstarted(vllm_client=client, log=EngineLog(tmp_path / "engine.log"), _environment={}, _alone=True)
    engine.close()
    assert closed == [True]


def test_a_job_keeps_its_process_group_when_an_engine_ends(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("trl")
    from groundeval.trainers.rollouts.engine import _group_kept

    destroyed = []
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda group=None: destroyed.append(group))
    with _group_kept(True):
        torch.distributed.destroy_process_group()
        torch.distributed.destroy_process_group("the engine's")
    assert destroyed == ["the engine's"]
    with _group_kept(False):
        torch.distributed.destroy_process_group()
    assert destroyed == ["the engine's", None]
