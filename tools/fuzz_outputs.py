"""Damaged files of outputs: JSON, CSV, compressed files, tables, the logs of other tools, and conversations."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow
from damage import altered, torn
from fuzz_ground import RECORD, Ground
from pyarrow import feather, parquet
from pyarrow import ipc as arrow_ipc

from groundeval.run.api import score
from groundeval.run.inspection import inspect_outputs
from groundeval.run.options import ScoreOptions
from groundeval.tasks.formats.predictions import read_predictions
from groundeval.tasks.loading import load_task
from groundeval.trainers.data.conversations import read_imitations, read_preferences

CONVERSATION = {
    "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Verdi [1]."}],
    "prompt": "Who?", "chosen": "Verdi.", "rejected": "Puccini.",
}  # fmt: skip
EXAMPLES = Path(__file__).parents[1] / "examples"


class Outputs(Ground):
    """Files of records."""

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
        packings: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zstd]
        packing = rng.choice(packings)
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

    def other_files(self, rng: random.Random) -> None:
        """Conversations to train on."""
        path = self.folder / "conversations.jsonl"
        path.write_bytes(b"\n".join(altered(CONVERSATION, rng) for _ in range(2)))
        rng.choice([read_imitations, read_preferences])(path)


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
