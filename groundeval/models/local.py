"""A model with local files: configuration, tokenizer, precision; for the backends that run models."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from groundeval.errors import BackendError, GroundevalError, MissingExtra, UsageError, option, unknown
from groundeval.models.chat import ChatFormat
from groundeval.models.device import is_out_of_memory
from groundeval.models.files import ModelSource, check_name, find_model, folder_sha256
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt, Rendered

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


class LocalModel:
    """Everything about a model but its weights, each part read on first use."""

    def __init__(self, options: GeneratorOptions) -> None:
        if options.dtype is not None and options.dtype not in DTYPES:
            raise unknown(option("dtype"), options.dtype, DTYPES)
        if options.batch_size is not None and options.batch_size < 1:
            raise UsageError(f"{option('batch_size', options.batch_size)}: must be 1 or more")
        length = options.model_args.get("max_model_len")
        if length is not None and (type(length) is not int or length < 1):
            raise UsageError(f"{option('model_args', max_model_len=length)}: must be a whole number, 1 or more")
        check_name(options.model)
        self.options = options

    @cached_property
    def source(self) -> ModelSource:
        """The model's files. Raises UsageError or BackendError if there are none."""
        return find_model(self.options.model, self.options.revision, self.options.model_args.get("gguf_file"))

    @cached_property
    def files(self) -> Mapping[str, Any]:
        """The arguments that name the model's files, for every `from_pretrained`."""
        files: dict[str, Any] = {
            "pretrained_model_name_or_path": self.source.location,
            "trust_remote_code": self.options.trust_remote_code,
        }
        if self.source.revision is not None:
            files["revision"] = self.source.revision
        if self.source.gguf_file is not None:
            files["gguf_file"] = self.source.gguf_file
        return files

    @cached_property
    def config(self) -> Any:
        """The configuration of transformers."""
        files = self.files
        with loading(self.options):
            return import_transformers().AutoConfig.from_pretrained(**files)

    @cached_property
    def format(self) -> ChatFormat:
        """The tokenizer and its chat template."""
        return load_format(self.options, self.files)

    @property
    def lora(self) -> Path | None:
        """The folder of the LoRA adapter, if one is given."""
        lora = self.options.model_args.get("lora")
        if lora is None:
            return None
        path = Path(str(lora)).expanduser()
        if not (path / "adapter_config.json").is_file():
            raise UsageError(f"{option('model_args', lora=lora)}: not a folder with an adapter_config.json")
        return path

    def dtype(self, default: str) -> str:
        """The precision of `--dtype`, as torch names it; `auto` is that of the model's files."""
        asked = DTYPES[self.options.dtype] if self.options.dtype else None
        if asked == "auto":
            return str(getattr(self.config, "dtype", None) or "float32").removeprefix("torch.")
        return asked or default

    def ids(self, prompt: Prompt) -> list[int]:
        """The prompt in tokens."""
        return self.format.encode(prompt).ids if prompt.ids is None else prompt.ids.tolist()

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt with chat template applied."""
        encoded = self.format.encode(prompt)
        return Rendered(encoded.text, len(encoded.ids), encoded.prefill, array("I", encoded.ids))

    @cached_property
    def context_length(self) -> int | None:
        """Largest number of tokens of prompt and answer together; None if the model does not declare it."""
        own = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        asked = self.options.model_args.get("max_model_len")
        return min((int(length) for length in (own, asked) if length), default=None)

    def identity(self, ignored: frozenset[str]) -> dict[str, Any]:
        """The parts of the model and its arguments that determine the texts; `ignored` arguments do not."""
        args = {key: value for key, value in sorted(self.options.model_args.items()) if key not in ignored}
        if self.lora is not None:
            args["lora"] = folder_sha256(self.lora)
        args.pop("gguf_file", None)
        return {**self.source.identity(), **self.format.identity(), "model_args": args}


def load_format(options: GeneratorOptions, files: Mapping[str, Any]) -> ChatFormat:
    """The tokenizer of a model, or of `--model-args tokenizer=...`, as a `ChatFormat`."""
    what = None
    if "tokenizer" in options.model_args:
        other = options.model_args["tokenizer"]
        what = option("model_args", tokenizer=other)
        files = {"pretrained_model_name_or_path": str(other), "trust_remote_code": options.trust_remote_code}
    with loading(options, what):
        tokenizer = import_transformers().AutoTokenizer.from_pretrained(**files)
    return ChatFormat.choose(tokenizer, options)


def import_transformers() -> Any:
    """The package transformers, with torch. Raises MissingExtra if either is not installed."""
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise MissingExtra("running a model", "hf") from error
    return transformers


@contextmanager
def helper_model(what: str, hint: str = "") -> Iterator[Any]:
    """Context with transformers, to load a metric's model. Raises MissingExtra, or BackendError for a failure."""
    transformers = import_transformers()
    try:
        yield transformers
    except (OSError, ValueError) as error:
        raise BackendError(f"{what}: cannot be loaded: {error}{hint}") from error


@contextmanager
def loading(options: GeneratorOptions, what: str | None = None) -> Iterator[None]:
    """Load in silence, and say what to do when it fails; `what` is the option that names the files (the model's)."""
    logging = import_transformers().utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        # Reading GGUF shows a progress bar that cannot be switched off.
        with redirect_stderr(StringIO()):
            yield
    except (GroundevalError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise _explained(error, what or option("model", options.model)) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _explained(error: Exception, what: str) -> GroundevalError:
    """The error for a model, or a tokenizer, that does not load; `what` names it."""
    message = str(error)
    if "trust_remote_code" in message:
        return UsageError(
            f"{what}: comes with its own Python code, which is not run unless you allow it.\n"
            f"  If you trust its authors, add {option('trust_remote_code', True)}."
        )
    if is_out_of_memory(error):
        return BackendError(
            f"{what}: does not fit into memory. Try {option('dtype', 'bf16')}, or "
            f"{option('model_args', device_map='auto')}"
        )
    if "Unrecognized configuration class" in message:
        return UsageError(f"{what}: not a causal language model, which is what this backend runs")
    if isinstance(error, ImportError):
        return UsageError(f"{what}: needs a package that is not installed: {message.strip()}")
    if "couldn't connect" in message.lower():
        return BackendError(f"{what}: the hub could not be reached for the rest of its files, and they are not cached")
    return UsageError(f"{what}: cannot be loaded: {type(error).__name__}: {message.strip()[:1000]}")
