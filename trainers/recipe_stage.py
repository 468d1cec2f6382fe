"""The schema of a stage in a recipe: its trainer, its data, its rewards."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from groundeval.tasks.yaml.schema import Name, OneOrMany, Section

TrainerName = Literal["sft", "dpo", "grpo"]


class Lora(Section):
    """Train a LoRA adapter instead of all weights (peft); every stage ends with the adapter merged into the weights."""

    r: int = Field(default=16, ge=1, description="rank of the update")
    alpha: int = Field(default=32, ge=1, description="scale of the update, divided by r")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout in front of the adapter")
    target_modules: str | list[str] = Field(default="all-linear", description="names of layers, or `all-linear`")


class Data(Section):
    """A source of training examples: a task, or a file of ready-made conversations."""

    short_form = "task"

    task: str | None = Field(default=None, description="a task: registered name, task.yaml, or plugin.py:name")
    source: str | None = Field(
        default=None,
        description="a file in the task's format (Trust-Score, ALCE), or `embedded`; default: the task's own data",
    )
    split: Literal["train", "test"] = Field(default="train", description="split of the task's own data")
    conversations: str | None = Field(
        default=None,
        description="a JSON or JSONL file in TRL's format: `prompt`+`completion` or `messages` for sft, "
        "`prompt`+`chosen`+`rejected` for dpo (Trust-Align's files, or what `groundeval distill` writes)",
    )
    count: int | None = Field(
        default=None, ge=1, description="number of examples of this source; default: all that pass"
    )
    longest: int | None = Field(
        default=None,
        ge=1,
        description="largest number of words of question and documents in a prompt; longer examples of a "
        "task are left out",
    )

    @model_validator(mode="after")
    def _has_one_origin(self) -> Data:
        if (self.task is None) == (self.conversations is None):
            raise ValueError("give either a `task` or a file of `conversations`")
        if self.conversations is not None and self.longest is not None:
            raise ValueError("`longest` belongs to a `task`; conversations are cut by TRL's `max_length`")
        if self.conversations is not None and self.source is not None:
            raise ValueError("`source` belongs to a `task`; a file of conversations is named by `conversations`")
        return self

    @property
    def name(self) -> str:
        """The name in messages and manifests; sources with different examples have different names."""
        origin = self.task or self.conversations or ""
        details = [self.source] if self.source else []
        if self.split != "train":
            details.append(f"split {self.split}")
        if self.conversations is not None and self.count is not None:
            details.append(f"the first {self.count}")
        return f"{origin} ({', '.join(details)})" if details else origin


class RewardTerm(Section):
    """One reward of the reward library in a stage's sum."""

    weight: float = Field(default=1.0, description="factor in the sum; negative for a penalty")
    options: dict[str, Any] = Field(default_factory=dict, description="parameters of the reward")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"weight": float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Bounds(Section):
    """Bounds of a logged value: a stage that leaves them ends."""

    above: float | None = Field(default=None, description="the stage ends where the mean is above this")
    below: float | None = Field(default=None, description="the stage ends where the mean is below this")
    over: int = Field(default=10, ge=1, description="the last so many logged values, which the mean is of")

    @model_validator(mode="after")
    def _has_a_bound(self) -> Bounds:
        if self.above is None and self.below is None:
            raise ValueError("name a bound, `above` or `below`")
        return self


class Stage(Section):
    """One trainer on one selection of data. It starts from the weights of the stage before it, or of `after`."""

    name: Name = Field(description="names its folder and its rows in reports")
    trainer: TrainerName = Field(description="sft, dpo or grpo")
    after: str | None = Field(
        default=None,
        description="the earlier stage whose weights it starts from, or `start` for the recipe's model; default: the "
        "stage before it",
    )
    data: OneOrMany[Data] = Field(min_length=1, description="sources of its examples; a task's name is the short form")
    answerable: Literal["any", "only", "never"] = Field(
        default="any", description="only: examples whose documents hold a gold answer; never: the others; any: both"
    )
    mix: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of answerable examples in each source, and with grpo in every step; the others are "
        "unanswerable",
    )
    rewards: dict[str, RewardTerm] = Field(
        default_factory=dict,
        description="grpo: rewards by name with their weights; dpo on tasks: pairs whose rejected text scores as high "
        "as the chosen one are left out",
    )
    normalize: Literal["total", "parts"] = Field(
        default="total",
        description="grpo: what the completions of a prompt are compared by: the total reward, or `parts`: every part "
        "of the rewards by its own mean and spread, before they are weighted and added (GDPO)",
    )
    share_prompts: bool = Field(
        default=False,
        description="grpo: compute the tokens of a prompt once for all its completions in a device's batch. Same "
        "log-probabilities up to rounding, less time where prompts are long; for one process, without gradient "
        "checkpointing",
    )
    targets: Literal["plain", "tagged"] = Field(
        default="plain",
        description="sft and dpo on tasks: plain reference responses, or tagged: a line of reasoning in <think>, "
        "the response in <answer>",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        description="sequences for one optimizer step, over all devices (grpo: completions; dpo: pairs); "
        "`gradient_accumulation_steps` follows from it",
    )
    lora: Lora | Literal["off"] | None = Field(
        default=None, description="overrides the recipe's `lora`; `off`: all weights"
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="the weights that the stage ends with: those of its last step, or of the step whose held-out "
        "headline was highest (`evaluate.every`)",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="evaluations within the stage without a higher held-out headline before it ends; default: no limit",
    )
    stop_when: dict[str, Bounds] = Field(
        default_factory=dict,
        description="logged values and bounds for them; outside of these the stage ends, for instance "
        "`entropy: {below: 0.05}` or `completions/mean_length: {above: 400}`",
    )
    seed: int | None = Field(default=None, description="overrides the recipe's `seed`, except for demonstrations")
    trl: dict[str, Any] = Field(
        default_factory=dict, description="any field of TRL's SFTConfig, DPOConfig or GRPOConfig, by its name"
    )

    @field_validator("rewards", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        return {name: {} for name in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fits_its_trainer(self) -> Stage:
        if self.trainer == "grpo" and not self.rewards:
            raise ValueError(f"stage {self.name}: grpo needs `rewards`, for instance `rewards: ground_grpo_stage1`")
        if self.trainer == "grpo" and any(each.conversations for each in self.data):
            raise ValueError(
                f"stage {self.name}: grpo needs tasks, whose examples have documents and gold answers; "
                "`conversations` are for sft and dpo"
            )
        if self.trainer != "grpo" and self.normalize != "total":
            raise ValueError(f"stage {self.name}: `normalize` belongs to grpo, which compares rewards within a group")
        if self.trainer != "grpo" and self.share_prompts:
            raise ValueError(f"stage {self.name}: `share_prompts` belongs to grpo, which repeats prompts")
        if self.mix is not None and self.answerable != "any":
            raise ValueError(
                f"stage {self.name}: `mix` needs both kinds of examples, `answerable: {self.answerable}` selects one"
            )
        filtered = self.answerable != "any" or self.mix is not None
        if filtered and any(each.conversations for each in self.data):
            raise ValueError(f"stage {self.name}: `answerable` and `mix` need tasks: conversations have no gold data")
        return self
