"""The text metrics of ALCE's own script beside this project's, on one file: from reading it to the numbers.

The script is not part of this package: a clone of https://github.com/princeton-nlp/ALCE is named by its user, and its
`eval.py` is run as it is, in a process of its own.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.bench.made_outputs import outputs
from groundeval.errors import DataError, UsageError

TASK = "asqa"
RECORDS = 500
METRICS = ("length", "str_em", "rouge")
KEYS = ("length", "str_em", "str_hit", "rougeLsum")


@dataclass(frozen=True, slots=True)
class Beside:
    """CPU seconds of both for the same file, each the least of several passes, and the numbers that they give."""

    records: int
    original_seconds: float
    seconds: float
    original_values: Mapping[str, float]
    values: Mapping[str, float]
    """The same as the original's, but for `rougeLsum`: there the original draws the median of a bootstrap."""
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """How many times as fast this project is."""
        return self.original_seconds / self.seconds


def check_originals(folder: Path) -> None:
    """Raises UsageError for a folder that is not a clone of ALCE."""
    if not all((folder / name).is_file() for name in ("eval.py", "utils.py")):
        raise UsageError(f"--originals {folder}: not a clone of ALCE: it must hold eval.py and utils.py")


def measure_originals(folder: Path, repeats: int, place: Path) -> Beside:
    """Run both on generated outputs, which are written below `place`. Raises DataError if the script fails."""
    check_originals(folder)
    file = place / f"{TASK}.json"
    file.write_text(json.dumps({"data": list(outputs(RECORDS, TASK))}), encoding="utf-8")
    command = [sys.executable, "-m", "groundeval.bench.originals", str(folder.resolve()), str(file), str(repeats)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise DataError(f"{folder}/eval.py: {(run.stderr.strip().splitlines() or ['it failed'])[-1]}")
    return Beside(records=RECORDS, **json.loads(run.stdout))


def main() -> None:
    """`python -m groundeval.bench.originals FOLDER FILE REPEATS`: measure both, print the fields of `Beside`."""
    folder, file, repeats = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, folder)
    script: Any = __import__("eval")
    notes = []
    try:
        script.sent_tokenize("Is the tokenizer's data there? It is.")
    except LookupError:
        from groundeval.parsing.statements import sentences

        script.sent_tokenize = sentences
        notes.append("nltk's data are not there: the original splits sentences by this project's function, too")
    originals = [_timed(lambda: _original(script, file)) for _ in range(repeats)]
    own = [_timed(lambda: _own(file)) for _ in range(repeats + 1)][1:]
    found = {
        "original_seconds": min(seconds for seconds, _ in originals),
        "seconds": min(seconds for seconds, _ in own),
        "original_values": originals[0][1],
        "values": own[0][1],
        "notes": notes,
    }
    print(json.dumps(found))


def _timed(work: Any) -> tuple[float, dict[str, float]]:
    started = time.process_time()
    values = work()
    return time.process_time() - started, values


def _original(script: Any, file: Path) -> dict[str, float]:
    """What the script computes for text metrics, in its order."""
    data = json.loads(file.read_text(encoding="utf-8"))["data"]
    for item in data:
        item["output"] = item["output"].strip().split("\n")[0].replace("<|im_end|>", "")
    data = copy.deepcopy(data)
    for item in data:
        item["output"] = script.remove_citations(item["output"])
    em, hit = script.compute_str_em(data)
    values = script.compute_len(data), em, hit, script.compute_rouge(data)
    return dict(zip(KEYS, map(float, values), strict=True))


def _own(file: Path) -> dict[str, float]:
    from groundeval.bench.text_speed import CACHES
    from groundeval.metrics.rouge import sentence_tokens
    from groundeval.parsing.stemming import stem
    from groundeval.run.options import ScoreOptions
    from groundeval.run.outputs import score_predictions
    from groundeval.tasks import load_task

    for cache in (*CACHES, sentence_tokens, stem):
        cache.cache_clear()
    options = ScoreOptions(file, profiles=("alce",), metrics=METRICS, nli="lexical", quiet=True)
    [found] = score_predictions(options, load_task(TASK))
    return {key: found.results.metrics[key].number for key in KEYS}


if __name__ == "__main__":
    main()
