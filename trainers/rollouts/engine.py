"""TRL's vLLM engine with additions: the trainer's precision, effective weight updates on a CPU too, and closing.

TRL creates the engine itself; `rollout_engine` makes it create this one. On a CPU the engine runs without compilation
and without oneDNN's packed layers, which keep their own copy of the weights: later weights would be written into
parameters that nothing reads, and the completions would always be those of the first weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from accelerate.utils import is_peft_model
from trl.generation import vllm_generation
from trl.generation.vllm_generation import VLLMGeneration
from trl.trainer import grpo_trainer

from groundeval.errors import BackendError, GroundevalError
from groundeval.generation.backends.engine_log import EngineLog
from groundeval.trainers.rollouts.weights import merged_parameters, unchanged

RENDEZVOUS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LD_PRELOAD")
"""Environment variables that TRL and vLLM set for an engine in this process. If left set, they would make the next
trainer part of a distributed job."""

CPU_CACHE = "VLLM_CPU_KVCACHE_SPACE"


@contextmanager
def rollout_engine(dtype: str, log: EngineLog) -> Iterator[None]:
    """Context in which a new GRPOTrainer gets a `RolloutEngine`. `dtype`: precision of the trainer's arithmetic."""
    with _replaced(grpo_trainer, "VLLMGeneration", partial(RolloutEngine, dtype=dtype, log=log)):
        yield


class RolloutEngine(VLLMGeneration):  # type: ignore[misc]
    """The engine of a stage's completions: in this process (mode colocate) or on a server.

    `log` captures the output of an engine in this process.
    """

    def __init__(self, *arguments: Any, dtype: str, log: EngineLog, **settings: Any) -> None:
        self.dtype = dtype
        self.log = log
        self._environment = {name: os.environ.get(name) for name in RENDEZVOUS}
        self._alone = not torch.distributed.is_initialized()
        super().__init__(*arguments, **settings)

    @property
    def engine(self) -> Any:
        """vLLM's `LLM` in this process; None if the engine is a server."""
        return getattr(self, "llm", None)

    def _init_vllm(self) -> None:
        if self.mode == "server":
            super()._init_vllm()
            return
        on_cpu = self.accelerator.device.type == "cpu"
        extra: dict[str, Any] = {"dtype": self.dtype, "enable_prefix_caching": True}
        if on_cpu:
            extra |= {"enforce_eager": True, "enable_sleep_mode": False, "block_size": 32}
            self.enable_sleep_mode = False  # not supported there
            os.environ.setdefault(CPU_CACHE, "1")
        os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
        threads = torch.set_num_threads
        try:
            with self.log.captured(), _with_arguments(extra), _unpacked_layers(on_cpu):
                super()._init_vllm()
        except (GroundevalError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise BackendError(f"rollouts: vLLM does not start: {self.log.explain(error)}") from error
        finally:
            torch.set_num_threads = threads  # vLLM removes it permanently

    def _iter_named_params(self) -> Iterator[tuple[str, Any]]:
        """The policy's parameters by vLLM's names; an adapter is merged into copies, never into the base."""
        model = self.model
        if not is_peft_model(model):
            yield from super()._iter_named_params()
            return
        if self._dist.is_fsdp:
            with unchanged(parameter for parameter in model.parameters() if not parameter.requires_grad):
                yield from super()._iter_named_params()
            return
        with self._dist.gather_params(list(model.parameters())):
            for name, values in merged_parameters(model):
                plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
                if model.prefix not in plain and "original_module" not in plain:
                    yield self._fix_param_name_to_vllm(plain, extra_prefixes=["modules_to_save.default."]), values

    def sync_weights(self) -> None:
        """Send the policy's weights to the engine, and clear what it cached under the previous ones."""
        with self.log.captured() if self.engine is not None else _as_is():
            super().sync_weights()

    def close(self) -> None:
        """End the engine in this process and free its memory, or the connection to the server and its port."""
        client = getattr(self, "vllm_client", None)
        if client is not None:
            client.close_communicator()
        engine = self.__dict__.pop("llm", None)
        if engine is not None:
            with self.log.captured(), _group_kept(not self._alone):
                engine.llm_engine.engine_core.shutdown()
            for name, value in self._environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        self.log.close()


def _with_arguments(extra: dict[str, Any]) -> Any:
    """Context that adds arguments to TRL's construction of vLLM's `LLM`."""
    original = vllm_generation.LLM

    def make(**given: Any) -> Any:
        return original(**{**given, **extra})

    return _replaced(vllm_generation, "LLM", make)


def _unpacked_layers(on_cpu: bool) -> Any:
    """Context in which vLLM's linear and output layers read their parameters each time instead of packing a copy."""
    if not on_cpu:
        return _as_is()
    from vllm.model_executor.layers import utils

    pack = utils.dispatch_cpu_unquantized_gemm

    def keep(layer: Any, remove_weight: bool) -> None:
        if layer.weight.ndim == 2:
            layer.cpu_linear = torch.nn.functional.linear
        else:
            pack(layer, remove_weight)

    return _replaced(utils, "dispatch_cpu_unquantized_gemm", keep)


def _group_kept(kept: bool) -> Any:
    """Context that preserves the trainer's process group, which an ending engine would destroy."""
    if not kept:
        return _as_is()
    destroy = torch.distributed.destroy_process_group

    def others_only(group: Any = None) -> None:
        if group is not None:
            destroy(group)

    return _replaced(torch.distributed, "destroy_process_group", others_only)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Context in which an attribute has another value."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _as_is() -> Iterator[None]:
    yield
