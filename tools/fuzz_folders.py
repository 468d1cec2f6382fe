"""Damaged run folders: scored, compared, merged, viewed, and published."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from damage import altered, as_text
from fuzz_ground import Ground, json_files

from groundeval.comparison.api import compare
from groundeval.leaderboard.build import build
from groundeval.leaderboard.viewer import write_viewer
from groundeval.run.api import score
from groundeval.run.shards import merge_shards

TRAINING = {"log_history": [{"step": 1, "reward": 0.5, "loss": 1.0}, {"step": 2, "reward": 0.7, "loss": 0.5}]}
BENCHMARK = {"rewards": ["r"], "attacks": ["a"], "values": [[50.0]], "families": [{"key": "a", "title": "A"}]}


class Folders(Ground):
    """Files of run folders."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files = [path.relative_to(self.run) for path in json_files(self.run)]
        for number in (1, 2):
            self.ran(phase="generate", shard=(number, 2), output_path=folder / "parts" / str(number))
        (folder / "runs" / "history.json").write_bytes(as_text(TRAINING))

    def damage_file(self, path: Path, rng: random.Random) -> None:
        """Damage a JSON file, or a line of a file of lines; lines with checksums get those of their new content."""
        lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
        for place in {rng.randrange(len(lines)) for _ in lines[:2]}:
            found = json.loads(lines[place])
            checked = isinstance(found, dict) and found.pop("crc32", None) is not None and rng.random() < 0.9
            line = altered(found, rng)
            lines[place] = b'%b, "crc32": "%08x"}' % (line[:-1], crc32(line)) if checked else line
        path.write_bytes(b"\n".join(lines) + b"\n")

    def run_folder(self, rng: random.Random) -> None:
        """`score` and `compare` of a run folder in which some files are damaged."""
        folder = self.fresh(self.run)
        for name in rng.sample(self.files, rng.randrange(1, 3)):
            self.damage_file(folder / name, rng)
        use: Callable[[], object] = rng.choice(
            [lambda: score(folder, data=str(self.data), nli="lexical"), lambda: compare(folder, self.run)]
        )
        use()

    def shards(self, rng: random.Random) -> None:
        """`merge` of the shards of a run."""
        folder = self.fresh(self.folder / "parts")
        files = json_files(folder)
        self.damage_file(rng.choice(files), rng)
        if rng.random() < 0.2:
            path = rng.choice(files)
            path.rename(path.with_name(rng.choice(["prompts.7-of-3.jsonl", "prompts.0-of-0.jsonl", "prompts.jsonl"])))
        shutil.rmtree(self.folder / "merged", ignore_errors=True)
        merge_shards([folder / "1", folder / "2"], self.folder / "merged")

    def site(self, rng: random.Random) -> None:
        """`view` of a damaged run, now and then a whole site: a damaged folder is a line of its report."""
        folder = self.fresh(self.folder / "runs", "site-runs")
        files = json_files(folder)
        self.damage_file(rng.choice(files), rng)
        (folder / "reward_benchmark.json").write_bytes(altered(BENCHMARK, rng))
        out = self.folder / "site"
        shutil.rmtree(out, ignore_errors=True)
        if rng.random() < 0.2:
            build([folder, self.folder / "runs"], out, data=[self.data], processes=1, shipped=False)
        else:
            out.mkdir()
            write_viewer([folder], out, data=[self.data])
