"""Converting GGUF files to model folders, for engines that read only these: unpacked once, then cached."""

from __future__ import annotations

from pathlib import Path

from groundeval.errors import BackendError
from groundeval.models.files import ModelSource, file_sha256
from groundeval.models.hub import cache_folder
from groundeval.scratch import scratch_folder


def as_folder(source: ModelSource, dtype: str) -> Path:
    """The model of a GGUF file as a folder in the Hugging Face layout, its weights unpacked to `dtype`."""
    assert source.gguf_file is not None
    digest = file_sha256(Path(source.location, source.gguf_file))[:16]
    target = cache_folder() / "models" / f"{source.name}-{dtype}-{digest}"
    if (target / "config.json").is_file():
        return target
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(target.parent, f".{target.name}-", ".part") as temporary:
            partial = temporary / "model"
            model = AutoModelForCausalLM.from_pretrained(
                source.location,
                gguf_file=source.gguf_file,
                dtype=getattr(torch, dtype),
                quantization_config=GgufConfig(dequantize=True),
            )
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.save_pretrained(partial)
            AutoTokenizer.from_pretrained(source.location, gguf_file=source.gguf_file).save_pretrained(partial)
            if not target.exists():
                partial.rename(target)
    except OSError as error:
        raise BackendError(
            f"{source.name}: cannot be unpacked to {target}: {error}\n"
            "  To use another folder, set the environment variable GROUNDEVAL_CACHE."
        ) from error
    return target
