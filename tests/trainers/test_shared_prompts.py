"""GRPO's forward pass with prompts computed once: the same numbers as TRL's, from fewer tokens."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from training_runs import last_stage, lines, run_folder, train

trl = pytest.importorskip("trl")
torch = pytest.importorskip("torch")

KEPT = 4


class Trainer:
    """What TRL's method needs of its trainer."""

    accelerator = SimpleNamespace(autocast=nullcontext, is_main_process=False)
    _get_per_token_logps_and_entropies = trl.GRPOTrainer._get_per_token_logps_and_entropies


@pytest.fixture
def model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=64, **sizes))
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    return model


@pytest.fixture
def batch() -> tuple[Any, Any]:
    """Two prompts, one padded at its left, three completions of each in mixed order, some of them shorter."""
    torch.manual_seed(1)
    prompts = torch.randint(1, 64, (2, 7)).repeat_interleave(3, 0)
    seen = torch.ones_like(prompts)
    seen[:3, :2] = 0
    written = torch.ones(6, KEPT, dtype=torch.long)
    written[1, 2:] = written[4, 3:] = 0
    order = torch.tensor([3, 0, 4, 1, 5, 2])
    return (
        torch.cat([prompts, torch.randint(1, 64, (6, KEPT))], dim=1)[order],
        torch.cat([seen, written], dim=1)[order],
    )


def computed(trainer: Any, model: Any, batch: tuple[Any, Any], **settings: Any) -> tuple[Any, Any, Any, int]:
    """Log-probabilities and entropies where a completion is, all gradients, and the number of tokens computed."""
    tokens = []
    counting = model.model.embed_tokens.register_forward_hook(
        lambda layer, given, made: tokens.append(given[0].numel())
    )
    logps, entropies, _ = trainer._get_per_token_logps_and_entropies(
        model, *batch, KEPT, compute_entropy=True, **settings
    )
    counting.remove()
    kept = batch[1][:, -KEPT:]
    model.zero_grad()
    (logps * kept).sum().backward()
    gradients = torch.cat([each.grad.flatten() for each in model.parameters()])
    return (logps * kept).detach(), entropies * kept, gradients, sum(tokens)


@pytest.mark.parametrize("together", [None, 4])
def test_a_prompt_computed_once_gives_what_trl_computes_for_every_completion(
    model: Any, batch: tuple[Any, Any], together: int | None
):
    from groundeval.trainers.shared_prompts import SharedPrompts

    class Sharing(SharedPrompts, Trainer):
        pass

    theirs = computed(Trainer(), model, batch, batch_size=together)
    ours = computed(Sharing(), model, batch, batch_size=together)
    assert theirs[0].abs().min() == 0 != theirs[0].abs().max()
    for one, other in zip(theirs[:3], ours[:3], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert theirs[3] == 6 * (7 + KEPT)
    chunks = 1 if together is None else 2
    assert ours[3] == chunks * 2 * 6 + 6 * (1 + KEPT)


def test_prompts_that_differ_in_one_token_stay_apart(model: Any, batch: tuple[Any, Any]):
    from groundeval.trainers.shared_prompts import completions_scored

    ids, mask = batch
    before = completions_scored(model, ids, mask, KEPT).log_probs.detach()
    changed = ids.clone()
    changed[0, 5] = (changed[0, 5] + 1) % 64
    after = completions_scored(model, changed, mask, KEPT).log_probs.detach()
    assert not torch.allclose(before[0], after[0])
    torch.testing.assert_close(before[1:], after[1:])


@pytest.mark.slow
def test_a_run_that_shares_prompts_logs_what_one_without_does(tmp_path: Path):
    logged = []
    for share in (False, True):
        folder = tmp_path / str(share)
        folder.mkdir()
        path = last_stage(folder, max_steps=2, per_device_train_batch_size=8, gradient_checkpointing=False)
        content = yaml.safe_load(path.read_text())
        content["stages"][0]["share_prompts"] = share
        path.write_text(yaml.safe_dump(content))
        train(path, "--output-path", folder / "runs")
        rows = [row for row in lines(run_folder(folder / "runs") / "metrics.jsonl") if "reward" in row]
        logged.append([(row["reward"], row["loss"], row["grad_norm"], row["entropy"]) for row in rows])
    assert len(logged[0]) == 2
    assert any(row[2] for row in logged[0])
    assert [value for row in logged[1] for value in row] == pytest.approx(
        [value for row in logged[0] for value in row], rel=1e-3, abs=1e-6
    )
