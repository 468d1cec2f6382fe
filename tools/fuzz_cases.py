"""The cases of `tools/fuzz_strangers.py`: what is damaged, and the code that reads it."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import pyarrow
import yaml
from damage import altered, altered_value, as_text, torn
from pyarrow import feather, parquet
from pyarrow import ipc as arrow_ipc

from groundeval.cli.arguments import FlagKind, read_config
from groundeval.comparison.api import compare
from groundeval.errors import GroundevalError
from groundeval.generation.backends.openai import OpenAIGenerator
from groundeval.generation.interface import SamplingParams
from groundeval.http.client import Client, TooLarge
from groundeval.http.retrying import NoAnswer
from groundeval.leaderboard.build import build
from groundeval.leaderboard.viewer import write_viewer
from groundeval.models.options import GeneratorOptions
from groundeval.nli import connect
from groundeval.nli.cache import VerdictCache
from groundeval.nli.cache_files import verdicts_in
from groundeval.nli.identity import Served
from groundeval.nli.model import NLIOptions
from groundeval.nli.remote import Remote
from groundeval.nli.server import VerdictServer
from groundeval.nli.verdict_files import add, read_file
from groundeval.nli.verifiers.chat_server import _first_token, _names
from groundeval.records import Pair, Prompt, Verdict
from groundeval.rewards.recipes.yaml_reward import YamlReward
from groundeval.rewards.rollouts import Rewarder
from groundeval.rewards.server import RewardServer
from groundeval.run.api import evaluate, score
from groundeval.run.inspection import inspect_outputs
from groundeval.run.options import ScoreOptions
from groundeval.run.shards import merge_shards
from groundeval.run.slurm import Cluster
from groundeval.storage import environment
from groundeval.tasks.formats.predictions import read_predictions
from groundeval.tasks.loading import load_task
from groundeval.tasks.yaml.file import read_yaml
from groundeval.trainers.data.conversations import read_imitations, read_preferences
from groundeval.trainers.recipe_file import read_recipe, shipped

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
CLUSTER = {"partition": "p", "time": "1:00:00", "gpus": 1, "setup": ["true"], "sbatch": ["--x=1"], "score": {"cpus": 2}}
FLAGS: dict[str, FlagKind] = {"num_docs": "whole number", "tasks": "texts"}
CONVERSATION = {
    "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Verdi [1]."}],
    "prompt": "Who?", "chosen": "Verdi.", "rejected": "Puccini.",
}  # fmt: skip
TRAINING = {"log_history": [{"step": 1, "reward": 0.5, "loss": 1.0}, {"step": 2, "reward": 0.7, "loss": 0.5}]}
BENCHMARK = {"rewards": ["r"], "attacks": ["a"], "values": [[50.0]], "families": [{"key": "a", "title": "A"}]}
PAGE = "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
EXAMPLES = Path(__file__).parents[1] / "examples"
YAML_TEXTS = (
    "a: &a [x, *a]", "? [a, b]\n: c", "<<: {name: x}", "!!python/object/apply:os.system ['true']", "a: !!binary x",
    "a: 2020-99-99", "a: 1:60:60", "a: !!float nan", "a: |\n  x\n b", "--- a\n--- b", "%YAML 9.9\n---\na: b", "a: 0o8",
    "!!set {a, b}", "!!omap [a: 1]", "a: !!timestamp x", "a: !!int 0x", "a: 1__", "a: 0b", "a: -", "? ", "&", "*",
    "a: !!pairs [1]", "a: !!int ''", "a: !!bool x", "? {}\n: 1", "? !!set {a}\n: 1", "\t", "a: \U0001f600", "a: .",
)  # fmt: skip
"""Lines whose values PyYAML reads by rules of their own."""


class Cases:
    """What is damaged, below a folder, and the code that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.json"
        records = [{**RECORD, "id": f"q{number}"} for number in range(3)]
        self.data.write_text(json.dumps(records))
        outputs = folder / "m.json"
        outputs.write_text(json.dumps([{"id": each["id"], "output": each["output"]} for each in records]))
        sources = {"backend": "replay", "data": str(self.data), "tasks": ("asqa",)}
        done = evaluate(str(outputs), nli="lexical", output_path=folder / "runs", **sources)
        self.run = done[0].folder
        self.files = [path.relative_to(self.run) for path in json_files(self.run)]
        for number in (1, 2):
            part = {"phase": "generate", "shard": (number, 2), "output_path": folder / "parts" / str(number)}
            evaluate(str(outputs), **part, **sources)
        (folder / "runs" / "history.json").write_bytes(as_text(TRAINING))
        cache = VerdictCache(folder / "cache.sqlite", {"model": "m"})
        cache.put([(bytes([n]) * 16, Verdict(True, 0.5)) for n in range(9)])
        cache.close()
        self.generator = OpenAIGenerator(
            GeneratorOptions("m", model_args={"base_url": "http://localhost:1/v1", "max_retries": 0, "backoff": 0})
        )
        self.nli = connect("lexical")
        self.servers = [
            (VerdictServer(self.nli), [("/verdicts", {"pairs": [["p", "h"], ["q", "i"]]})]),
            (RewardServer(Rewarder.of("ground_grpo_stage2", nli="lexical"), self.nli), self.requests()),
        ]
        self.kinds: tuple[Callable[[random.Random], object], ...] = (
            self.run_folder, self.outputs, self.generation, self.verifier, self.yaml, self.cache, self.tools,
            self.tables, self.request, self.run_folder, self.shards, self.outputs, self.other_files, self.site,
        )  # fmt: skip

    def kind(self, seed: int) -> str:
        """What the seed damages."""
        return self.kinds[seed % len(self.kinds)].__name__

    def case(self, seed: int) -> None:
        """Read what the seed makes. Raises what the code raises."""
        with redirect_stderr(io.StringIO()), suppress(GroundevalError, NoAnswer, TooLarge):
            self.kinds[seed % len(self.kinds)](random.Random(seed))

    def fresh(self, source: Path, name: str = "case") -> Path:
        """A copy of a folder, to be damaged."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        return folder

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

    def outputs(self, rng: random.Random) -> None:
        """A file of outputs: JSON, JSON lines, CSV, compressed or not."""
        records = [altered({**RECORD, "id": f"q{number}"}, rng) for number in range(2)]
        shape = rng.randrange(6)
        content = b"[" + b",".join(records) + b"]" if shape else b"\n".join(records)
        if shape == 1:
            content = b"id,question,output\nq0,What?," + records[0].replace(b"\n", b" ")
        if shape == 2:
            quotedly = records[0].replace(b'"', b'""')
            content = torn(b'id\tquestion\toutput\tdocs\nq0\tWhat?\tIt.\t"[%b]"\n' % quotedly, rng)
        packing = rng.choice([gzip.compress, bz2.compress, lzma.compress, zstd])
        if rng.random() < 0.3:
            content = packing(content)
            content = torn(content, rng) if rng.random() < 0.7 else content
        path = self.folder / rng.choice(["o.json", "o.jsonl", "o.csv", "o.tsv", "o.json.gz", "o.csv.xz", "o.jsonl.zst"])
        path.write_bytes(content)
        self.use_outputs(path, rng)

    def use_outputs(self, path: Path, rng: random.Random) -> None:
        """Score a file of outputs, look into it, or only read it."""
        use = rng.random()
        if use < 0.3:
            score(path, "asqa", nli="lexical", metrics=("length", "str_em"))
        elif use < 0.5:
            score(path, nli="lexical")
        elif use < 0.6:
            inspect_outputs(ScoreOptions(path), load_task("own"))
        else:
            for _ in read_predictions(path):
                pass

    def tools(self, rng: random.Random) -> None:
        """The outputs of other tools, with one part of one record damaged."""
        path = rng.choice(sorted((EXAMPLES / "outputs").glob("*.json*")))
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
        case = self.folder / "tool.json"
        case.write_bytes(altered(found, rng))
        self.use_outputs(case, rng)

    def tables(self, rng: random.Random) -> None:
        """Parquet, Arrow and Feather files, and folders of `datasets`: odd types of columns, damaged bytes."""
        rows = [{**RECORD, "id": f"q{number}"} for number in range(3)]
        for row in rows:
            del row["extra"]
        table = pyarrow.Table.from_pylist(rows)
        if rng.random() < 0.6:
            odd = rng.choice(
                [
                    pyarrow.array([10**20, None, 1], pyarrow.decimal128(38, 2)),
                    pyarrow.array([2**62, None, -(2**62)], pyarrow.timestamp("s")),
                    pyarrow.array([2**62, None, 0], pyarrow.duration("s")),
                    pyarrow.array([b"\xff\xfe", None, b""], pyarrow.binary()),
                    pyarrow.array([{"a": 1}, None, {"a": None}]),
                    pyarrow.array([[("k", 1)], None, []], pyarrow.map_(pyarrow.string(), pyarrow.int8())),
                    pyarrow.array(["x", None, "x"]).dictionary_encode(),
                    pyarrow.array([float("nan"), float("inf"), None]),
                    pyarrow.array([None, None, None]),
                    pyarrow.array([[1.0] * 3] * 3, pyarrow.list_(pyarrow.float32(), 3)),
                    pyarrow.array([2**31 - 1, 0, None], pyarrow.date32()),
                ]
            )
            name = rng.choice(table.column_names)
            named = rng.choice([name, name, "other", ""])
            table = (table.drop([name]) if named == name else table).append_column(named, odd)
        content = written(table, rng)
        for _ in range(rng.randrange(3)):
            content = torn(content, rng)
        folder = self.folder / "table"
        folder.mkdir(exist_ok=True)
        (folder / "data.arrow").write_bytes(content)
        (folder / "state.json").write_bytes(altered({"_data_files": [{"filename": "data.arrow"}]}, rng))
        self.use_outputs(rng.choice([folder, folder / "data.arrow", folder / "data.arrow"]), rng)

    def answer(self, rng: random.Random, whole: Any) -> httpx.MockTransport:
        """A server that sends a damaged answer."""
        content = altered(rng.choice([whole, whole, REFUSAL]), rng)
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
        client: Client = remote._client
        identity = {"model": "m", "identity": {"name": "m", "revision": None}}
        if rng.random() < 0.8:
            remote._served = Served(identity["identity"], "m")
        whole, use = rng.choice(
            [
                (VERDICTS, lambda: remote._chunk([Pair("p", "h")])),
                (identity, remote.check),
                (COMPLETION, lambda: client.ask("POST", "/x", {}, read=_first_token, patience=0.0)),
                (MODELS, lambda: client.ask("GET", "/x", read=_names, patience=0.0)),
            ]
        )
        client._http = httpx.Client(transport=self.answer(rng, whole))
        use()
        remote.close()

    def yaml(self, rng: random.Random) -> None:
        """YAML files: tasks with the data that they map, rewards, clusters, recipes, flags."""
        path = self.folder / "case.yaml"
        recipe = rng.choice(sorted(shipped().values()))
        whole, use = rng.choice(
            [
                (REWARD, lambda: read_yaml(path, YamlReward)),
                (CLUSTER, lambda: read_yaml(path, Cluster)),
                (yaml.safe_load(recipe.read_text()), lambda: read_recipe(str(path))),
                ({"num-docs": 3, "tasks": ["asqa"]}, lambda: read_config(path, FLAGS)),
                (TASK, lambda: load_task(path).load()),
                (TASK, lambda: load_task(path).load(str(self.data))),
                (TASK, lambda: score(self.folder / "m.json", path, nli="lexical")),
            ]
        )  # fmt: skip
        # JSON is YAML; so is what a YAML writer writes.
        content = altered(whole, rng)
        if rng.random() < 0.3:
            with suppress(yaml.YAMLError, RecursionError):
                content = yaml.safe_dump(altered_value(whole, rng)).encode("utf-8", "surrogatepass")
                content += rng.choice(YAML_TEXTS).encode() if rng.random() < 0.5 else b""
        path.write_bytes(content)
        use()

    def other_files(self, rng: random.Random) -> None:
        """Conversations to train on."""
        path = self.folder / "conversations.jsonl"
        path.write_bytes(b"\n".join(altered(CONVERSATION, rng) for _ in range(2)))
        rng.choice([read_imitations, read_preferences])(path)

    def cache(self, rng: random.Random) -> None:
        """Cache files and exported files of verdicts, read and merged."""
        path = self.folder / "case.sqlite"
        shutil.copyfile(self.folder / "cache.sqlite", path)
        kind = rng.random()
        if kind < 0.4:
            column = rng.choice(["pair", "flags", "score"])
            value = rng.choice([None, 1, -5, 1e300, float("inf"), "x", b"y", b"z" * 16, 2**62, "\ud800", b"\xff" * 9])
            self.execute(path, f"UPDATE verdict SET {column} = ? WHERE pair = ?", (value, bytes([3]) * 16))
        elif kind < 0.7:
            statement = rng.choice(
                [
                    "UPDATE verifier SET identity = {}",
                    "CREATE TRIGGER t AFTER INSERT ON verdict BEGIN SELECT {}; END",
                    "ALTER TABLE verdict ADD COLUMN more DEFAULT {}",
                    "DROP TABLE verifier",
                    "ALTER TABLE verdict RENAME TO old",
                    "CREATE VIEW v AS SELECT {} AS score",
                    "PRAGMA user_version = 77",
                    "CREATE TABLE other AS SELECT {} AS x",
                    "CREATE INDEX i ON verdict (score) WHERE score > {}",
                ]
            )  # fmt: skip
            literal = rng.choice(["NULL", "1e999", "'{'", "'[]'", "x'ff'", "'{\"model\": 1}'", "CAST(x'ff' AS TEXT)"])
            self.execute(path, statement.format(literal))
        else:
            path.write_bytes(torn(path.read_bytes(), rng))
        with suppress(GroundevalError):
            for _ in verdicts_in(path, None if rng.random() < 0.5 else str.strip):
                pass
        target = self.folder / "target.sqlite"
        with suppress(GroundevalError):
            add([path], target)
        verdict = {"pair": "00" * 16, "entailed": True, "score": 0.5}
        lines = [{"format": "groundeval verdicts", "version": 1}, {"verifier": {"model": "m"}}, verdict, {"end": 1}]
        place = rng.randrange(4)
        path.write_bytes(b"\n".join(altered(e, rng) if n == place else as_text(e) for n, e in enumerate(lines)))
        for _ in read_file(path):
            pass

    def execute(self, path: Path, statement: str, values: tuple[Any, ...] = ()) -> None:
        connection = sqlite3.connect(path)
        with suppress(sqlite3.Error, UnicodeEncodeError), connection:
            connection.execute(statement, values)
        connection.close()

    def requests(self) -> list[tuple[str, Any]]:
        """The requests that `serve-rewards` takes."""
        example = {name: each for name, each in RECORD.items() if name != "output"}
        carried = {"task": "trust_asqa", "example": example}
        text = "<think>Hm.</think><answer>It is Paris [1].</answer>"
        message = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        return [
            ("/rewards", {"samples": [{**carried, "text": text, "prefill": "", "finish_reason": "stop"}] * 2}),
            ("/", {"query": [PAGE + text], "prompts": [PAGE], "labels": [json.dumps(carried)]}),
            ("/verify", {**carried, "response": {"output": [message]}}),
        ]

    def request(self, rng: random.Random) -> None:
        """Requests to the servers: none may be answered with a status that means a fault of the server."""
        server, requests = rng.choice(self.servers)
        path, whole = rng.choice(requests)
        body = altered(whole, rng)
        if "labels" in whole and rng.random() < 0.5:
            label = altered(json.loads(whole["labels"][0]), rng).decode("utf-8", "replace")
            body = as_text({**whole, "labels": [label]})
        headers = {"Content-Type": "application/json"}
        if rng.random() < 0.1:
            headers[rng.choice(["Content-Type", "Origin", "Prefer", "Authorization", "Host"])] = rng.choice(
                ["x", "", "wait=0", "wait=999999999", "text/plain", "null", "http://127.0.0.1", "\xff"]
            ).encode("latin-1")

        async def ask() -> int:
            transport = httpx.ASGITransport(server, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return (await client.post(path, content=body, headers=headers)).status_code

        if server.verifier is not None and not server.verifier.ready:
            server.verifier._load()
        status = asyncio.run(ask())
        if status >= 500:
            raise AssertionError(f"{path} answers {status} to {body[:300]!r}")


def found_out_once() -> None:
    """Find out, once for all cases of this process, what is the same in each and takes long."""
    for name in ("git_state", "versions"):
        known = getattr(environment, name)()
        setattr(environment, name, lambda *_, known=known: known)
    # Every client reads all certificates of the system; none here uses TLS.
    ssl_context = httpx.create_ssl_context()
    httpx._transports.default.create_ssl_context = lambda **_: ssl_context  # type: ignore[attr-defined]


def json_files(folder: Path) -> list[Path]:
    """Those below a folder, in a fixed order."""
    return [path for path in sorted(folder.rglob("*.json*")) if path.is_file() and path.stat().st_size]


def written(table: pyarrow.Table, rng: random.Random) -> bytes:
    """A table as the bytes of a file; none where the kind of file does not know its types."""
    buffer, kind = io.BytesIO(), rng.randrange(4)
    with suppress(pyarrow.ArrowException):
        if kind == 0:
            parquet.write_table(table, buffer, compression=rng.choice(["none", "gzip", "snappy"]))
        elif kind == 1:
            feather.write_feather(table, buffer, compression=rng.choice(["uncompressed", "lz4"]))
        else:
            with (arrow_ipc.new_file if kind == 2 else arrow_ipc.new_stream)(buffer, table.schema) as writer:
                writer.write_table(table)
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    """Compressed with zstd by pyarrow, which reads it, too."""
    return bytes(pyarrow.compress(content, codec="zstd", asbytes=True))
