"""The folder of a training run: its identity, the finished stages, and the point at which a killed run resumes.

runs/training/<recipe>/<run id>/
  manifest.json        identity, recipe, environment, the command, one entry per session
  recipe.yaml  overlap.json  stages.json  metrics.jsonl  history.json  evaluations.jsonl  report.md
  stages/1-NAME/       checkpoint-N/ ...  model/  (adapter/ with LoRA)  completions/TASK.jsonl
  evaluations/         run folders of the harness
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from groundeval.errors import DataError, UsageError
from groundeval.storage.environment import environment, now
from groundeval.storage.folder import Folder, Lines, content_id, read_json, remove_leftovers
from groundeval.storage.json_records import file_hash
from groundeval.storage.regular import is_there
from groundeval.trainers.inspection import (
    check_sealed,
    inspect_checkpoint,
    inspect_folder,
    inspect_log,
    inspect_weights,
    seal,
)
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Stage

MARKER = "groundeval.json"
"""File in every complete checkpoint with its run and stage. Written last, so that a partial checkpoint has none."""

NOT_IDENTITY = {"description", "report_to", "log_completions", "evaluate", "model", "stages"}
"""Fields of a recipe that do not determine the weights, or only by their content (model and data)."""

ROLLOUT_CIRCUMSTANCES = {
    "mode",
    "server_url",
    "gpu_memory_utilization",
    "tensor_parallel_size",
    "sleep",
    "check_every",
    "tolerance",
}
"""Fields of `rollouts` that affect only the place, speed, memory and monitoring of generation, not the completions."""

TRL_CIRCUMSTANCES = {"vllm_server_host", "vllm_server_port", "vllm_server_timeout", "vllm_group_port"}
"""Fields of `trl` of the same kind, for a server."""

NLI_CIRCUMSTANCES = {"device", "token_budget", "timeout", "patience", "token", "in_process", "cache"}
"""Options of a verifier that affect only place, speed and access, not the verdicts."""

SERVED = {"address", "model"}
"""Options that identify the verifier; one behind an address identifies itself."""

SAME_FOR_A_CURVE = ("split", "limit", "every_limit", "profile", "max_new_tokens")
"""Fields of `evaluate` that determine the meaning of its numbers: they must not change within a run."""


NEW_FIELDS: Mapping[str, Any] = {
    "after": None,
    "keep": "last",
    "normalize": "total",
    "patience": None,
    "seed": None,
    "share_prompts": False,
    "stop_when": {},
}
"""Fields of a stage that runs begun before them lack: as they are by default, they are not named."""


def training_identity(
    recipe: Recipe,
    model: Mapping[str, Any],
    data: Mapping[str, Any],
    served: Mapping[str, Any] | None = None,
    code: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Everything that determines the trained weights: recipe, and the content of model, data and reward files.

    The environment of completions and verdicts is left out, so that a run resumes when it changes. `served`: the
    identity of the verifier at the address in `nli`, which counts instead of the address. `code`: hashes of the code
    of plugins behind rewards and verifier, by name.
    """
    stages = [
        {
            **_stage_identity(stage),
            "rewards": {_by_content(name): term.model_dump(mode="json") for name, term in stage.rewards.items()},
        }
        for stage in recipe.stages
    ]
    left_out: dict[str, Any] = {
        **dict.fromkeys(NOT_IDENTITY, True),
        "rollouts": ROLLOUT_CIRCUMSTANCES,
        "nli_options": NLI_CIRCUMSTANCES if served is None else NLI_CIRCUMSTANCES | SERVED,
    }
    settings = recipe.model_dump(mode="json", exclude=left_out)
    if not recipe.rollouts.asynchronous:  # as in runs begun before this field
        del settings["rollouts"]["asynchronous"]
    return {
        "recipe": settings if served is None else {**settings, "nli": dict(served)},
        "dtype": recipe.model.dtype,
        "model": dict(model),
        "stages": [{**stage, "data": data[stage["name"]]} for stage in stages],
        **({"code": dict(code)} if code else {}),
    }


def _stage_identity(stage: Stage) -> dict[str, Any]:
    fields = stage.model_dump(mode="json", exclude={"data": True, "trl": TRL_CIRCUMSTANCES})
    return {name: value for name, value in fields.items() if name not in NEW_FIELDS or value != NEW_FIELDS[name]}


def _by_content(reward: str) -> str:
    """A registered reward by its name; one in a file (`mine.yaml`, `mine.py:brief`) by the file's content."""
    file, _, name = reward.rpartition(":") if ".py:" in reward else (reward, "", "")
    if not file.endswith((".yaml", ".yml", ".py")) or not is_there(Path(file), Path.is_file):
        return reward
    return f"{Path(file).name}:{name} {file_hash(Path(file))}"


