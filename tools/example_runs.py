"""Makes `leaderboard/example_runs`: the small committed runs that `make leaderboard` builds its page from.

Takes about 15 minutes on two cores. `--outputs FILE` is a list of ALCE output files with their names, as
`[{"run": NAME, "data": [...]}, ...]`; of these systems only the numbers are kept, not their texts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "leaderboard" / "example_runs"
TASKS = "asqa,qampari,eli5,trust_asqa,trust_qampari,trust_eli5,trust_expertqa"
NUMBERS = ("id", "status", "values", "sample_sha256")
"""What is kept of a line of `scores.jsonl` where the texts are not ours to pass on."""


def groundeval(*arguments: str) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "groundeval", *arguments, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def own_runs(target: Path) -> None:
    """A small model on all embedded data, without demonstrations and with two."""
    for shots in (0, 2):
        groundeval(
            "run", "--model", "smollm2", "--tasks", TASKS, "--data", "embedded", "--nli", "lexical",
            "--num-fewshot", str(shots), "--gen-kwargs", "max_new_tokens=64", "--output-path", str(target),
        )  # fmt: skip


def split(outputs: Path, folder: Path) -> list[Path]:
    """One file of outputs for each system, named by the system."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for system in json.loads(outputs.read_text(encoding="utf-8")):
        name = system["run"].removeprefix("asqa-").removesuffix(".rerank").removesuffix(".json")
        name += "-rerank" if system["run"].endswith(".rerank") else ""
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps({"data": system["data"]}), encoding="utf-8")
    return files


def published_numbers(files: list[Path], target: Path) -> None:
    """Score other systems' outputs and keep their numbers."""
    for file in files:
        folder = target / file.stem
        groundeval("score", str(file), "--task", "asqa", "--nli", "lexical", "--output-path", str(folder))
        for scores in folder.rglob("scores.jsonl"):
            lines = [json.loads(line) for line in scores.read_text().splitlines()]
            kept = [{key: line[key] for key in NUMBERS if key in line} for line in lines]
            scores.write_text("".join(json.dumps(line) + "\n" for line in kept))


def main() -> None:
    """Make the folder anew, or only split a file of outputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=Path, help="outputs of published systems")
    parser.add_argument("--split", type=Path, help="only write the outputs, one file a system, into this folder")
    asked = parser.parse_args()
    if asked.split is not None:
        split(asked.outputs, asked.split)
        return
    shutil.rmtree(TARGET, ignore_errors=True)
    own_runs(TARGET)
    if asked.outputs is not None:
        with tempfile.TemporaryDirectory() as folder:
            published_numbers(split(asked.outputs, Path(folder)), TARGET / "published")
    for lock in TARGET.rglob(".lock*"):
        lock.unlink()


if __name__ == "__main__":
    main()
