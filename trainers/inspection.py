"""What the folder of a run may hold before training resumes in it: it may come from somebody else.

Files are regular and of bounded size, checkpoints hold data only. transformers loads its own checkpoints with torch's
safe unpickler. DeepSpeed and FSDP unpickle theirs without it, so that only those which this account wrote are loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any

from platformdirs import user_state_path

from groundeval.errors import DataError
from groundeval.storage.folder import MOST_JSON, Lines, read_json

PICKLES = ("*.pt", "*.pth", "*.bin", "*.pkl")
NEVER_LOADED = "training_args.bin"
"""A pickle that trainers write for the record."""

SHARDED = ("global_step*", "pytorch_model_fsdp*", "optimizer_*", "*.distcp", "zero_to_fp32.py")
"""Parts of the checkpoints of DeepSpeed and FSDP."""

BYTES_PER_PARAMETER = 32
"""Twice what weights and the states of an optimizer take in float32."""


def inspect_folder(folder: Path, parameters: int) -> None:
    """Check that a run folder holds regular files of a size that a model with so many parameters explains.

    Raises DataError, which names the file.
    """
    most = BYTES_PER_PARAMETER * parameters + (1 << 30)
    for path, found in _entries(folder):
        if stat.S_ISLNK(found.st_mode):
            raise DataError(f"{path} is a symbolic link. Links in a run folder are not followed.")
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is neither a file nor a folder. A run does not write such a thing.")
        bound = min(most, MOST_JSON) if path.suffix == ".json" else most
        if found.st_size > bound:
            raise DataError(f"{path} has {found.st_size:,} bytes; a run of this model writes at most {bound:,}.")


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            else:
                yield Path(entry.path), entry.stat(follow_symlinks=False)


def inspect_weights(folder: Path) -> None:
    """Check that loading the weights in a folder reads nothing outside of it. Raises DataError."""
    if (folder / "adapter_config.json").exists():
        raise DataError(f"{folder}/adapter_config.json: the weights of a finished stage hold no adapter. Remove it.")
    for index in folder.glob("*.index.json"):
        content = read_json(index)
        files = content.get("weight_map") if isinstance(content, dict) else None
        for name in files.values() if isinstance(files, dict) else [files]:
            if not isinstance(name, str) or Path(name).name != name:
                raise DataError(f"{index}: weight_map names {name!r}, which is not a file beside it.")


def inspect_checkpoint(folder: Path, step: int) -> None:
    """Check that a checkpoint holds data only, and that its state is that of its step. Raises DataError."""
    state = read_json(folder / "trainer_state.json")
    if not isinstance(state, dict) or state.get("global_step") != step:
        raise DataError(f"{folder}/trainer_state.json is not the state of step {step}. Remove this checkpoint.")
    for index in folder.glob("*.index.json"):
        inspect_weights(index.parent)
    for pattern in PICKLES:
        for path in folder.glob(pattern):
            if path.name != NEVER_LOADED and (code := unsafe_names(path)):
                raise DataError(
                    f"{path} is not only data: loading it would call {', '.join(code)}.\n"
                    "  A checkpoint that this program wrote holds no such thing: remove it, or the whole folder."
                )


def unsafe_names(path: Path) -> list[str]:
    """The names that unpickling a file of torch would import beyond tensors and numbers; nothing is loaded."""
    import torch
    from transformers.trainer_pt_utils import safe_globals

    with safe_globals():  # type: ignore[no-untyped-call]
        try:
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
        except Exception as error:
            raise DataError(f"{path} is damaged: torch cannot read it ({error})") from None


def is_sharded(checkpoint: Path) -> bool:
    """Whether DeepSpeed or FSDP wrote parts of a checkpoint."""
    return any(True for pattern in SHARDED for _ in checkpoint.glob(pattern))


def seal(checkpoint: Path, run: str) -> str | None:
    """A proof that this account wrote a sharded checkpoint at this place, by a key that only it can read.

    None for other checkpoints, which need none, and where no key can be kept.
    """
    if not is_sharded(checkpoint):
        return None
    place = f"{run}\0{checkpoint.resolve()}"
    try:
        return hmac.new(_key(), place.encode(), hashlib.sha256).hexdigest()
    except OSError:
        return None


def check_sealed(checkpoint: Path, run: str, found: Any) -> None:
    """Raises DataError for a checkpoint of DeepSpeed or FSDP that this account did not write at this place."""
    if is_sharded(checkpoint) and (not isinstance(found, str) or found != seal(checkpoint, run)):
        raise DataError(
            f"{checkpoint} was not written here by this account. Checkpoints of DeepSpeed and FSDP run code when they "
            "are loaded.\n  Move the folder back to where it was written, or train into another --output-path."
        )


def _key() -> bytes:
    file = user_state_path("groundeval") / "checkpoints.key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = file.with_name(f"{file.name}.{token_hex(4)}")
        made.touch(mode=0o600)
        made.write_bytes(token_bytes(32))
        with suppress(FileExistsError):
            os.link(made, file)
        made.unlink()
    return file.read_bytes()


PLACES = {"evaluations.jsonl": ("folder", "scores")}
"""Logs of a run folder that name others of its folders."""


def inspect_log(path: Path) -> None:
    """Check that the rows of a log say where they belong, and name no place outside of the folder. Raises DataError."""
    for number, row in enumerate(Lines(path).read(), 1):
        if not isinstance(row.get("stage"), str) or not isinstance(row.get("step"), int):
            raise DataError(f"{path}, line {number}: `stage` is {row.get('stage')!r}, `step` is {row.get('step')!r}")
        for field in PLACES.get(path.name, ()):
            place = row.get(field)
            inside = isinstance(place, str) and place.startswith("evaluations/") and ".." not in Path(place).parts
            if place is not None and not inside:
                raise DataError(f"{path}, line {number}: `{field}` is {place!r}, which is not a folder of this run")
