"""Damaged YAML: tasks with the data that they map, rewards, clusters, recipes, flags."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import yaml
from damage import altered, altered_value
from fuzz_ground import Ground

from groundeval.cli.arguments import FlagKind, read_config
from groundeval.rewards.recipes.yaml_reward import YamlReward
from groundeval.run.api import score
from groundeval.run.slurm import Cluster
from groundeval.tasks.loading import load_task
from groundeval.tasks.yaml.file import read_yaml
from groundeval.trainers.recipe_file import read_recipe, shipped

TASK = {
    "name": "fuzzed", "kind": "em", "data": {"path": "data.json", "format": "json", "skip": 0, "limit": 5},
    "fields": {"question": {"path": "question", "remove": "[0-9]+"}, "documents": {"path": "docs", "text": "text"},
               "answers": "answers"},
    "prompt": {"base": "trust", "instruction": "Answer."}, "profile": "trust", "distractors": {"count": 1, "seed": 1},
}  # fmt: skip
REWARD = {"profile": "trust", "components": {"citation_rec": 1.0, "citation_prec": {"weight": 0.5}}}
CLUSTER = {"partition": "p", "time": "1:00:00", "gpus": 1, "setup": ["true"], "sbatch": ["--x=1"], "score": {"cpus": 2}}
FLAGS: dict[str, FlagKind] = {"num_docs": "whole number", "tasks": "texts"}
YAML_TEXTS = (
    "a: &a [x, *a]", "? [a, b]\n: c", "<<: {name: x}", "!!python/object/apply:os.system ['true']", "a: !!binary x",
    "a: 2020-99-99", "a: 1:60:60", "a: !!float nan", "a: |\n  x\n b", "--- a\n--- b", "%YAML 9.9\n---\na: b", "a: 0o8",
    "!!set {a, b}", "!!omap [a: 1]", "a: !!timestamp x", "a: !!int 0x", "a: 1__", "a: 0b", "a: -", "? ", "&", "*",
    "a: !!pairs [1]", "a: !!int ''", "a: !!bool x", "? {}\n: 1", "? !!set {a}\n: 1", "\t", "a: \U0001f600", "a: .",
)  # fmt: skip
"""Lines whose values PyYAML reads by rules of their own."""


class Settings(Ground):
    """Files of settings."""

    def yaml(self, rng: random.Random) -> None:
        """YAML files: tasks with the data that they map, rewards, clusters, recipes, flags."""
        path = self.folder / "case.yaml"
        recipe = rng.choice(sorted(shipped().values()))
        uses: list[tuple[Any, Callable[[], object]]] = [
                (REWARD, lambda: read_yaml(path, YamlReward)),
                (CLUSTER, lambda: read_yaml(path, Cluster)),
                (yaml.safe_load(recipe.read_text()), lambda: read_recipe(str(path))),
                ({"num-docs": 3, "tasks": ["asqa"]}, lambda: read_config(path, FLAGS)),
                (TASK, lambda: load_task(path).load()),
                (TASK, lambda: load_task(path).load(str(self.data))),
                (TASK, lambda: score(self.answers, str(path), nli="lexical")),
        ]  # fmt: skip
        whole, use = rng.choice(uses)
        # JSON is YAML; so is what a YAML writer writes.
        content = altered(whole, rng)
        if rng.random() < 0.3:
            with suppress(yaml.YAMLError, RecursionError):
                content = yaml.safe_dump(altered_value(whole, rng)).encode("utf-8", "surrogatepass")
                content += rng.choice(YAML_TEXTS).encode() if rng.random() < 0.5 else b""
        path.write_bytes(content)
        use()