class RunFolder:
    """The files of one training run. Only the main process writes."""

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.identity = identity
        self.id = content_id(identity)
        self._folder = Folder(path)

    @classmethod
    def place(cls, output_path: Path, recipe: Recipe, identity: Mapping[str, Any]) -> RunFolder:
        """The folder of this recipe with this model and data, which the same command finds again."""
        return cls(output_path / "training" / recipe.name / content_id(identity), identity)

    def open(self, recipe: Recipe, overlap: Mapping[str, Any]) -> None:
        """Lock the folder, check that it belongs to this recipe, and note the session.

        Raises DataError for a folder of another recipe, FolderBusy if another process trains in it.
        """
        self.check_same()
        self._folder.open()
        for part in self.path.glob("stages/**/"):
            remove_leftovers(part, self.path)
        before = self._folder.read_json("manifest.json") or {}
        session = {"started": now(), "command": sys.argv, "at": self.position(recipe)}
        manifest = {
            "schema_version": 1,
            "kind": "training",
            "id": self.id,
            "identity": self.identity,
            "recipe": recipe.model_dump(mode="json"),
            "created": before.get("created", now()),
            "environment": environment(),
            "sessions": [*before.get("sessions", []), session],
        }
        self._folder.write_json("manifest.json", manifest)
        self._folder.write_json("overlap.json", overlap)
        text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        self._folder.write("recipe.yaml", text.encode())

    def close(self) -> None:
        """Release the lock."""
        self._folder.close()

    def inspect(self, recipe: Recipe, parameters: int) -> None:
        """Check what a stranger may have put into the folder (`inspection`), before anything in it is loaded.

        `parameters`: the model's number of weights. Raises DataError.
        """
        if not self.path.exists():
            return
        inspect_folder(self.path, parameters)
        done = len(self.finished())
        for stage in recipe.stages[:done]:
            inspect_weights(self.model_of(recipe, stage))
        for stage in recipe.stages[done : done + 1]:
            for checkpoint, marker in self._whole_checkpoints(recipe, stage):
                inspect_checkpoint(checkpoint, step_of(checkpoint))
                check_sealed(checkpoint, self.id, marker.get("seal"))
        for stage in recipe.stages:
            for path in self.stage_folder(recipe, stage).glob("completions/*.jsonl"):
                inspect_log(path)
        for name in ("metrics.jsonl", "evaluations.jsonl"):
            inspect_log(self.path / name)

    def check_same(self) -> None:
        """Raises DataError if the folder holds a run of another recipe, model or data."""
        manifest = read_json(self.path / "manifest.json")
        if manifest is None:
            return
        if not isinstance(manifest, dict) or manifest.get("kind") != "training":
            raise UsageError(f"{self.path} is not the folder of a training run")
        different = sorted(_differences(manifest.get("identity", {}), self.identity))
        if different:
            raise DataError(
                f"{self.path} holds checkpoints of another recipe: {', '.join(different[:5])} "
                f"{'differ' if len(different) > 1 else 'differs'}.\n"
                "  Resume it with its own recipe (recipe.yaml in that folder), or train into another --output-path."
            )

    def check_evaluations(self, recipe: Recipe) -> None:
        """Raises DataError if the evaluations in the folder have other samples or another scoring than the next.

        Tasks, verifiers and metrics may be added between sessions; the existing ones continue.
        """
        if not recipe.evaluate.tasks or not (self.path / "evaluations.jsonl").exists():
            return
        then = (read_json(self.path / "manifest.json") or {}).get("recipe", {}).get("evaluate", {})
        now_ = recipe.evaluate.model_dump(mode="json")
        changed = [(field, then[field], now_[field]) for field in SAME_FOR_A_CURVE if field in then]
        tasks = then.get("tasks", {})
        changed += [(f"tasks.{name}", tasks[name], file) for name, file in now_["tasks"].items() if name in tasks]
        different = [f"evaluate.{field} was {old}, is {new}" for field, old, new in changed if old != new]
        if different:
            raise DataError(
                f"{self.path} holds evaluations that cannot be compared with the next: {'; '.join(different)}.\n"
                "  Change it back; or move evaluations.jsonl and evaluations/ away: checkpoints are kept, evaluations "
                "before training and after each stage are repeated."
            )

    def stage_folder(self, recipe: Recipe, stage: Stage) -> Path:
        """`stages/2-NAME`."""
        return self.path / "stages" / f"{recipe.stages.index(stage) + 1}-{stage.name}"

    def finished(self) -> list[dict[str, Any]]:
        """The finished stages, in order: name, trainer, steps, examples, times."""
        stages = read_json(self.path / "stages.json") or []
        if not isinstance(stages, list) or not all(map(_is_finished_stage, stages)):
            raise DataError(f"{self.path / 'stages.json'} is damaged: not a list of stages with their steps")
        return stages

    def finish(self, record: Mapping[str, Any]) -> None:
        """Note that a stage is done."""
        self._folder.write_json("stages.json", [*self.finished(), {**record, "finished": now()}])

    def evaluated_step(self, number: int) -> int:
        """The step of the weights that a finished stage ended with: its last, or the one that `keep: best` chose."""
        record = self.finished()[number]
        step: int = record.get("kept", record["steps"])
        return step

    def position(self, recipe: Recipe) -> dict[str, Any]:
        """Progress of the run: the next stage, and the step of its last complete checkpoint."""
        done = len(self.finished())
        if done == len(recipe.stages):
            return {"stage": None, "step": None}
        stage = recipe.stages[done]
        checkpoint = self.last_checkpoint(recipe, stage)
        return {"stage": stage.name, "step": step_of(checkpoint) if checkpoint else 0}

    def last_checkpoint(self, recipe: Recipe, stage: Stage) -> Path | None:
        """The latest complete checkpoint of a stage. Raises DataError for one of another run."""
        return max((path for path, _ in self._whole_checkpoints(recipe, stage)), key=step_of, default=None)

    def _whole_checkpoints(self, recipe: Recipe, stage: Stage) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The complete checkpoints of a stage with their markers."""
        for path in checkpoints_in(self.stage_folder(recipe, stage)):
            marker = read_json(path / MARKER)
            if marker is None:
                continue
            if not isinstance(marker, dict):
                raise DataError(f"{path / MARKER} is damaged: not a JSON object")
            if (marker.get("run"), marker.get("stage")) != (self.id, stage.name):
                raise DataError(
                    f"{path} is a checkpoint of another recipe (run {marker.get('run')}, stage {marker.get('stage')}; "
                    f"this is run {self.id}, stage {stage.name}).\n  Move it away, or train into another --output-path."
                )
            yield path, marker

    def mark(self, checkpoint: Path, stage: Stage) -> None:
        """Mark a checkpoint as complete."""
        record = {"run": self.id, "stage": stage.name, "step": step_of(checkpoint), "written": now()}
        if (proof := seal(checkpoint, self.id)) is not None:
            record["seal"] = proof
        Folder(checkpoint).write_json(MARKER, record)

    def forget_after(self, recipe: Recipe, stage: Stage, step: int) -> None:
        """Remove all that a stage wrote after the step it resumes from: partial checkpoints, logs, evaluations."""
        folder = self.stage_folder(recipe, stage)
        for path in checkpoints_in(folder):
            if not (path / MARKER).exists():
                shutil.rmtree(path, ignore_errors=True)
        for path in (self.path / "metrics.jsonl", self.path / "evaluations.jsonl", *folder.glob("completions/*.jsonl")):
            drop_lines_after(path, stage.name, step)
        for path in (self.path / "evaluations").glob(f"{stage.name}-*"):
            name, _, after = path.name.rpartition("-")
            if name == stage.name and after.isdecimal() and int(after) > step:
                shutil.rmtree(path, ignore_errors=True)

    def model_of(self, recipe: Recipe, stage: Stage) -> Path:
        """The folder of the weights that a finished stage ended with."""
        return self.stage_folder(recipe, stage) / "model"

    def lines(self, name: str) -> Lines:
        """A JSONL file of the folder."""
        return Lines(self.path / name)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the folder atomically."""
        self._folder.write_json(name, value)


