"""Rewards from YAML files: values of metrics and other rewards, weighted and gated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from groundeval.errors import DataError, unknown
from groundeval.metrics.profiles import PROFILES
from groundeval.metrics.reading import AnswerKind
from groundeval.rewards.recipes.weighted import Gate, bounds, read, weighted
from groundeval.rewards.registry import make, recipe_of
from groundeval.rewards.reward import Reward
from groundeval.storage.json_records import file_hash
from groundeval.tasks import Task
from groundeval.tasks.yaml.file import read_yaml
from groundeval.tasks.yaml.schema import Section


class Component(Section):
    """A part: a value of a metric (one name, or one per kind of task), or another reward."""

    short_form = "value"

    value: str | dict[Literal["em", "list", "claims"], str] | None = None
    reward: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    weight: float = Field(default=1.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _has_one_origin(self) -> Component:
        if (self.value is None) == (self.reward is None):
            raise ValueError("give a `value` (the short form is just its name), or a `reward`")
        if self.parameters and self.reward is None:
            raise ValueError("`parameters` are those of a `reward`")
        return self


class GateSection(Section):
    """A condition; if it fails, only the parts in `keep` count."""

    value: str
    at_least: float | None = None
    at_most: float | None = None
    keep: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_a_bound(self) -> GateSection:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least`, `at_most`, or both")
        return self


class YamlReward(Section):
    """The whole file."""

    components: dict[str, Component] = Field(min_length=1)
    gates: list[GateSection] = Field(default_factory=list)
    combine: Literal["mean", "sum"] = "mean"
    profile: str | None = None
    description: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> YamlReward:
        for gate in self.gates:
            for name in gate.keep:
                if name not in self.components:
                    raise ValueError(str(unknown("component in `keep`", name, self.components)))
        weights = [each.weight for each in self.components.values()]
        if self.combine == "mean" and (min(weights) < 0 or not any(weights)):
            raise ValueError("a mean needs weights of 0 or more, one of them above 0; for others: `combine: sum`")
        if not any(weights):
            raise ValueError("a part of weight 0 is only logged; give one of them another weight")
        if self.profile is not None and self.profile not in PROFILES:
            raise ValueError(str(unknown("profile", self.profile, PROFILES)))
        return self


@dataclass(frozen=True)
class YamlRecipe:
    """The recipe described by a file."""

    path: Path
    content: YamlReward = field(repr=False)
    sha256: str = ""
    """Of the file."""

    @classmethod
    def read(cls, path: Path) -> YamlRecipe:
        """The recipe in a file. Raises UserError, with line, field, value and what is allowed, if it is missing or
        wrong."""
        return cls(path, read_yaml(path, YamlReward), file_hash(path))

    def __call__(self, task: Task) -> Reward:
        """The reward for a task. Raises UserError for a value that its profile and kind do not have."""
        profile = self.content.profile or task.profile
        metrics: dict[str, None] = {}
        parts: dict[str, str | Reward] = {}
        ranges: dict[str, tuple[float, float]] = {}
        for name, component in self.content.components.items():
            where = f"{self.path}, component {name}"
            if component.reward is not None:
                part = self._other(component, task, profile, where)
                metrics |= dict.fromkeys(part.metrics)
                parts[name], ranges[name] = part, (part.low, part.high)
                continue
            found = read(_column(component, task.kind, where), profile, task.kind, where)
            metrics[found.metric] = None
            parts[name], ranges[name] = found.column, (found.low, found.high)
        gates = []
        for gate in self.content.gates:
            found = read(gate.value, profile, task.kind, f"{self.path}, gate {gate.value}")
            metrics[found.metric] = None
            at_least = -inf if gate.at_least is None else gate.at_least
            at_most = inf if gate.at_most is None else gate.at_most
            gates.append(Gate(found.column, at_least, at_most, tuple(gate.keep)))
        weights = {name: component.weight for name, component in self.content.components.items()}
        others = [part for part in parts.values() if isinstance(part, Reward)]
        low, high = bounds(ranges, weights, self.content.combine == "mean")
        return Reward(
            metrics=tuple(metrics),
            formula=partial(weighted, parts=parts, gates=tuple(gates)),
            profile=profile,
            low=low,
            high=high,
            combine=self.content.combine,
            weights=weights,
            code={name: code for other in others for name, code in other.code.items()},
            description=self.content.description or f"as {self.path.name} describes",
        )

    def _other(self, component: Component, task: Task, profile: str, where: str) -> Reward:
        name = component.reward or ""
        if name.endswith((".yaml", ".yml")):
            raise DataError(f'{where}: reward "{name}": a file cannot be part of a file; name a recipe')
        reward = make(name, recipe_of(name), task, component.parameters)
        if reward.profile != profile:
            raise DataError(
                f'{where}: reward "{name}" is computed under profile {reward.profile}, and this one under {profile}.\n'
                f"  Say `profile: {reward.profile}` at the top of the file."
            )
        return reward


def _column(component: Component, kind: AnswerKind, where: str) -> str:
    if isinstance(component.value, Mapping):
        if kind not in component.value:
            raise DataError(f"{where}: names no value for tasks of kind {kind}; it has: {', '.join(component.value)}")
        return component.value[kind]
    return component.value or ""
