"""The scripts that spread one run over a SLURM cluster: an array job that generates, a job that merges and scores.

The scripts are plain and complete, to be read and changed before they are submitted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from groundeval.errors import UsageError

GENERATE, SCORE, SUBMIT, SHARDS = "generate.sbatch", "score.sbatch", "submit.sh", "shards"


class Resources(BaseModel):
    """The resources that one job requests; fields left out have the cluster's defaults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time: str | None = Field(default=None, pattern=r"^(\d+-)?\d+(:\d+){0,2}$")
    """As SLURM writes it: minutes, `HH:MM:SS`, `D-HH:MM:SS`. YAML wants quotes around it."""
    gpus: int | None = Field(default=None, ge=0)
    cpus: PositiveInt | None = None
    memory: str | None = Field(default=None, pattern=r"^\d+[KMGT]?$")
    sbatch: tuple[str, ...] = Field(default=(), strict=False)
    """Further options, as they would follow `#SBATCH`."""

    def directives(self) -> Iterator[str]:
        """The options of sbatch."""
        named = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "time": self.time,
            "gpus": self.gpus or None,
            "cpus-per-task": self.cpus,
            "mem": self.memory,
        }
        yield from (f"--{name}={value}" for name, value in named.items() if value is not None)
        yield from self.sbatch


class Cluster(Resources):
    """A cluster file: the resources of a job, and how a job finds groundeval."""

    container: str | None = None
    """An image for `srun --container-image` (pyxis); none: no container."""
    mounts: str | None = None
    """`srun --container-mounts`."""
    setup: tuple[str, ...] = Field(default=(), strict=False)
    """Lines of shell before the command, such as `source ~/groundeval/bin/activate`."""
    score: Resources | None = None
    """Resources of the job that merges and scores; none: those of the array's jobs."""

    @property
    def launcher(self) -> str:
        """The prefix of a command: `srun` with its options."""
        options = {"container-image": self.container, "container-mounts": self.mounts}
        words = ["srun", *(f"--{name}={value}" for name, value in options.items() if value is not None)]
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Scripts:
    """The files of one distributed run, by name."""

    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write them into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / SUBMIT).chmod(0o755)


def slurm_scripts(run: Sequence[str], output_path: Path, cluster: Cluster, shards: int, folder: Path) -> Scripts:
    """The scripts for `groundeval run` with the words `run`, in `shards` parts.

    `run` has no `--output-path`: each part generates into a folder of its own below `folder`, and the job that depends
    on all of them merges these into `output_path` and scores there. Both paths are seen by all nodes. Raises UsageError
    for a path with control characters.
    """
    here, parts, target = (_quoted(path.resolve()) for path in (Path(), folder / SHARDS, output_path))
    command = shlex.join(["groundeval", "run", *run])
    lines = {
        GENERATE: [
            f"#SBATCH --array=1-{shards}",
            "# The time is up: the window that is being generated is finished and written.",
            "#SBATCH --signal=TERM@120",
            *_head(cluster, cluster, here),
            f"{cluster.launcher} {command} --phase generate \\",
            f'  --shard "$SLURM_ARRAY_TASK_ID/{shards}" --output-path {parts}/"$SLURM_ARRAY_TASK_ID"',
        ],
        SCORE: [
            *_head(cluster, cluster.score or cluster, here),
            f"{cluster.launcher} groundeval merge {parts}/* --output-path {target}",
            f"{cluster.launcher} {command} --phase score --output-path {target}",
        ],
        SUBMIT: [
            "# The first argument may name the parts to generate, such as 3,5; default: all.",
            "# Run it again after a time limit or a failure to resume: parts that are complete end at once.",
            'cd "$(dirname "$0")"',
            f'array=$(sbatch --parsable --array="${{1:-1-{shards}}}" {GENERATE})',
            f'sbatch --dependency=afterok:"${{array%%;*}}" {SCORE}',
        ],
    }
    return Scripts({name: "\n".join(["#!/bin/bash", *each, ""]) for name, each in lines.items()})


def _quoted(path: Path) -> str:
    """A path as a word of a script. Raises UsageError for a line break: in a directive, the rest would be a command."""
    if any(ord(character) < ord(" ") for character in str(path)):
        raise UsageError(f"{str(path)!r}: a path in a script may hold no line break or other control character")
    return shlex.quote(str(path))


def _head(cluster: Cluster, resources: Resources, here: str) -> list[str]:
    return [
        f"#SBATCH --chdir={here}",
        *(f"#SBATCH {directive}" for directive in resources.directives()),
        "set -euo pipefail",
        *cluster.setup,
    ]
