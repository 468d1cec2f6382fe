"""Brings the shards of a run together: checks that they are all there and belong together, and copies them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from groundeval.errors import EXIT_RESUMABLE, DataError, UsageError
from groundeval.storage.folder import Folder, Lines, read_json, write_whole
from groundeval.storage.generations import generations_in
from groundeval.storage.manifest import run_identity, sessions_of
from groundeval.storage.regular import is_regular, open_regular

MANIFEST = "manifest.json"
BLOCK = 1 << 20
"""Bytes that are read at once."""
MOST_NAMED = 20
"""Missing shards that a message names."""
_PART = re.compile(r"prompts(?:\.(\d+)-of-(\d+))?\.jsonl")


class Incomplete(DataError):
    """Shards, or samples of a shard, are missing: the same command works once they are generated."""

    exit_code = EXIT_RESUMABLE


@dataclass(frozen=True, slots=True)
class Merged:
    """A run whose shards are together."""

    folder: Path
    shards: int
    samples: int


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of one process, `generations.I-of-N.jsonl` and `prompts.I-of-N.jsonl` of one folder; or a whole run."""

    folder: Path
    number: int
    count: int

    @property
    def suffix(self) -> str:
        return f".{self.number}-of-{self.count}" if self.count else ""

    @property
    def generations(self) -> Path:
        return self.folder / f"generations{self.suffix}.jsonl"

    @property
    def prompts(self) -> Path:
        return self.folder / f"prompts{self.suffix}.jsonl"

    def __str__(self) -> str:
        return f"shard {self.number}/{self.count} in {self.folder}" if self.count else f"the run in {self.folder}"


def merge_shards(folders: Sequence[Path], output_path: Path) -> list[Merged]:
    """Copy the shards of runs into one folder for each run, below `output_path`, as `run --shard` on one disk does.

    `folders` are run folders, or folders that hold them (`MODEL/TASK/ID` below an output path). Everything is checked
    before anything is written: the shards of a run have one manifest's identity and one N, all N are there, each has
    the text of every sample that it was to generate, and no sample is in two. Shards that lie in `output_path` already
    stay where they are.

    Raises UsageError for a folder without runs, Incomplete where shards or texts are missing, and DataError for shards
    that do not belong together.
    """
    runs: dict[Path, list[Path]] = defaultdict(list)
    for folder in folders:
        for found in _run_folders(folder):
            runs[output_path.joinpath(*found.resolve().parts[-3:])].append(found)
    checked = [(target, sources, *_checked(sources)) for target, sources in runs.items()]
    for target, sources, parts, _ in checked:
        _write(target, sources, parts)
    return [Merged(target, len(parts), samples) for target, _, parts, samples in checked]


def _run_folders(folder: Path) -> list[Path]:
    if is_regular(folder / MANIFEST):
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/*/*/{MANIFEST}") if is_regular(path, folder))
    if not found:
        raise UsageError(f"{folder}: neither a run folder nor a folder of runs (MODEL/TASK/ID/{MANIFEST})")
    return found


def _checked(sources: Sequence[Path]) -> tuple[list[_Part], int]:
    """The parts of one run and the number of their samples."""
    _check_identity(sources)
    parts = _parts(sources)
    seen: dict[str, _Part] = {}
    for part in parts:
        asked = _asked(part)
        texts = {record["id"] for record in generations_in(part.generations) if record["status"] != "error"}
        if missing := asked - texts:
            raise Incomplete(
                f"{part}: {len(missing)} of {len(asked)} samples have no text yet (one of them: {min(missing)}).\n"
                "  The command that generated this shard resumes it."
            )
        for each in asked:
            if (other := seen.setdefault(each, part)) is not part:
                raise DataError(f'sample "{each}" is both in {other} and in {part}: keep one of them')
    return parts, len(seen)