def checkpoints_in(stage_folder: Path) -> list[Path]:
    """The folders of checkpoints, complete or not, by step."""
    named = (path for path in stage_folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-[0-9]{1,12}", path.name))
    return sorted(named, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The optimizer step in a checkpoint's name."""
    return int(checkpoint.name.rpartition("-")[2])


def _is_finished_stage(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(record.get("name"), str)
        and isinstance(record.get("steps"), int)
        and isinstance(record.get("kept", 0), int)
    )


def drop_lines_after(path: Path, stage: str, step: int) -> None:
    """Remove from a JSONL file the lines that a stage logged after a step: they will be logged again."""
    if not path.exists():
        return
    records = list(Lines(path).read())
    kept = [each for each in records if each.get("stage") != stage or each.get("step", 0) <= step]
    if len(kept) < len(records):
        Lines(path).rewrite(kept)


def _differences(one: Any, other: Any, place: str = "") -> Sequence[str]:
    """The dotted paths at which two JSON values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return [
            found
            for key in sorted({*one, *other})
            for found in _differences(one.get(key), other.get(key), f"{place}.{key}" if place else str(key))
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = zip(one, other, strict=True)
        return [found for index, pair in enumerate(pairs) for found in _differences(*pair, f"{place}[{index}]")]
    return [] if one == other else [place]
