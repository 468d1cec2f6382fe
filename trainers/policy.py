"""The model in training: tokenizer, chat template, size, and loading and saving its weights."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from groundeval.errors import DataError, MissingExtra, UsageError
from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.models.chat import ChatFormat
from groundeval.models.gguf import as_folder
from groundeval.models.local import LocalModel, import_transformers, loading
from groundeval.models.options import GeneratorOptions
from groundeval.trainers.data.conversations import Messages
from groundeval.trainers.precision import multiplies_bfloat16
from groundeval.trainers.recipe import Model, Recipe
from groundeval.trainers.recipe_stage import Lora, Stage

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ADAM_BYTES = 8
"""Bytes of Adam's two float32 moments for every trained weight."""


class Policy:
    """The model's properties known without its weights, and methods to load and save the weights.

    The same tokenizer and chat format serve training and evaluation, so their prompts have the same token ids.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.options = GeneratorOptions(
            model.path,
            revision=model.revision,
            trust_remote_code=model.trust_remote_code,
            chat_template_kwargs=model.chat_template_kwargs,
        )

    @cached_property
    def local(self) -> LocalModel:
        """The model's files. Raises UsageError if there are none, or if the tokenizer has no chat template."""
        local = LocalModel(self.options)
        if self.model.chat_template is not None:
            local.format = self._with_template(local, self.model.chat_template)
        if local.format.template is None:
            raise UsageError(
                f"model {self.model.path}: its tokenizer has no chat template, which training needs to mark where an "
                "answer begins and ends.\n"
                "  Give a file with one, `model: {path: ..., chat_template: FILE.jinja}`, or train the chat version."
            )
        return local

    def _with_template(self, local: LocalModel, file: str) -> ChatFormat:
        try:
            template = Path(file).read_text("utf-8")
        except OSError as error:
            raise UsageError(f"model.chat_template {file}: {error.strerror}") from None
        with loading(self.options):
            tokenizer = import_transformers().AutoTokenizer.from_pretrained(**local.files)
        tokenizer.chat_template = template
        return ChatFormat.choose(tokenizer, self.options)

    @property
    def format(self) -> ChatFormat:
        """Chat template and tokenizer."""
        return self.local.format

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer for trainers, with the same chat template as in evaluation."""
        tokenizer = self.format.tokenizer
        tokenizer.chat_template = self.format.template
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    @cached_property
    def end_token(self) -> int:
        """The token that ends an answer: the one in the template after an answer, else the tokenizer's end token."""
        ends = self.format.end_tokens
        own = self.tokenizer.eos_token_id
        if not ends:
            raise UsageError(
                f"model {self.model.path}: neither tokenizer nor chat template defines the end of an answer"
            )
        return next(iter(sorted(ends - {own})), own)

    def prompt_ids(self, messages: Messages) -> list[int]:
        """The token ids of a conversation, up to the start of the model's answer."""
        text = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **self.format.kwargs
        )
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def answer_ids(self, answer: str) -> list[int]:
        """The token ids of an answer with its end token, without the part that the chat template begins."""
        begun = self.format.prefill.strip()
        if begun and answer.startswith(begun):
            answer = answer[len(begun) :].lstrip()
        return [*self.tokenizer(answer, add_special_tokens=False).input_ids, self.end_token]

    @cached_property
    def parameters(self) -> int:
        """Number of weights, from the configuration alone; weights that layers share count once."""
        from accelerate import init_empty_weights

        with loading(self.options), init_empty_weights():
            model = import_transformers().AutoModelForCausalLM.from_config(self.local.config)
        model.tie_weights()  # weights made empty are not shared yet
        return sum(parameter.numel() for parameter in model.parameters())

    def generator(self) -> TransformersGenerator:
        """A generator with this tokenizer, not yet with a model."""
        generator = TransformersGenerator(self.options)
        generator.local = self.local
        return generator

    def dtype(self, lora: Lora | None) -> str:
        """Precision of the weights: the recipe's, else float32, or with an adapter bfloat16 where it is fast."""
        return self.model.dtype or ("bfloat16" if lora is not None and multiplies_bfloat16() else "float32")

    def load(self, weights: Path | None, lora: Lora | None) -> Any:
        """The model with the weights of a stage's folder, or with its own if `weights` is None."""
        import torch

        transformers = import_transformers()
        files: dict[str, Any] = dict(self.local.files)
        extra: dict[str, Any] = {"config": self.local.config}
        if weights is not None:
            # Of the folder only the tensors are read: its config could name code, kernels and other models.
            files, extra = {"pretrained_model_name_or_path": str(weights)}, {**extra, "use_safetensors": True}
        elif self.local.source.gguf_file is not None:
            # Unpacked once and kept: later stages load plain weights.
            files, extra = {"pretrained_model_name_or_path": str(as_folder(self.local.source, "float32"))}, {}
        if self.model.attn_implementation is not None:
            extra["attn_implementation"] = self.model.attn_implementation
        with loading(self.options):
            model = transformers.AutoModelForCausalLM.from_pretrained(
                **files, **extra, dtype=getattr(torch, self.dtype(lora))
            )
        names = ("bos_token_id", "eos_token_id", "pad_token_id")
        own = {name: token for name in names if (token := getattr(self.tokenizer, name)) is not None}
        align(model.config.get_text_config(), own)
        ends = {"eos_token_id": sorted(self.format.end_tokens)}
        model.generation_config = transformers.GenerationConfig(**{**own, **ends})
        return model

    def merge(self, weights: Path | None, adapter: Path, target: Path) -> None:
        """Write the model with a trained adapter merged into its weights, in the precision of the weights."""
        from peft import PeftModel

        base = self.load(weights, Lora())
        merged: Any = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
        merged.save_pretrained(target)
        self.tokenizer.save_pretrained(target)


