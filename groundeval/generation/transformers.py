"""The `hf` backend: any causal language model of transformers, in batches, on CPU or CUDA."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from groundeval.errors import BackendError, GroundevalError, MissingExtra, UsageError, unknown
from groundeval.generation.chat import ChatFormat, Encoded, cut_at_stop
from groundeval.generation.interface import (
    Completion,
    Generator,
    GeneratorOptions,
    Prompt,
    Rendered,
    SamplingParams,
    register_generator,
)
from groundeval.generation.sampling import RowSampler, check_sampling, sample_seed
from groundeval.generation.sources import ModelSource, check_model_args, find_model, folder_sha256

MODEL_ARGS = {
    "attn_implementation": "attention kernel: eager, sdpa, flash_attention_2 ...",
    "device": "cpu, cuda, cuda:1 ... (default: cuda where there is one)",
    "device_map": "spread the model over devices: auto, balanced, sequential",
    "gguf_file": "the GGUF file within the folder or hub repository",
    "lora": "a folder with a LoRA adapter to load on top (needs peft)",
    "max_model_len": "longest prompt and answer together, in tokens (default: what the model allows)",
    "tokenizer": "another tokenizer than the model's own: a hub name or folder",
}
DTYPES = {
    "float32": "float32",
    "fp32": "float32",
    "bfloat16": "bfloat16",
    "bf16": "bfloat16",
    "float16": "float16",
    "fp16": "float16",
    "half": "float16",
    "auto": "auto",
}
CPU_BATCH, CUDA_BATCH = 16, 64


class TransformersGenerator:
    """Completions from a causal language model through transformers.

    Nothing of the model's own sampling defaults is used, only its end tokens. Sampling draws every sample with its own
    seed, so a text does not depend on what else was in its batch.
    """

    def __init__(self, options: GeneratorOptions) -> None:
        check_model_args(options.model_args, MODEL_ARGS, "hf")
        if options.dtype is not None and options.dtype not in DTYPES:
            raise unknown("--dtype", options.dtype, DTYPES)
        if options.batch_size is not None and options.batch_size < 1:
            raise UsageError(f"--batch-size {options.batch_size}: must be 1 or more")
        self.options = options
        self._found: ModelSource | None = None
        self._read_config: Any = None
        self._chosen_format: ChatFormat | None = None
        self._model: Any = None
        self._ends: list[int] = []
        self._batch_limit: int | None = None

    def load(self) -> None:
        """Load tokenizer and model. Raises UsageError for a model that cannot be used, BackendError if it breaks."""
        if self._model is not None:
            return
        self._format()
        transformers = _transformers()
        args = self.options.model_args
        placed: dict[str, Any] = {}
        if "device_map" in args:
            placed["device_map"] = args["device_map"]
        elif self._device() != "cpu":
            placed["device_map"] = {"": self._device()}
        if "attn_implementation" in args:
            placed["attn_implementation"] = args["attn_implementation"]
        if self._source().gguf_file is not None:
            placed["quantization_config"] = transformers.GgufConfig(dequantize=True)
        with _loading(self.options):
            model = transformers.AutoModelForCausalLM.from_pretrained(
                config=self._config(), dtype=self._dtype(), **self._files(), **placed
            )
            if "lora" in args:
                _load_lora(model, str(args["lora"]))
        model.eval()
        self._ends = sorted({*_end_tokens(model), *self._format().end_tokens})
        # Whatever sampling defaults the model comes with must not leak into what was asked for.
        model.generation_config = transformers.GenerationConfig(eos_token_id=self._ends or None)
        self._model = model

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt with chat template applied; loads the tokenizer, not the model."""
        encoded = self._format().encode(prompt)
        return Rendered(encoded.text, len(encoded.ids), encoded.prefill)

    @property
    def context_length(self) -> int | None:
        """The most tokens that prompt and answer may have together; None where the model does not say."""
        config = self._config()
        own = getattr(config.get_text_config(), "max_position_embeddings", None)
        asked = self.options.model_args.get("max_model_len")
        lengths = [int(length) for length in (own, asked) if length is not None and int(length) > 0]
        return min(lengths, default=None)

    @property
    def window(self) -> int:
        """How many prompts to give at a time: one batch, so that a resumed run forms the same batches again."""
        return self.options.batch_size or (CPU_BATCH if self._device() == "cpu" else CUDA_BATCH)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts in batches, longest first; a prompt that cannot be run gets an error, not a text."""
        check_sampling(params)
        self.load()
        ready: list[tuple[Prompt, Encoded]] = []
        for prompt in prompts:
            encoded = self._format().encode(prompt)
            fault = prompt_fault(len(encoded.ids), params.max_new_tokens, self.context_length)
            if fault is None:
                ready.append((prompt, encoded))
            else:
                yield Completion(prompt.id, "", prompt_tokens=len(encoded.ids), error=fault)
        ready.sort(key=lambda pair: -len(pair[1].ids))
        while ready:
            batch = ready[: self._batch_size()]
            try:
                completions = self._complete(batch, params)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise BackendError(f"--model {self.options.model}: generating failed: {error}") from error
                completions = []
            if not completions:
                self._free()
                if len(batch) > 1:
                    self._batch_limit = len(batch) // 2
                    continue
                fault = "out of memory with this prompt alone"
                completions = [Completion(batch[0][0].id, "", prompt_tokens=len(batch[0][1].ids), error=fault)]
            ready = ready[len(batch) :]
            yield from completions

    def identity(self) -> Mapping[str, Any]:
        """What determines the texts; loads the tokenizer, not the model."""
        args = {key: value for key, value in self.options.model_args.items() if key not in ("device", "device_map")}
        if "lora" in args:
            args["lora"] = folder_sha256(_adapter(str(args["lora"])))
        return {
            "backend": "hf",
            **self._source().identity(),
            "dtype": self._dtype(),
            **self._format().identity(),
            "model_args": {key: args[key] for key in sorted(args) if key != "gguf_file"},
        }

    def close(self) -> None:
        """Free the model's memory; `load` would load it again."""
        self._model = None
        self._free()

    def _complete(self, batch: Sequence[tuple[Prompt, Encoded]], params: SamplingParams) -> list[Completion]:
        import torch

        longest = max(len(encoded.ids) for _, encoded in batch)
        pad = self._pad()
        padding = [longest - len(encoded.ids) for _, encoded in batch]
        ids = [[pad] * left + encoded.ids for left, (_, encoded) in zip(padding, batch, strict=True)]
        mask = [[0] * left + [1] * (longest - left) for left in padding]
        extra: dict[str, Any] = {}
        if params.temperature > 0:
            seeds = [sample_seed(params.seed, prompt.id) for prompt, _ in batch]
            extra["logits_processor"] = _transformers().LogitsProcessorList([RowSampler(params, seeds, longest)])
        if params.stop:
            extra |= {"stop_strings": list(params.stop), "tokenizer": self._format().tokenizer}
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

    def _completion(self, prompt: Prompt, encoded: Encoded, row: list[int], params: SamplingParams) -> Completion:
        end = next((index for index, token in enumerate(row) if token in self._ends), None)
        text, stopped = cut_at_stop(self._format().decode(encoded.ids, row[:end]), params.stop)
        if stopped and end is None:
            # The row ended at a stop string, and was filled up while the others went on.
            while row and row[-1] == self._pad():
                row.pop()
        return Completion(
            prompt.id,
            text,
            finish_reason="length" if end is None and not stopped else "stop",
            prompt_tokens=len(encoded.ids),
            completion_tokens=len(row) if end is None else end + 1,
        )

    def _pad(self) -> int:
        pad = self._format().tokenizer.pad_token_id
        if pad is None:
            pad = self._ends[0] if self._ends else 0
        return int(pad)

    def _batch_size(self) -> int:
        return min(self.window, self._batch_limit or self.window)

    def _source(self) -> ModelSource:
        if self._found is None:
            gguf = self.options.model_args.get("gguf_file")
            self._found = find_model(self.options.model, self.options.revision, gguf)
        return self._found

    def _files(self) -> dict[str, Any]:
        """The arguments that name the model's files, for every `from_pretrained`."""
        source = self._source()
        files: dict[str, Any] = {
            "pretrained_model_name_or_path": source.location,
            "trust_remote_code": self.options.trust_remote_code,
        }
        if source.revision is not None:
            files["revision"] = source.revision
        if source.gguf_file is not None:
            files["gguf_file"] = source.gguf_file
        return files

    def _config(self) -> Any:
        if self._read_config is None:
            files = self._files()
            with _loading(self.options):
                self._read_config = _transformers().AutoConfig.from_pretrained(**files)
        return self._read_config

    def _format(self) -> ChatFormat:
        if self._chosen_format is None:
            self._chosen_format = load_format(self.options, self._files())
        return self._chosen_format

    def _device(self) -> str:
        import torch

        asked = self.options.model_args.get("device")
        if asked is None:
            return "cuda" if torch.cuda.is_available() else "cpu"
        device = str(asked)
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(f"--model-args device={device}: this machine has no CUDA device, or torch none for it")
        return device

    def _dtype(self) -> str:
        asked = DTYPES[self.options.dtype] if self.options.dtype else None
        if asked == "auto":
            return str(getattr(self._config(), "dtype", None) or "float32").removeprefix("torch.")
        return asked or ("float32" if self._device() == "cpu" else "bfloat16")

    def _free(self) -> None:
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


