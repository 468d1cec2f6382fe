"""Feeds damaged run folders, files of outputs, server answers, YAML files and caches to the code that reads them.

    python tools/fuzz_strangers.py --seeds 0:50000 --seconds 600

A case is its seed: the same seed is the same damage. A case is fine if what it is given is read, or refused by one of
groundeval's own errors; anything else, and more than five seconds, is printed with the seed. The exit code is 1 if
there was such a case. It goes on from where a time limit stopped it: the first seed that is left is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from groundeval.comparison.api import compare
from groundeval.errors import GroundevalError
from groundeval.generation.backends.openai import OpenAIGenerator
from groundeval.generation.interface import SamplingParams
from groundeval.http.client import Client, TooLarge
from groundeval.http.retrying import NoAnswer
from groundeval.models.options import GeneratorOptions
from groundeval.nli.cache import VerdictCache
from groundeval.nli.cache_files import verdicts_in
from groundeval.nli.model import NLIOptions
from groundeval.nli.remote import Remote
from groundeval.nli.verdict_files import read_file
from groundeval.nli.verifiers.chat_server import _first_token, _names
from groundeval.records import Pair, Prompt, Verdict
from groundeval.rewards.recipes.yaml_reward import YamlReward
from groundeval.run.api import evaluate, score
from groundeval.tasks.formats.predictions import read_predictions
from groundeval.tasks.yaml.file import read_yaml
from groundeval.tasks.yaml.schema import YamlTask

SECONDS = 5.0
"""That one case may take."""

DEEP = "[" * 100_000
EVIL: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 10**30, 1e308, float("nan"), float("inf"), "", " ", "x", "x" * 10_000, "\ud800",
    "\x00", "\x1b[31m", "../../etc/passwd", "/etc/passwd", "planted.py:x", "[1][2][999999999999]", "<think>" * 50,
    [], {}, [[]], {"": None}, [None] * 50, "1" + "0" * 400, "@BIG@", "@DEEP@", "@NESTED@",
)  # fmt: skip
"""Values that somebody else's JSON may hold; those between @ are too odd for a JSON writer and are put in as text."""
RAW = {'"@BIG@"': "1" + "0" * 400, '"@DEEP@"': DEEP, '"@NESTED@"': "[" * 150 + "]" * 150}

RECORD = {
    "id": "q0", "question": "What is the city?", "output": "It is Paris [1]. It is old [2].",
    "docs": [{"title": "Paris", "text": "The city is Paris."}, {"title": "", "text": "It is old."}],
    "qa_pairs": [{"question": "Which?", "short_answers": ["Paris"]}], "answers": [["Paris"]],
    "claims": ["It is Paris."], "answer": "Paris.", "extra": {"year": 1999},
}  # fmt: skip
COMPLETION = {
    "choices": [{
        "message": {"content": "It is old [1].", "reasoning": "Hm."}, "finish_reason": "stop",
        "logprobs": {"content": [{"token": "Yes", "top_logprobs": [{"token": "Yes", "logprob": -0.1}]}]},
    }],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7},
}  # fmt: skip
MODELS = {"data": [{"id": "m", "max_model_len": 512}]}
VERDICTS = {"model": "m", "verdicts": [{"entailed": True, "score": 0.5, "rechecked": False}]}
REFUSAL = {
    "error": {"message": "unsupported parameter: top_k", "param": "top_k"},
    "detail": [{"loc": ["body", "top_k"]}],
}
HEADERS = ("Retry-After", "Content-Type", "Content-Encoding", "X-Other")
HEADER_VALUES = (
    "1", "-1", "1e400", "nan", "Mon, 01 Jan 100000000000000000000 00:00:00 GMT", "text/html; charset=klingon", "gzip",
    "br", "deflate", "identity", "x" * 1_000, "",
)  # fmt: skip
TASK = {
    "name": "fuzzed", "kind": "em", "data": {"path": "data.json", "format": "json", "skip": 0, "limit": 5},
    "fields": {"question": {"path": "question", "remove": "[0-9]+"}, "documents": {"path": "docs", "text": "text"},
               "answers": "answers"},
    "prompt": {"base": "trust", "instruction": "Answer."}, "profile": "trust", "distractors": {"count": 1, "seed": 1},
}  # fmt: skip
REWARD = {"profile": "trust", "components": {"citation_rec": 1.0, "citation_prec": {"weight": 0.5}}}


