"""The `hf` backend: any causal language model of transformers, in batches, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from groundeval.errors import BackendError, MissingExtra, UsageError, option
from groundeval.generation.backends.local import LocalGenerator, token_ids
from groundeval.generation.interface import Completion, Generator, SamplingParams, register_generator
from groundeval.generation.sampling import RowSampler, check_sampling, sample_seed
from groundeval.models.chat import cut_at_stop
from groundeval.models.device import free_memory, is_out_of_memory
from groundeval.models.downloads import announce_model
from groundeval.models.files import check_model_args
from groundeval.models.local import import_transformers, loading
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt

MODEL_ARGS = {
    "attn_implementation": "attention kernel: eager, sdpa, flash_attention_2 ...",
    "device": "cpu, cuda, cuda:1 ... (default: cuda where there is one)",
    "device_map": "spread the model over devices: auto, balanced, sequential",
    "gguf_file": "the GGUF file within the folder or hub repository",
    "lora": "a folder with a LoRA adapter to load on top (needs peft)",
    "max_model_len": "longest prompt and answer together, in tokens (default: the model's limit)",
    "tokenizer": "another tokenizer than the model's own: a hub name or folder",
}
ONLY_SPEED = frozenset({"device", "device_map"})
"""Arguments that affect only speed, not the texts."""

CPU_BATCH, CUDA_BATCH = 4, 64
"""On a CPU a batch takes as long as its prompts together: small ones cost little, and lose little when stopped."""


class TransformersGenerator(LocalGenerator):
    """Completions from a causal language model through transformers.

    The model's sampling defaults are ignored; only its end tokens are used. Every sample is drawn with its own seed, so
    a text does not depend on the rest of its batch.
    """

    def __init__(self, options: GeneratorOptions) -> None:
        check_model_args(options.model_args, MODEL_ARGS, "hf")
        super().__init__(options)
        self._model: Any = None
        self._ends: list[int] = []
        self._batch_limit: int | None = None
        self.on_tokens: Callable[[int], None] | None = None

    def load(self) -> None:
        """Load tokenizer and model. Raises UsageError for an unusable model, BackendError for a failure."""
        if self._model is not None:
            return
        transformers = import_transformers()
        ends = self.local.format.end_tokens
        args = self.options.model_args
        placed: dict[str, Any] = {}
        if "device_map" in args:
            placed["device_map"] = args["device_map"]
        elif self._device() != "cpu":
            placed["device_map"] = {"": self._device()}
        if "attn_implementation" in args:
            placed["attn_implementation"] = args["attn_implementation"]
        if self.local.source.gguf_file is not None:
            placed["quantization_config"] = transformers.GgufConfig(dequantize=True)
        config, files, lora = self.local.config, self.local.files, self.local.lora
        if not self.local.source.is_local:
            announce_model(self.local.source.location, self.local.source.revision)
        with loading(self.options):
            model = transformers.AutoModelForCausalLM.from_pretrained(
                config=config, dtype=self._dtype(), **files, **placed
            )
        if lora is not None:
            try:
                model.load_adapter(str(lora))
            except ImportError as error:
                raise MissingExtra(option("model_args", lora="..."), "train") from error
        model.eval()
        self._ends = sorted({*token_ids(model.generation_config.eos_token_id), *ends})
        # The model's sampling defaults must not override the requested parameters.
        model.generation_config = transformers.GenerationConfig(eos_token_id=self._ends or None)
        self._model = model

    def use(self, model: Any) -> None:
        """Generate with a model already in memory, such as one in training; its settings are not changed."""
        self._ends = sorted({*token_ids(model.generation_config.eos_token_id), *self.local.format.end_tokens})
        self._model = model

    @property
    def window(self) -> int:
        """Number of prompts per call: one batch, so that a resumed run forms the same batches again."""
        return self.options.batch_size or (CPU_BATCH if self._device() == "cpu" else CUDA_BATCH)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts in batches, longest first; a prompt that cannot be completed gets an error."""
        check_sampling(params)
        self.load()
        ready, failed = self.encoded(prompts, params.max_new_tokens, self.context_length)
        yield from failed
        ready.sort(key=lambda pair: -len(pair[1]))
        while ready:
            batch = ready[: self._batch_size()]
            try:
                completions = self._complete(batch, params)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise BackendError(f"{option('model', self.options.model)}: generating failed: {error}") from error
                completions = []
            if not completions:
                free_memory()
                if len(batch) > 1:
                    self._batch_limit = len(batch) // 2
                    continue
                fault = "out of memory with this prompt alone"
                completions = [Completion(batch[0][0].id, "", prompt_tokens=len(batch[0][1]), error=fault)]
            ready = ready[len(batch) :]
            yield from completions

    def margin(self, prompt: Prompt, begun: Sequence[int]) -> float:
        """Margin between the two likeliest next tokens, after the prompt and the tokens `begun`.

        A difference of log-probabilities (nats), 0 or more.
        """
        import torch

        self.load()
        device = self._model.get_input_embeddings().weight.device
        ids = torch.tensor([[*self.local.ids(prompt), *begun]], device=device)
        with torch.inference_mode():
            likeliest, second = self._model(input_ids=ids).logits[0, -1].double().topk(2).values.tolist()
        return float(likeliest - second)

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts; loads the tokenizer, not the model."""
        return {"backend": "hf", "dtype": self._dtype(), **self.local.identity(ONLY_SPEED)}

    def close(self) -> None:
        """Free the model's memory; `load` loads it again."""
        self._model = None
        free_memory()

    def _complete(self, batch: Sequence[tuple[Prompt, list[int]]], params: SamplingParams) -> list[Completion]:
        import torch

        longest = max(len(asked) for _, asked in batch)
        pad = self._pad()
        padding = [longest - len(asked) for _, asked in batch]
        ids = [[pad] * left + asked for left, (_, asked) in zip(padding, batch, strict=True)]
        mask = [[0] * left + [1] * (longest - left) for left in padding]
        extra: dict[str, Any] = {}
        if not params.is_greedy:
            seeds = [sample_seed(params.seed, prompt.id) for prompt, _ in batch]
            extra["logits_processor"] = import_transformers().LogitsProcessorList([RowSampler(params, seeds, longest)])
        if params.stop:
            extra |= {"stop_strings": list(params.stop), "tokenizer": self.local.format.tokenizer}
        if self.on_tokens is not None:
            watch = _Watch(self.on_tokens, longest, self._ends)
            extra["stopping_criteria"] = import_transformers().StoppingCriteriaList([watch])
        device = self._model.get_input_embeddings().weight.device
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=params.max_new_tokens,
                do_sample=False,
                pad_token_id=pad,
                **extra,
            )
        rows: list[list[int]] = output[:, longest:].tolist()
        return [self._completion(*pair, row, params) for pair, row in zip(batch, rows, strict=True)]

    def _completion(self, prompt: Prompt, asked: list[int], row: list[int], params: SamplingParams) -> Completion:
        end = next((index for index, token in enumerate(row) if token in self._ends), None)
        text, stopped = cut_at_stop(self.local.format.decode(asked, row[:end]), params.stop)
        if stopped and end is None:
            # The row ended at a stop string and was padded while the others continued.
            while row and row[-1] == self._pad():
                row.pop()
        return Completion(
            prompt.id,
            text,
            finish_reason="length" if end is None and not stopped else "stop",
            prompt_tokens=len(asked),
            completion_tokens=len(row) if end is None else end + 1,
        )

    def _pad(self) -> int:
        pad = self.local.format.tokenizer.pad_token_id
        if pad is None:
            pad = self._ends[0] if self._ends else 0
        return int(pad)

    def _batch_size(self) -> int:
        return min(self.window, self._batch_limit or self.window)

    def _device(self) -> str:
        import torch

        asked = self.options.model_args.get("device")
        if asked is None:
            return "cuda" if torch.cuda.is_available() else "cpu"
        device = str(asked)
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(
                f"{option('model_args', device=device)}: this machine has no CUDA device, or torch lacks CUDA support"
            )
        return device

    def _dtype(self) -> str:
        return self.local.dtype("float32" if self._device() == "cpu" else "bfloat16")


class _Watch:
    """A stopping criterion of transformers that stops nothing: it counts the tokens of the rows that are going on."""

    def __init__(self, tell: Callable[[int], None], prompt: int, ends: Sequence[int]) -> None:
        self._tell, self._prompt, self._ends = tell, prompt, ends
        self._over: Any = None

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        last = input_ids[:, -1]
        if self._over is None:
            self._over = torch.zeros_like(last, dtype=torch.bool)
        self._tell(int((~self._over).sum()))
        for end in self._ends:
            self._over = self._over | (last == end)
        return torch.zeros_like(last, dtype=torch.bool)


@register_generator("hf")
def hf(options: GeneratorOptions) -> Generator:
    """Any causal language model of transformers: a hub name, a folder, a GGUF file, or `smollm2`."""
    return TransformersGenerator(options)