def align(config: Any, own: Mapping[str, int]) -> None:
    """Give a model's config the tokenizer's special tokens, as transformers' trainer does with a warning every time. Of
    several tokens that a config lists none is lost."""
    for name, token in own.items():
        held = getattr(config, name, None)
        listed = held if isinstance(held, list) else []
        if token not in (held, *listed):
            setattr(config, name, [token, *listed] if listed else token)


def peft_config(lora: Lora | None) -> Any:
    """peft's config of an adapter; None if all weights are trained."""
    if lora is None:
        return None
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtra("LoRA", "train") from error
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )


def disk_needed(recipe: Recipe, policy: Policy, kept: dict[str, int]) -> int:
    """Upper bound of the bytes that a run writes: each stage's model and checkpoints with the optimizer's state.

    `kept`: number of checkpoints kept, by stage name.
    """
    return sum(_stage_bytes(policy, recipe.lora_of(stage), kept[stage.name], stage) for stage in recipe.stages)


def _stage_bytes(policy: Policy, lora: Lora | None, kept: int, stage: Stage) -> int:
    weights = policy.parameters * BYTES[policy.dtype(lora)]
    if lora is not None:
        return weights + (kept + 1) * (weights // 20)  # an adapter of usual rank is a few percent of the weights
    optimizer = 0 if stage.trl.get("save_only_model") else policy.parameters * ADAM_BYTES
    # While a new checkpoint is written the oldest still exists.
    return weights + (kept + 1) * (weights + optimizer)


def check_disk(folder: Path, needed: int) -> None:
    """Raises DataError if the file system has less free space than a run needs beyond what its folder holds."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
    if free < needed - held:
        raise DataError(
            f"{folder}: the run writes up to {(needed - held) / 1e9:.1f} GB (models, checkpoints with the optimizer's "
            f"state), but only {free / 1e9:.1f} GB are free.\n"
            "  Choose another --output-path, keep fewer checkpoints (trl.save_total_limit), or train with LoRA."
        )