class Slow(BaseException):
    """A case that takes too long."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Slow where the work inside takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Slow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def damaged(value: Any, rng: random.Random) -> Any:
    """A JSON value with one part of it, at any depth, replaced, removed or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: damaged(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        index = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value * 2
        return [*value[:index], damaged(value[index], rng), *value[index + 1 :]]
    return rng.choice(EVIL)


def as_text(value: Any) -> bytes:
    text = json.dumps(value)
    for name, raw in RAW.items():
        text = text.replace(name, raw)
    return text.encode()


def torn(content: bytes, rng: random.Random) -> bytes:
    """Bytes with some of them changed, cut off, or put in."""
    place = rng.randrange(len(content) + 1)
    kind = rng.randrange(4)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + rng.randbytes(rng.randrange(1, 8)) + content[place:]
    if kind == 2:
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    return content[:place] + content[max(0, place - 50) :]


def altered(value: Any, rng: random.Random) -> bytes:
    """The JSON of a value after some damage."""
    for _ in range(rng.randrange(1, 4)):
        value = damaged(value, rng)
    content = as_text(value)
    return torn(content, rng) if rng.random() < 0.3 else content


class Cases:
    """What is damaged, below a folder, and the code that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.json"
        records = [{**RECORD, "id": f"q{number}"} for number in range(3)]
        self.data.write_text(json.dumps(records))
        outputs = folder / "m.json"
        outputs.write_text(json.dumps([{"id": each["id"], "output": each["output"]} for each in records]))
        sources = {"backend": "replay", "data": str(self.data)}
        done = evaluate(str(outputs), tasks=("asqa",), nli="lexical", output_path=folder / "runs", **sources)
        self.run = done[0].folder
        self.files = [path.relative_to(self.run) for path in sorted(self.run.rglob("*.json*"))]
        cache = VerdictCache(folder / "cache.sqlite", {"model": "m"})
        cache.put([(bytes([n]) * 16, Verdict(True, 0.5)) for n in range(9)])
        cache.close()
        self.generator = OpenAIGenerator(
            GeneratorOptions("m", model_args={"base_url": "http://localhost:1/v1", "max_retries": 0, "backoff": 0})
        )

    def case(self, seed: int) -> None:
        """Read what the seed makes. Raises what the code raises."""
        rng = random.Random(seed)
        kinds = (self.run_folder, self.outputs, self.generation, self.verifier, self.yaml, self.cache, self.outputs)
        kind = kinds[seed % len(kinds)]
        with suppress(GroundevalError, NoAnswer, TooLarge):
            kind(rng)

    def run_folder(self, rng: random.Random) -> None:
        """`score` and `compare` of a run folder in which some files are damaged."""
        folder = self.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.run, folder)
        for name in rng.sample(self.files, rng.randrange(1, 3)):
            path = folder / name
            lines = path.read_bytes().splitlines() if name.suffix == ".jsonl" else [path.read_bytes()]
            place = rng.randrange(len(lines))
            lines[place] = altered(json.loads(lines[place]), rng)
            path.write_bytes(b"\n".join(lines) + b"\n")
        use: Callable[[], object] = rng.choice(
            [
                lambda: score(folder, data=str(self.data), nli="lexical"),
                lambda: compare(folder, self.run),
            ]
        )
        use()

    def outputs(self, rng: random.Random) -> None:
        """A file of outputs: JSON, JSON lines, CSV, compressed or not."""
        records = [altered({**RECORD, "id": f"q{number}"}, rng) for number in range(2)]
        shape = rng.randrange(5)
        content = b"[" + b",".join(records) + b"]" if shape else b"\n".join(records)
        if shape == 1:
            content = b"id,question,output\nq0,What?," + records[0].replace(b"\n", b" ")
        if rng.random() < 0.2:
            content = torn(gzip.compress(content, 1), rng)
        path = self.folder / rng.choice(["o.json", "o.jsonl", "o.csv", "o.json.gz"])
        path.write_bytes(content)
        if rng.random() < 0.3:
            score(path, "asqa", nli="lexical", metrics=("length", "str_em"))
        else:
            for _ in read_predictions(path):
                pass

    def answer(self, rng: random.Random, whole: Any) -> httpx.MockTransport:
        """A server that sends a damaged answer."""
        content = altered(rng.choice([whole, REFUSAL]), rng)
        status = rng.choice([200, 200, 200, 200, 400, 404, 422, 429, 500])
        headers = {rng.choice(HEADERS): rng.choice(HEADER_VALUES)} if rng.random() < 0.3 else {}
        if rng.random() < 0.1:
            content, headers = torn(gzip.compress(content, 1), rng), {"Content-Encoding": "gzip"}
        # Streamed, so that the answer is decoded where it is read and not where it is made.
        return httpx.MockTransport(
            lambda request: httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))
        )

    def generation(self, rng: random.Random) -> None:
        """The `openai` backend."""
        self.generator._answered = rng.random() < 0.5
        transport = self.answer(rng, COMPLETION)

        async def ask() -> None:
            async with httpx.AsyncClient(transport=transport) as client:
                await self.generator._complete(client, Prompt("q0", "What?"), SamplingParams(top_k=5, temperature=0.5))

        asyncio.run(ask())

    def verifier(self, rng: random.Random) -> None:
        """The clients of verifiers: `serve-nli` and OpenAI-compatible servers."""
        remote = Remote(NLIOptions(model="http://localhost:1", patience=0.0, timeout=5.0))
        remote._serving = "m"
        client: Client = remote._client
        whole, use = rng.choice(
            [
                (VERDICTS, lambda: remote._chunk([Pair("p", "h")])),
                (COMPLETION, lambda: client.ask("POST", "/x", {}, read=_first_token, patience=0.0)),
                (MODELS, lambda: client.ask("GET", "/x", read=_names, patience=0.0)),
            ]
        )
        client._http = httpx.Client(transport=self.answer(rng, whole))
        use()
        remote.close()

    def yaml(self, rng: random.Random) -> None:
        """YAML tasks, with the data that they map, and YAML rewards: JSON is YAML."""
        path = self.folder / "case.yaml"
        if rng.random() < 0.3:
            path.write_bytes(altered(REWARD, rng))
            read_yaml(path, YamlReward)
            return
        path.write_bytes(altered(TASK, rng))
        read_yaml(path, YamlTask)

    def cache(self, rng: random.Random) -> None:
        """Cache files and exported files of verdicts."""
        path = self.folder / "case.sqlite"
        shutil.copyfile(self.folder / "cache.sqlite", path)
        if rng.random() < 0.5:
            connection = sqlite3.connect(path)
            column = rng.choice(["pair", "flags", "score"])
            value = rng.choice([None, 1, -5, 1e300, "x", b"y", b"z" * 16, 2**62])
            with suppress(sqlite3.Error), connection:
                connection.execute(f"UPDATE verdict SET {column} = ? WHERE pair = ?", (value, bytes([3]) * 16))
            connection.close()
        else:
            path.write_bytes(torn(path.read_bytes(), rng))
        for _ in verdicts_in(path, None if rng.random() < 0.5 else str.strip):
            pass
        lines = [{"format": "groundeval verdicts", "version": 1}, {"verifier": {"model": "m"}}, {"end": 0}]
        path.write_bytes(b"\n".join(altered(each, rng) for each in lines))
        for _ in read_file(path):
            pass


def fuzz(seeds: range, seconds: float | None = None, *, quiet: bool = True) -> tuple[Counter[str], list[str]]:
    """Run the cases of some seeds: counts, and what was found, each with its seed."""
    counts: Counter[str] = Counter()
    found: list[str] = []
    until = None if seconds is None else time.monotonic() + seconds
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="groundeval-fuzz-", dir=place) as folder:
        cases = Cases(Path(folder))
        for seed in seeds:
            if until is not None and time.monotonic() > until:
                print(f"stopped at seed {seed}")
                break
            try:
                with limited(SECONDS):
                    cases.case(seed)
                counts["fine"] += 1
            except Slow:
                counts["slow"] += 1
                found.append(f"seed {seed}: more than {SECONDS:g} s")
            except Exception:
                counts["traceback"] += 1
                found.append(f"seed {seed}:\n{traceback.format_exc(limit=-6)}")
            if found and not quiet and len(found) <= 20 and counts["shown"] < len(found):
                counts["shown"] = len(found)
                print(found[-1], flush=True)
    counts.pop("shown", None)
    return counts, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0:1000", help="FIRST:END")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    given = parser.parse_args()
    first, _, end = given.seeds.partition(":")
    counts, found = fuzz(range(int(first), int(end)), given.seconds, quiet=False)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{dict(counts)}, at most {memory:.2f} GB of memory")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