@register_generator("hf")
def hf(options: GeneratorOptions) -> Generator:
    """Any causal language model of transformers: a hub name, a folder, a GGUF file, or `smollm2`."""
    return TransformersGenerator(options)


def load_format(options: GeneratorOptions, files: Mapping[str, Any]) -> ChatFormat:
    """The tokenizer of a model, or of `--model-args tokenizer=...`, as a `ChatFormat`."""
    if "tokenizer" in options.model_args:
        other = str(options.model_args["tokenizer"])
        files = {"pretrained_model_name_or_path": other, "trust_remote_code": options.trust_remote_code}
    with _loading(options):
        tokenizer = _transformers().AutoTokenizer.from_pretrained(**files)
    return ChatFormat.choose(tokenizer, options)


def prompt_fault(prompt_tokens: int, new_tokens: int, context_length: int | None) -> str | None:
    """Why a prompt of this length cannot be completed, or None."""
    if prompt_tokens == 0:
        return "the prompt is empty"
    if context_length is not None and prompt_tokens + new_tokens > context_length:
        return (
            f"the prompt has {prompt_tokens} tokens; with {new_tokens} for the answer it does not fit "
            f"into the model's {context_length}"
        )
    return None


def _transformers() -> Any:
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise MissingExtra("--backend hf", "hf") from error
    return transformers


