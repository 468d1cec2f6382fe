"""What the cases of `tools/fuzz_strangers.py` are made from: data, outputs, and a run of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from groundeval.run.api import evaluate

RECORD = {
    "id": "q0", "question": "What is the city?", "output": "It is Paris [1]. It is old [2].",
    "docs": [{"title": "Paris", "text": "The city is Paris."}, {"title": "", "text": "It is old."}],
    "qa_pairs": [{"question": "Which?", "short_answers": ["Paris"]}], "answers": [["Paris"]],
    "claims": ["It is Paris."], "answer": "Paris.", "extra": {"year": 1999},
}  # fmt: skip


class Ground:
    """A folder with data, outputs and a run; what is damaged is a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.json"
        records = [{**RECORD, "id": f"q{number}"} for number in range(3)]
        self.data.write_text(json.dumps(records))
        self.answers = folder / "m.json"
        self.answers.write_text(json.dumps([{"id": each["id"], "output": each["output"]} for each in records]))
        self.run = self.ran(nli="lexical", output_path=folder / "runs")[0].folder

    def ran(self, **options: Any) -> Any:
        """The outcome of replaying the outputs on the data."""
        return evaluate(str(self.answers), backend="replay", data=str(self.data), tasks=("asqa",), **options)

    def fresh(self, source: Path, name: str = "case") -> Path:
        """A copy of a folder, to be damaged."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        return folder


def json_files(folder: Path) -> list[Path]:
    """Those below a folder, in a fixed order."""
    return [path for path in sorted(folder.rglob("*.json*")) if path.is_file() and path.stat().st_size]
