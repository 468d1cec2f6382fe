"""Sources of the built-in tasks' data: the Hugging Face hub, the embedded data, or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from groundeval.errors import DataError, UsageError, no_such, option
from groundeval.records import Example
from groundeval.storage.regular import is_there
from groundeval.storage.spool import Spool
from groundeval.tasks.formats import hub
from groundeval.tasks.formats.examples import content_hash, read_examples
from groundeval.tasks.task import Dataset

EMBEDDED = "embedded"
"""The source name of the data that ships with groundeval."""

ALCE_DATA = "princeton-nlp/ALCE-data"
TRUST_DATA = ("declare-lab/Trust-Score", "declare-lab/Trust-Data")
"""The Trust-Score data has been published under both names."""


@dataclass(frozen=True, slots=True)
class PublicData:
    """A loader (see `Loader`) for one public data set that also has an embedded counterpart."""

    dataset: str
    """Its folder in the embedded data: `asqa`, `qampari`, `eli5`, `expertqa`."""
    fetch: Callable[[str], hub.Fetched]
    """Returns the local file of a split. Raises UserError if there is none."""

    def __call__(self, source: str | None = None, split: str = "test") -> Dataset:
        """Load the hub's data (`source` None), the embedded data (`embedded`) or a file (anything else).

        For a file, `split` is ignored. Raises UserError if the data is unavailable or faulty.
        """
        if split not in ("test", "train"):
            raise UsageError(f'split "{split}": must be "test" or "train"')
        if source == EMBEDDED:
            return embedded(self.dataset, split)
        if source is not None:
            return file_dataset(source)
        try:
            fetched = self.fetch(split)
        except hub.Unreachable as error:
            raise DataError(
                f"{self.dataset}: {error}\n"
                f"  Use a local copy ({option('data', 'FILE')}), or the embedded data "
                f"({option('data', EMBEDDED)})."
            ) from error
        return _dataset(read_examples(fetched.path, name=fetched.name), fetched.name)


def alce_file(member: str, dataset: str) -> PublicData:
    """A file of ALCE's evaluation data, for instance `asqa_eval_gtr_top100.json`."""
    return PublicData(dataset, _AlceFile(member))


def trust_file(dataset: str) -> PublicData:
    """A file of the Trust-Score evaluation data; the hub gives no training split for it."""
    return PublicData(dataset, _TrustFile(dataset))


def file_dataset(path: str) -> Dataset:
    """The examples of a local file in the ALCE or Trust-Score format. Raises UserError if it is missing or faulty."""
    if not is_there(Path(path)):
        raise no_such(path, given=option("data", path), others=[EMBEDDED])
    return _dataset(read_examples(path), Path(path).name)


def embedded(dataset: str, split: str = "test") -> Dataset:
    """The embedded examples of a data set. `split`: `test`, `train` or `demos`."""
    place = files("groundeval.tasks") / "data" / dataset / f"{split}.jsonl"
    with as_file(place) as path:
        examples = tuple(read_examples(path, name=f"embedded data {dataset}/{split}.jsonl"))
    return _dataset(examples, EMBEDDED)


def demonstrations(dataset: str) -> tuple[Example, ...]:
    """All embedded demonstrations of a data set, refusals among them."""
    return tuple(embedded(dataset, "demos").examples)


def answerable_demonstrations(dataset: str) -> tuple[Example, ...]:
    """The embedded demonstrations without refusals, for protocols that have none."""
    return tuple(example for example in demonstrations(dataset) if example.answerable)


@dataclass(frozen=True, slots=True)
class _AlceFile:
    member: str

    def __call__(self, split: str) -> hub.Fetched:
        if split == "train":
            raise UsageError(
                "ALCE publishes no training data.\n"
                f"  Give a file of your own ({option('data', 'FILE')}), or the embedded training "
                f"data ({option('data', EMBEDDED)})."
            )
        return hub.tar_member(ALCE_DATA, "ALCE-data.tar", self.member)


@dataclass(frozen=True, slots=True)
class _TrustFile:
    dataset: str

    def __call__(self, split: str) -> hub.Fetched:
        if split == "train":
            raise UsageError(
                f"{self.dataset}: training data is not fetched from the hub. Trust-Align ({TRUST_DATA[0]}, "
                "Trust-Align/sft/train.json) holds ready-made conversations of all data sets together; whether it also "
                "holds question, documents and gold answers as separate fields was not verified.\n"
                f"  Give a file with these fields ({option('data', 'FILE')}), map one with a "
                f"YAML task, or use the embedded "
                f"training data ({option('data', EMBEDDED)})."
            )
        return hub.plain_file(TRUST_DATA, f"Trust-Score/{self.dataset}_eval_top100_calibrated.json")


def _dataset(examples: Iterable[Example], source: str) -> Dataset:
    kept = Spool[Example]()

    def read() -> Iterator[Example]:
        for example in examples:
            kept.append(example)
            yield example

    # Hashed on the way, since reading the examples again would take longer.
    sha256 = content_hash(read())
    return Dataset(kept, source, sha256)
