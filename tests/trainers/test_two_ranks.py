"""Two ranks on CPU with one NLI server for both."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from training_runs import history, last_stage, lines, run_folder, small_stage

pytest.importorskip("trl")
pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path):
    """An NLI server with the lexical verifier; its address."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "groundeval", "serve-nli", "--model", "lexical", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(port, running)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(timeout=30)


def wait_for(port: int, running: subprocess.Popen) -> None:
    import httpx

    for _ in range(600):
        assert running.poll() is None
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the NLI server did not come up")


def launch(recipe: Path, output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Two processes by accelerate's launcher; its `--cpu` alone would start one, so it is told to start several."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    machine = ["--num_machines", "1", "--mixed_precision", "no", "--main_process_port", "0"]
    module = ["-m", "groundeval.trainers", str(recipe), "--output-path", str(output), *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    return subprocess.run(
        [*launcher, *machine, *module], capture_output=True, text=True, timeout=500, env=environment, check=False
    )


def weights(file: Path) -> dict[str, bytes]:
    """The bytes of every tensor; names as in the model itself, whatever wraps it."""
    from safetensors.torch import load_file

    return {name.removeprefix("module."): each.numpy().tobytes() for name, each in load_file(file).items()}


def two_stages(folder: Path) -> Path:
    """GRPO for two steps, each rank half of a batch; then SFT, which ends early."""
    recipe = last_stage(folder, max_steps=2, save_steps=2, per_device_train_batch_size=4, bf16=False)
    content = yaml.safe_load(recipe.read_text())
    [sft] = yaml.safe_load(small_stage(folder, {}, None).read_text())["stages"]
    sft["stop_when"] = {"held_out": {"below": 2, "over": 2}}
    sft["trl"] |= {"per_device_train_batch_size": 1, "bf16": False}
    evaluate = {"tasks": {"trust_asqa": "embedded"}, "limit": 2, "every": 1, "max_new_tokens": 4}
    recipe.write_text(yaml.safe_dump({**content, "stages": [*content["stages"], sft], "evaluate": evaluate}))
    return recipe


WEIGHTS_OF_EVERY_RANK = """
from pathlib import Path

from safetensors.torch import save_file
from transformers.trainer_callback import DefaultFlowCallback


def on_train_end(self, args, state, control, model=None, **kwargs):
    weights = {name: each.detach().clone() for name, each in model.named_parameters()}
    stage = Path(args.output_dir).name
    save_file(weights, Path(__file__).with_name(f"{stage}.rank{args.process_index}.safetensors"))


DefaultFlowCallback.on_train_end = on_train_end
"""
"""A plugin that has every rank write down the weights that it ends with."""


def test_two_ranks_train_with_one_server_agree_and_end_a_stage_early_at_the_same_step(tmp_path: Path, server: str):
    plugin = tmp_path / "weights.py"
    plugin.write_text(WEIGHTS_OF_EVERY_RANK)
    done = launch(two_stages(tmp_path), tmp_path, "--nli", server, "--include-path", str(plugin))
    assert done.returncode == 0, done.stderr[-3000:]
    folder = run_folder(tmp_path)
    assert history(folder) == [("stage2", "grpo", 2), ("sft", "sft", 2)], "of five: the second evaluation is below 2"
    rows = [row for row in lines(folder / "metrics.jsonl") if "reward" in row]
    assert [row["step"] for row in rows] == [1, 2]
    rewards: dict[int, list[float]] = {1: [], 2: []}
    ranks = set()
    for file in folder.glob("stages/*/completions/*.jsonl"):
        ranks.add(".rank1" in file.name)
        for each in lines(file):
            rewards[each["step"]].append(each["reward"])
    assert ranks == {True, False}
    for row in rows:
        assert len(rewards[row["step"]]) == 8
        assert row["reward"] == pytest.approx(sum(rewards[row["step"]]) / 8)
    before = weights(tmp_path / "tiny" / "model.safetensors")
    for stage in ("1-stage2", "2-sft"):
        first, second = (weights(tmp_path / f"{stage}.rank{rank}.safetensors") for rank in (0, 1))
        assert first == second
        assert any(first[name] != before[name] for name in first.keys() & before.keys())
        before = first
