"""Sentence encoders of the sentence-transformers layout, through transformers: mean pooling, unit length."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundeval.errors import UsageError, no_such
from groundeval.models.downloads import announce_model
from groundeval.models.files import folder_sha256
from groundeval.models.local import helper_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 32
SIMPLE_MODULES = {"Transformer", "Pooling", "Normalize"}
"""Supported parts of an encoder: others, such as a dense layer after the pooling, are not implemented here."""


class SentenceEncoder:
    """Texts as unit vectors: the mean of the last layer over the tokens. Loaded on first use.

    Raises UsageError for an encoder with another pooling, BackendError for one that cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        self.name = model
        path = Path(model).expanduser()
        if model.startswith(("/", ".", "~")) and not path.is_dir():
            raise no_such(model, "folder", given=f"sentence encoder {model}")
        self._folder = path if path.is_dir() else None
        _check_pooling(model, self._folder)

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the vectors: a folder's content, or a hub model's name and commit."""
        if self._folder is not None:
            return {"model": self._folder.name, "content_sha256": folder_sha256(self._folder)}
        return {"model": self.name, "revision": getattr(self._parts[1].config, "_commit_hash", None)}

    def check(self) -> None:
        """Check without loading its weights that the encoder exists. Raises MissingExtra or BackendError."""
        with helper_model(f"sentence encoder {self.name}") as transformers:
            transformers.AutoConfig.from_pretrained(str(self._folder or self.name))

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        place = str(self._folder or self.name)
        with helper_model(f"sentence encoder {self.name}") as transformers:
            announce_model(place)
            tokenizer = transformers.AutoTokenizer.from_pretrained(place)
            return tokenizer, transformers.AutoModel.from_pretrained(place).eval()

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector per text; a text longer than the encoder's input is truncated."""
        import torch

        tokenizer, model = self._parts
        limit = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512))
        vectors = []
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(
                list(texts[start : start + BATCH]),
                padding=True,
                truncation=True,
                max_length=limit,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(states)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors.append(torch.nn.functional.normalize(means.float(), dim=-1))
        whole: NDArray[np.float32] = torch.cat(vectors).numpy()
        return whole


def _check_pooling(model: str, folder: Path | None) -> None:
    """Check that an encoder's declared pooling is the one implemented here; without a declaration, assume it is."""
    if folder is None or not (folder / "modules.json").is_file():
        return
    modules = [str(each["type"]).rsplit(".", 1)[-1] for each in json.loads((folder / "modules.json").read_text())]
    other = [each for each in modules if each not in SIMPLE_MODULES]
    pooling = folder / "1_Pooling" / "config.json"
    says = json.loads(pooling.read_text()) if pooling.is_file() else {}
    if other or not says.get("pooling_mode_mean_tokens", True):
        how = f"the parts {', '.join(other)}" if other else "another pooling than the mean over tokens"
        raise UsageError(f"sentence encoder {model}: has {how}, which is not supported")
