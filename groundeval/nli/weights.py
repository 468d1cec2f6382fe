"""The weights of an NLI model: version, kind of model, loading, and errors that a user can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from groundeval.console.progress import say
from groundeval.errors import MissingExtra, UsageError, did_you_mean, option
from groundeval.models.device import devices, fastest_dtype, import_torch
from groundeval.models.downloads import announce_model, lacks, will_be_downloaded
from groundeval.models.files import folder_sha256
from groundeval.models.hub import use_cache_if_unreachable
from groundeval.nli.model import NLIOptions
from groundeval.nli.spec import declared

WEIGHTS = (".safetensors", ".bin", ".gguf")
UNLIMITED = 1 << 40
LARGE = 2.0
"""Least size, in billions of parameters, for which a download is announced: it takes long and needs much memory."""
POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet")
"""Models that count positions from after the padding token's id, so that some of their positions are unused."""


def dtype_name(options: NLIOptions) -> str:
    """`bfloat16` or `float32`: the one requested, or bfloat16 if the hardware supports it."""
    return options.dtype or fastest_dtype(devices(options.device)[0])


def revision_of(source: str, revision: str | None, trust_remote_code: bool = False) -> str:
    """The version of a model: a fingerprint of a folder's files, or the hub's commit. Raises UsageError."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return f"files-{folder_sha256(folder)[:16]}"
    config = read_config(source, revision, trust_remote_code)
    return str(getattr(config, "_commit_hash", None) or revision or "main")


@lru_cache(maxsize=16)
def read_config(source: str, revision: str | None, trust_remote_code: bool = False) -> Any:
    """A model's configuration. Raises UsageError if there is none, or if it would run the model's own code."""
    try:
        from transformers import AutoConfig
    except ModuleNotFoundError as error:
        raise MissingExtra("An NLI model in this process", "hf") from error
    return _loading(
        lambda: AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=trust_remote_code),
        source,
        revision,
    )


def check_kind(source: str, config: Any, kind: str) -> None:
    """Raises UsageError, which names the kind, for a model whose configuration is of another kind."""
    architectures = getattr(config, "architectures", None)
    if not architectures:
        return
    own = kind_of_config(config.to_dict())
    if own != kind:
        raise UsageError(
            f"NLI model {source} ({architectures[0]}) is a {own} model, not a {kind} one.\n  Use "
            f"{option('nli', f'{own}:{source}')}"
        )


def kind_of_config(config: Mapping[str, Any]) -> str:
    """The kind of verifier that a model's config.json describes. Raises UsageError if it is none."""
    architectures = config.get("architectures") or []
    if any("SequenceClassification" in name for name in architectures):
        return "classifier"
    if config.get("is_encoder_decoder") or any("ConditionalGeneration" in name for name in architectures):
        return "seq2seq"
    if any("CausalLM" in name for name in architectures):
        return "causal"
    raise UsageError(
        f"NLI model: architecture {architectures or config.get('model_type')} is neither a seq2seq model, a sequence "
        "classifier nor a causal language model.\n  If it is one of them, name the kind: classifier:MODEL."
    )


def check_files(source: str) -> None:
    """Raises UsageError for a folder without weights."""
    folder = Path(source).expanduser()
    if folder.is_dir() and not any(file.suffix in WEIGHTS for file in folder.iterdir()):
        raise UsageError(f"NLI model {source} cannot be loaded: the folder has no weights ({', '.join(WEIGHTS)}).")


def load_tokenizer(source: str, revision: str | None, options: NLIOptions) -> Any:
    """A model's tokenizer, without truncation: the verifier handles long inputs."""
    from transformers import AutoTokenizer

    tokenizer = _loading(
        lambda: AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=options.trust_remote_code),
        source,
        revision,
    )
    # Suppresses the tokenizer's warning about inputs beyond the declared length, which the verifiers handle.
    tokenizer.declared_length = tokenizer.model_max_length
    tokenizer.model_max_length = UNLIMITED
    return tokenizer


def longest_input(config: Any, tokenizer: Any) -> int | None:
    """Longest input in tokens by the model's configuration and tokenizer; None if neither gives one."""
    text = config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None)
    if positions is not None and text.model_type in POSITIONS_AFTER_PADDING:
        positions -= text.pad_token_id + 1
    limits = [limit for limit in (positions, tokenizer.declared_length) if limit is not None and 0 < limit < UNLIMITED]
    return min(limits, default=None)


def load_model(auto_class: Any, source: str, revision: str | None, options: NLIOptions, device: str) -> Any:
    """A model's weights on a device (`auto`: spread over all GPUs), ready to score. Raises UsageError."""
    torch = import_torch()
    arguments: dict[str, Any] = {
        "revision": revision,
        "dtype": getattr(torch, dtype_name(options)),
        "trust_remote_code": options.trust_remote_code,
        **options.model_args,
    }
    if device == "auto":
        arguments["device_map"] = "auto"
    elif device != "cpu":
        arguments["device_map"] = {"": device}
    announce_model(source, revision)
    model = _loading(lambda: auto_class.from_pretrained(source, **arguments), source, revision)
    return model.eval()


def runs_its_own_code(source: str) -> UsageError:
    """The error for a model that comes with code that the user has not allowed to run."""
    return UsageError(
        f"NLI model {source} runs its own code, which is refused by default.\n"
        f"  Read that code; if you trust it, add {option('trust_remote_code', True)}."
    )


def _loading(load: Callable[[], Any], source: str, revision: str | None) -> Any:
    version = f" (revision {revision})" if revision else ""
    if lacks(source, revision):
        use_cache_if_unreachable()
    try:
        return load()
    except ImportError as error:
        raise MissingExtra(f"NLI model {source}: {error}; it", "hf") from error
    except (OSError, ValueError, KeyError) as error:
        text = str(error).partition("\n")[0]
        if "trust_remote_code" in str(error):
            raise runs_its_own_code(source) from error
        raise UsageError(f"NLI model {source}{version} cannot be loaded: {text}{_hint(source)}") from error


def _hint(source: str) -> str:
    """A hint for a missing model: what may have been meant, or an alternative."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return ""
    known = [each.spec.model for each in declared() if each.spec.model]
    if source in known:
        return f"\n  Without a network, give a folder that holds the model.{smaller_than(source)}"
    if folder.parent.is_dir():
        known += [str(Path(source).parent / other.name) for other in folder.parent.iterdir() if other.is_dir()]
    guess = did_you_mean(source, known, likeness=0.8)
    return f"{guess}\n  Without a network, give a folder that holds the model."


def smaller_than(source: str) -> str:
    """Named verifiers with fewer parameters than a model of known size; empty for other models."""
    sizes = {each.name: each.spec.parameters for each in declared() if each.spec.parameters}
    own = next((each.spec.parameters for each in declared() if each.spec.model == source), None)
    if own is None:
        return ""
    smaller = [f"{option('nli', name)} ({size:g} billion parameters)" for name, size in sizes.items() if size < own]
    models = f"Smaller: {', '.join(smaller)}. " if smaller else ""
    return f"\n  {models}Without a model: {option('nli', 'lexical')}. Results of different models are not comparable."


@lru_cache(maxsize=16)
def announce(source: str, parameters: float | None) -> None:
    """Announce once, before a download, how large a hub model is and which ones are smaller."""
    if parameters is None or parameters < LARGE or not will_be_downloaded(source):
        return
    say(
        f"note: NLI model {source} has {parameters:g} billion parameters; about {4 * parameters:.0f} GB will be "
        f"downloaded.{smaller_than(source)}"
    )
