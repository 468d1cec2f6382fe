"""`ray:vllm` on GPUs: Ray Data's batch inference with vLLM, several engines fed from one stream of prompts.

Written against Ray 2.60, and not run: it needs CUDA. Tests cover the settings that Ray takes, and the completions made
of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from groundeval.cluster import ClusterOptions
from groundeval.cluster.session import check_cluster, connected
from groundeval.errors import BackendError, MissingExtra, UsageError, option
from groundeval.generation.backends.vllm import VLLMGenerator
from groundeval.generation.interface import Completion, SamplingParams
from groundeval.generation.sampling import check_sampling
from groundeval.models.chat import cut_at_stop
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt

BATCH = 64
"""Prompts in a piece of work of an engine, which works at several: what an engine that dies has to repeat."""
WINDOW = 16_384
"""Prompts that are handed to the cluster at a time; each answer is written soon after it comes."""


class RayVLLMGenerator(VLLMGenerator):
    """Completions from vLLM engines in a Ray cluster, each on GPUs of its own.

    Prompts are rendered, and texts decoded, in this process as by the `vllm` backend; the engines take and give tokens.
    """

    independent = True

    def __init__(self, options: GeneratorOptions) -> None:
        super().__init__(options)
        if self.local.source.gguf_file is not None or "lora" in options.model_args:
            raise UsageError(
                f"{option('backend', 'ray:vllm')} on GPUs takes no GGUF file and no adapter. Merge the adapter into "
                f"the model, or use {option('backend', 'vllm')} with {option('shard', (1, 4))}."
            )
        self.cluster = ClusterOptions.of(options.ray_address, options.ray)
        self._ray: Any = None
        self._actors = 0
        self._processor: Any = None

    @property
    def window(self) -> int:
        """Number of prompts that are under way."""
        return WINDOW

    @property
    def workers(self) -> dict[str, int]:
        """Number of engines."""
        return {"actors": self._actors}

    def check(self) -> None:
        """Check that Ray is installed and the cluster answers."""
        check_cluster(self.cluster)

    def load(self) -> None:
        """Describe the pipeline; its engines start with the first prompts. Raises UsageError and BackendError."""
        if self._processor is not None:
            return
        _ = self.local.format
        self._ray = connected(self.cluster)
        from ray.data import DataContext

        try:
            from ray.data.llm import build_processor, vLLMEngineProcessorConfig
        except ImportError as error:
            raise MissingExtra(f"{option('backend', 'ray:vllm')} on GPUs ({error})", "ray") from error
        DataContext.get_current().enable_progress_bars = False
        DataContext.get_current().print_on_execution_start = False
        settings = self.processor_settings(self._ray.cluster_resources())
        self._actors = settings["concurrency"][1]
        try:
            self._processor = build_processor(vLLMEngineProcessorConfig(**settings))
        except ValueError as error:
            raise UsageError(f"{option('model', self.options.model)}: Ray refuses these settings: {error}") from error

    def processor_settings(self, resources: Mapping[str, float]) -> dict[str, Any]:
        """The arguments of `vLLMEngineProcessorConfig` for a cluster of these resources. Raises UsageError."""
        arguments = self.engine_arguments()
        gpus = int(arguments.get("tensor_parallel_size", 1)) * int(arguments.get("pipeline_parallel_size", 1))
        room = int(resources.get("GPU", 0)) // gpus
        actors = self.cluster.actors or room
        if self.cluster.gpus != 0 and not 1 <= actors <= room:
            raise UsageError(
                f"{option('ray', actors=max(actors, 1))}: the cluster has {resources.get('GPU', 0):g} GPUs, room for "
                f"{room} engines of {gpus}"
            )
        return {
            "model_source": arguments.pop("model"),
            "engine_kwargs": arguments,
            "batch_size": self.options.batch_size or BATCH,
            "concurrency": (actors, actors),
            # Templates, tokens and texts are this process's.
            "chat_template_stage": False,
            "tokenize_stage": False,
            "detokenize_stage": False,
            "log_engine_metrics": False,
            # An answer that fails is an error of its sample, not of the run.
            "should_continue_on_error": True,
        }

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts in any order, as they finish; a prompt that cannot be completed gets an error."""
        check_sampling(params)
        self.load()
        ready, failed = self.encoded(prompts, params.max_new_tokens, self.context_length)
        yield from failed
        rows = [
            {
                "number": number,
                "tokenized_prompt": ids,
                "sampling_params": {**self.sampling_arguments(prompt, params), "detokenize": bool(params.stop)},
            }
            for number, (prompt, ids) in enumerate(ready)
        ]
        if not rows:
            return
        try:
            for row in self._processor(self._ray.data.from_items(rows)).iter_rows():
                prompt, ids = ready[row["number"]]
                yield self._of_row(row, prompt, ids, params)
        except Exception as error:
            raise BackendError(f"{option('model', self.options.model)}: Ray failed: {error}") from error

    def _of_row(self, row: Mapping[str, Any], prompt: Prompt, ids: list[int], params: SamplingParams) -> Completion:
        if row.get("__inference_error__"):
            return Completion(prompt.id, "", prompt_tokens=len(ids), error=str(row["__inference_error__"]))
        tokens = [int(token) for token in row["generated_tokens"]]
        # Ray does not hand on why an answer ended.
        _, stopped = cut_at_stop(self.local.format.decode(ids, tokens), params.stop)
        cut = len(tokens) >= params.max_new_tokens and not stopped and tokens[-1] not in self.ends
        output = SimpleNamespace(token_ids=tokens, finish_reason="length" if cut else "stop")
        return self._completion(prompt, ids, output, params)

    def close(self) -> None:
        """Forget the pipeline; its engines have ended with the last prompts."""
        self._processor = None