def _check_identity(sources: Sequence[Path]) -> None:
    identities = {folder: _determining(folder) for folder in sources}
    first, *others = sources
    for other in others:
        for name in identities[first].keys() | identities[other].keys():
            here, there = identities[first].get(name), identities[other].get(name)
            if here != there:
                raise DataError(f"{first} and {other} are not shards of one run: {name} is {here} and {there}")


def _determining(folder: Path) -> dict[str, Any]:
    """The identity in a run's manifest, which determines its texts, without paths, which differ between machines."""
    identity = run_identity(read_json(folder / MANIFEST), folder).model_dump(mode="json")
    del identity["task_reference"], identity["data"]["requested"], identity["data"]["source"]
    return identity


def _parts(sources: Sequence[Path]) -> list[_Part]:
    """The parts in all folders, each once, in their order. Raises Incomplete unless all N of N are there."""
    found: dict[tuple[int, int], _Part] = {}
    for folder in sources:
        for path in sorted(folder.glob("prompts*.jsonl")):
            if not (name := _PART.fullmatch(path.name)):
                continue
            part = _Part(folder, int(name[1] or 0), int(name[2] or 0))
            first = found.setdefault((part.count, part.number), part)
            if first is not part and not _same(first.generations, part.generations):
                raise DataError(f"{first} and {part} differ: keep the folder of one of them")
    counts = sorted({count for count, _ in found if count})
    if len(counts) > 1:
        raise DataError(f"{sources[0]}: shards of {' and of '.join(map(str, counts))} do not make one run")
    for part in found.values():
        if part.count and not 1 <= part.number <= part.count:
            raise DataError(f"{part.prompts}: there is no shard {part.number} of {part.count}")
    if counts and (lacking := counts[0] - sum(1 for count, _ in found if count)):
        # A name may claim any number of shards: only as many are looked for as the message names.
        absent = (number for number in range(1, counts[0] + 1) if (counts[0], number) not in found)
        named = ", ".join(f"{number}/{counts[0]}" for number in islice(absent, MOST_NAMED))
        more = f" and {lacking - MOST_NAMED:,} more" if lacking > MOST_NAMED else ""
        raise Incomplete(f"{sources[0]}: missing shards: {named}{more}")
    if not found:
        raise Incomplete(f"{sources[0]}: no texts yet")
    return [found[each] for each in sorted(found)]


def _asked(part: _Part) -> set[str]:
    """The ids of the samples that a part was to generate."""
    try:
        return {str(record["id"]) for record in Lines(part.prompts).read()}
    except KeyError:
        raise DataError(f"{part.prompts}: a line without an id") from None


def _same(first: Path, second: Path) -> bool:
    if not (first.exists() and second.exists()):
        return first.exists() == second.exists()
    with open_regular(first) as one, open_regular(second) as other:
        while (block := one.read(BLOCK)) == other.read(BLOCK):
            if not block:
                return True
    return False


def _write(target: Path, sources: Sequence[Path], parts: Iterable[_Part]) -> None:
    with Folder(target).open() as folder:
        for path in (path for part in parts for path in (part.prompts, part.generations)):
            # A shard without samples has no generations.
            if path.parent.resolve() != target.resolve() and path.exists():
                with open_regular(path) as file:
                    write_whole(target / path.name, iter(partial(file.read, BLOCK), b""))
        folder.write_json(MANIFEST, _manifest([read_json(source / MANIFEST) or {} for source in sources]))


def _manifest(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first manifest, with the sessions of all and the sums of their counts."""
    sessions = {str(each): each for manifest in manifests for each in sessions_of(manifest)}

    def over_all(name: str) -> Iterator[int]:
        return (manifest[name] for manifest in manifests if isinstance(manifest.get(name), int))

    return {
        **manifests[0],
        "documents_dropped": sum(over_all("documents_dropped")),
        "longest_prompt_tokens": max(over_all("longest_prompt_tokens"), default=None),
        "sessions": list(sessions.values()),
    }