def _end_tokens(model: Any) -> list[int]:
    ends = model.generation_config.eos_token_id
    if ends is None:
        return []
    return [int(end) for end in ends] if isinstance(ends, (list, tuple)) else [int(ends)]


def _adapter(lora: str) -> Path:
    path = Path(lora).expanduser()
    if not (path / "adapter_config.json").is_file():
        raise UsageError(f"--model-args lora={lora}: not a folder with an adapter_config.json")
    return path


def _load_lora(model: Any, lora: str) -> None:
    path = _adapter(lora)
    try:
        model.load_adapter(str(path))
    except ImportError as error:
        raise MissingExtra("--model-args lora", "train") from error


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def _loading(options: GeneratorOptions) -> Iterator[None]:
    """Load in silence, and say what to do when it fails."""
    logging = _transformers().utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        # Reading GGUF has a bar that cannot be switched off.
        with redirect_stderr(StringIO()):
            yield
    except (GroundevalError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise _explained(error, options) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _explained(error: Exception, options: GeneratorOptions) -> GroundevalError:
    """The error for a model that does not load."""
    message = str(error)
    what = f"--model {options.model}"
    if "trust_remote_code" in message:
        return UsageError(
            f"{what}: brings Python code of its own, which is not run unless you ask for it.\n"
            "  If you trust its authors, add --trust-remote-code."
        )
    if isinstance(error, RuntimeError) and _is_out_of_memory(error):
        return BackendError(f"{what}: does not fit into memory. Try --dtype bf16, or --model-args device_map=auto")
    if "Unrecognized configuration class" in message:
        return UsageError(f"{what}: not a causal language model, which is what --backend hf runs")
    if isinstance(error, ImportError):
        return UsageError(f"{what}: needs a package that is not installed: {message.strip()}")
    if "couldn't connect" in message.lower():
        return BackendError(f"{what}: the hub could not be reached for the rest of its files, and they are not cached")
    return UsageError(f"{what}: cannot be loaded: {type(error).__name__}: {message.strip()[:1000]}")
