"""Makes run folders without running anything: values at random, results that follow from them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from groundeval.metrics.metric import METRICS
from groundeval.scoring.results import Results
from groundeval.stats.bootstrap import summarize
from groundeval.stats.repeats import best_of, questions_of, repeat_id, summarize_repeats
from groundeval.storage.folder import Lines, content_id
from groundeval.tasks import load_task

ALCE_METRICS = ("length", "str_em", "citation")
LEXICAL = {"name": "lexical", "kind": "lexical", "fidelity": "proxy"}
WORDS = (
    "the",
    "city",
    "lies",
    "on",
    "a",
    "river",
    "and",
    "its",
    "oldest",
    "tower",
    "was",
    "built",
    "by",
    "monks",
    "who",
)


def text(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words))


def data_file(path: Path, count: int) -> Path:
    """A file of questions in the ALCE format, each with five documents."""
    rng = np.random.default_rng(0)
    records = [
        {
            "sample_id": f"q{number}",
            "question": f"What is city {number}?",
            "docs": [{"title": f"City {number}", "text": text(rng, 100)} for _ in range(5)],
            "qa_pairs": [{"question": "Which?", "short_answers": [f"tower {number}"]}],
        }
        for number in range(count)
    ]
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def write_run(
    root: Path,
    system: str,
    *,
    samples: int,
    right: float = 0.5,
    seed: int = 0,
    data: Path | None = None,
    outputs: Any = None,
    prompts: bool = False,
    title: str = "cited_answer",
    answers: int = 1,
) -> Path:
    """One scored run of `asqa`, with a share `right` of the answers found; returns its run folder.

    `answers`: how many of the samples answer the same question.
    `outputs`: from the number of a sample to its text; otherwise texts are at random.
    """
    rng = np.random.default_rng(seed)
    # What is hard for one system is hard for others: values of the same sample go together.
    hard = np.random.default_rng(12345).random(samples)
    found = (0.7 * hard + 0.3 * rng.random(samples) < np.quantile(hard, right)).astype(float)
    cited = rng.integers(0, 5, samples) / 4
    values = {
        "length": rng.integers(20, 90, samples).astype(float),
        "str_em": found,
        "str_hit": found,
        "citation_rec": cited,
        "citation_prec": np.minimum(1.0, cited + 0.25),
    }
    identity = {
        "task": "asqa", "task_version": 1, "task_reference": "asqa", "backend": "hf",
        "data": {
            "requested": None if data is None else str(data), "split": "test",
            "sha256": "0" * 64 if data is None else load_task("asqa").load(str(data)).sha256,
        },
        "generator": {"backend": "hf", "model": system, "revision": None},
        "prompt": {"template": title, "sha256": "0"},
        "num_docs": 5, "num_fewshot": 0, "oracle_docs": False, "seed": 42, "sampling": {"temperature": 0.0},
    }  # fmt: skip
    keys = [key for name in ALCE_METRICS for key in METRICS.get(name).aggregates]
    scoring = {
        "scoring_version": 1, "task_version": 1, "profile": "alce", "kind": "em", "metrics": list(ALCE_METRICS),
        "keys": keys, "cot": False, "nli": LEXICAL, "metric_models": {}, "post_hoc": "none", "origin": {},
    }  # fmt: skip
    folder = root / hashlib.sha256(system.encode()).hexdigest()[:8] / "asqa" / content_id(identity)
    scores = folder / "scores" / content_id(scoring)
    scores.mkdir(parents=True)
    _write_json(folder / "manifest.json", {"schema_version": 1, "kind": "generation", "identity": identity})
    _write_json(scores / "manifest.json", {"kind": "scores", "identity": scoring, "environment": {}})
    aggregates = {key: value for name in ALCE_METRICS for key, value in METRICS.get(name).aggregates.items()}
    ids = [f"q{n}" if answers == 1 else repeat_id(f"q{n // answers}", n % answers + 1) for n in range(samples)]
    if answers == 1:
        estimates, best = summarize(values, aggregates), {}
    else:
        estimates = summarize_repeats(values, aggregates, questions_of(ids))
        best = best_of(values, aggregates, questions_of(ids))
    results = Results(
        task="asqa", task_version=1, profile="alce", nli="lexical", nli_identity=LEXICAL, n=samples // answers,
        statuses={"ok": samples}, headline=["str_em", "citation_rec", "citation_prec"],
        metrics=estimates, num_samples=answers, best_of=best,
    )  # fmt: skip
    (scores / "results.json").write_bytes(results.as_bytes())
    texts = [text(rng, 60) + " [1][2]." if outputs is None else outputs(number) for number in range(samples)]
    Lines(scores / "scores.jsonl").rewrite(
        [_score_line(ids[n], n, {k: v[n] for k, v in values.items()}, texts[n]) for n in range(samples)]
    )
    Lines(folder / "generations.jsonl").rewrite(
        [{"id": ids[n], "raw": texts[n], "finish_reason": "stop", "status": "ok"} for n in range(samples)]
    )
    if prompts:
        Lines(folder / "prompts.jsonl").rewrite([{"id": ids[n], "text": text(rng, 700)} for n in range(samples)])
    return folder


def copy_run(folder: Path, root: Path, system: str) -> None:
    """The same texts and values under another system's name; files that are the same are linked."""
    target = root / hashlib.sha256(system.encode()).hexdigest()[:8] / "asqa" / folder.name
    shutil.copytree(folder, target, copy_function=os.link)
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["identity"]["generator"]["model"] = system
    (target / "manifest.json").unlink()
    _write_json(target / "manifest.json", manifest)


def _score_line(sample_id: str, number: int, values: dict[str, float], output: str) -> dict[str, Any]:
    part = output[:200]
    statements = [{"text": part, "citations": [0, 1], "supported": True, "precise": [True, False]} for _ in range(3)]
    verdicts = [
        {"premise": [index % 5], "hypothesis": part, "entailed": bool(index % 2), "score": index / 7}
        for index in range(6)
    ]
    return {
        "id": sample_id, "status": "ok", "values": {key: float(value) for key, value in values.items()},
        "statements": statements, "verdicts": verdicts, "sample_sha256": "0" * 16,
    }  # fmt: skip


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
