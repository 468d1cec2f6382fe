"""Human-labelled claims for measuring verifiers: WiCE, ExpertQA, or any JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from groundeval.errors import DataError, UsageError, unknown
from groundeval.parsing.citations import remove_citations
from groundeval.records import Pair
from groundeval.storage.json_records import Record, read_records
from groundeval.tasks.formats.fields import missing, wrong

WICE_CHUNKS = "oracle_chunks"
WICE_FILES = ("oracle_chunks_claim_dev.jsonl", "oracle_chunks_claim_test.jsonl", "claim_dev.jsonl", "claim_test.jsonl")
WICE_LABELS = {"supported": True, "partially_supported": False, "not_supported": False}
EXPERTQA_FILES = ("rand_*.jsonl", "domain_*.jsonl")
EXPERTQA_LABELS = {"Complete": True, "Partial": False, "Incomplete": False, "Missing": False}

SUPPORTED = frozenset({"1", "true", "yes", "supported", "entailed", "entailment"})
NOT_SUPPORTED = frozenset(
    {"0", "false", "no", "not_supported", "unsupported", "partially_supported", "not_entailed", "not_entailment"}
    | {"neutral", "contradiction", "contradicted", "refuted"}
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One human judgement. With several pairs (chunks of the evidence), the claim gets the highest of their scores."""

    id: str
    pairs: tuple[Pair, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class LabelledClaims:
    """A data set for measuring verifiers."""

    name: str
    source: str
    claims: tuple[Claim, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Number of unused claims by reason."""
    published: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Published scores, one for each claim, by name of the model."""


def read_labelled(spec: str, *, limit: int | None = None, seed: int = 0) -> LabelledClaims:
    """The data given by `--data`: `wice=PATH`, `expertqa=PATH`, `FILE.jsonl` or `NAME=FILE.jsonl`.

    `limit`: size of a seeded sample, in the order of the data. Raises UsageError for an unknown spec or missing file,
    DataError for faulty content and for data in which all claims have the same label.
    """
    name, equals, path = spec.partition("=")
    if not equals or Path(spec).is_file():
        name, path = Path(spec).stem, spec
    if not path:
        raise UsageError(f"--data {spec}: allowed are wice=PATH, expertqa=PATH, FILE.jsonl and NAME=FILE.jsonl")
    if name not in READERS and Path(path).is_dir():
        raise unknown("data set with labels", name, READERS)
    data = READERS[name](Path(path).expanduser()) if name in READERS else replace(read_pairs(Path(path)), name=name)
    if limit is not None and limit < len(data.claims):
        data = _sample(data, limit, seed)
    if len({claim.supported for claim in data.claims}) < 2:
        counts = Counter(claim.supported for claim in data.claims)
        raise DataError(
            f"{data.source}: {counts[True]} claims are supported and {counts[False]} are not.\n"
            "  Both kinds are needed to measure a verifier" + (": raise --limit." if limit is not None else ".")
        )
    return data


def _sample(data: LabelledClaims, limit: int, seed: int) -> LabelledClaims:
    chosen = sorted(np.random.default_rng(seed).permutation(len(data.claims))[:limit].tolist())
    return replace(
        data,
        claims=tuple(data.claims[index] for index in chosen),
        published={name: tuple(scores[index] for index in chosen) for name, scores in data.published.items()},
    )


def read_wice(path: Path) -> LabelledClaims:
    """WiCE (Kamoi et al. 2023), claims of Wikipedia and the web pages that they cite: supported, or (partially) not.

    `path` is the folder or one of its files. The folder means `oracle_chunks_claim_dev.jsonl`: a few chunks of the
    page for each claim, which hold the sentences that people found relevant; the claim gets the highest score of its
    chunks, as in the paper. `claim_dev.jsonl` pairs each claim with its whole page (`wice_pages`). Scores that were
    published for the chunks (`scores_*.txt`, a line for each line of the data) are read too.
    """
    file = _first_file(path, WICE_FILES, "wice")
    claims: dict[str, Claim] = {}
    chunks: list[str] = []
    for record in read_records(file):
        meta = record.data.get("meta")
        identifier = meta.get("id") if isinstance(meta, dict) else None
        if type(identifier) is not str:
            wrong(record, "meta", meta, 'an object with the claim\'s "id"')
        label = _one_of(record, "label", record.data.get("label"), WICE_LABELS)
        pair = Pair(" ".join(_texts(record, "evidence")), _text(record, "claim"))
        claim = claims.get(identifier, Claim(identifier, (), label))
        if claim.supported != label:
            wrong(record, "label", record.data["label"], f"the label of the other chunks of claim {identifier}")
        claims[identifier] = replace(claim, pairs=(*claim.pairs, pair))
        chunks.append(identifier)
    found = tuple(claims.values())
    name = "wice" if file.stem.startswith(WICE_CHUNKS) else "wice_pages"
    return LabelledClaims(name, str(file), found, published=_published(file, chunks, list(claims)))


def _published(file: Path, chunks: Sequence[str], claims: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """For each published model the highest score of each claim's chunks."""
    if not file.stem.startswith(WICE_CHUNKS):
        return {}
    split = file.stem.removeprefix(WICE_CHUNKS)
    found: dict[str, tuple[float, ...]] = {}
    for scores_file in sorted(file.parent.glob(f"scores_*{split}.txt")):
        lines = scores_file.read_text("utf-8").splitlines()
        if len(lines) != len(chunks):
            raise DataError(f"{scores_file} has {len(lines)} lines; {file.name} has {len(chunks)}: they must be equal")
        best = dict.fromkeys(claims, -np.inf)
        for number, (claim, line) in enumerate(zip(chunks, lines, strict=True), start=1):
            try:
                best[claim] = max(best[claim], float(line))
            except ValueError:
                raise DataError(f"{scores_file}, line {number}: {line!r} is not a number") from None
        found[scores_file.stem.removeprefix("scores_").removesuffix(split)] = tuple(best.values())
    return found


def read_expertqa(path: Path) -> LabelledClaims:
    """ExpertQA (Malaviya et al. 2024), claims of language models with the passages that they cite, judged by experts.

    `path` is the folder or one of its files. Supported: Complete; not supported: Partial, Incomplete, Missing; N/A is
    left out, and so are claims whose evidence is only an address. The premise is all passages of the claim, without
    the heading `[n] address`; the hypothesis is the claim without citations. The files overlap: a claim counts once.
    """
    files = [path] if path.is_file() else [file for glob in EXPERTQA_FILES for file in sorted(path.glob(glob))]
    if not files:
        raise UsageError(f"--data expertqa={path}: no such file, and no folder with {' or '.join(EXPERTQA_FILES)}")
    claims: dict[tuple[str, Pair], Claim] = {}
    left_out: Counter[str] = Counter()
    for file in files:
        for record in read_records(file):
            question = _text(record, "question")
            for place, claim in _expert_claims(record):
                if claim["support"] is None or claim["support"] == "N/A":
                    left_out["support is N/A"] += 1
                    continue
                passages = [head_removed(each) for each in claim["evidence"]]
                hypothesis = remove_citations(claim["claim_string"]).strip()
                if not all(passages) or not passages:
                    left_out["no text of the evidence"] += 1
                elif not hypothesis:
                    left_out["no text beside citations"] += 1
                else:
                    supported = _one_of(record, f"{place}.support", claim["support"], EXPERTQA_LABELS)
                    pair = Pair("\n".join(passages), hypothesis)
                    identifier = f"{file.stem}-{record.number}-{place}"
                    if (question, pair) in claims:
                        left_out["seen before"] += 1
                    claims.setdefault((question, pair), Claim(identifier, (pair,), supported))
    return LabelledClaims("expertqa", str(path), tuple(claims.values()), dict(left_out))


def head_removed(evidence: str) -> str:
    """A passage of ExpertQA without the line `[n] address` above it; empty if there is only that line."""
    return evidence.partition("\n\n")[2].strip()


def _expert_claims(record: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each claim with its place in the record."""
    answers = record.data.get("answers")
    if type(answers) is not dict:
        wrong(record, "answers", answers, "an object of answers by system")
    for system, answer in answers.items():
        claims = answer.get("claims") if type(answer) is dict else None
        if type(claims) is not list:
            wrong(record, f"answers.{system}.claims", claims, "a list of claims")
        for index, claim in enumerate(claims):
            place = f"answers.{system}.claims[{index}]"
            if type(claim) is not dict or type(claim.get("claim_string")) is not str or "support" not in claim:
                wrong(record, place, claim, 'an object with "claim_string", "evidence" and "support"')
            evidence = claim.get("evidence")
            if type(evidence) is not list or not all(type(each) is str for each in evidence):
                wrong(record, f"{place}.evidence", evidence, "a list of strings")
            yield place, claim


def read_pairs(path: Path) -> LabelledClaims:
    """Any file of records with `premise`, `hypothesis`, `label` (1 or 0, true or false, or a word such as "supported"
    or "contradiction"), and optionally `id`."""
    claims = []
    for record in read_records(path):
        premise = record.data.get("premise")
        if "premise" not in record.data:
            missing(record, "premise", 'Every record needs "premise", "hypothesis" and "label".')
        if type(premise) is not str:
            wrong(record, "premise", premise, "a string")
        pair = Pair(premise, _text(record, "hypothesis"))
        claims.append(Claim(str(record.data.get("id", record.number)), (pair,), _label(record)))
    return LabelledClaims(path.stem, str(path), tuple(claims))


def _label(record: Record) -> bool:
    if "label" not in record.data:
        missing(record, "label", "It says whether the premise supports the hypothesis: 1 or 0.")
    value = record.data["label"]
    if type(value) in (bool, int, str):
        word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
        if word in SUPPORTED | NOT_SUPPORTED:
            return word in SUPPORTED
    return wrong(
        record,
        "label",
        value,
        f"1, 0, true, false, or one of {', '.join(sorted((SUPPORTED | NOT_SUPPORTED) - {'1', '0', 'true', 'false'}))}",
    )


def _first_file(path: Path, names: Sequence[str], what: str) -> Path:
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    raise UsageError(f"--data {what}={path}: no such file, and no folder with one of {', '.join(names)}")


def _one_of(record: Record, name: str, value: object, labels: Mapping[str, bool]) -> bool:
    if type(value) is not str or value not in labels:
        wrong(record, name, value, f"one of {', '.join(labels)}")
    return labels[value]


def _text(record: Record, name: str) -> str:
    value = record.data.get(name)
    if name not in record.data:
        missing(record, name, f"Its fields are: {', '.join(list(record.data)[:8]) or 'none'}.")
    if type(value) is not str or not value.strip():
        wrong(record, name, value, "a string that is not empty")
    return value


def _texts(record: Record, name: str) -> list[str]:
    value = record.data.get(name)
    if type(value) is not list or not value or not all(type(each) is str for each in value):
        wrong(record, name, value, "a list of strings that is not empty")
    return value


READERS: dict[str, Callable[[Path], LabelledClaims]] = {"wice": read_wice, "expertqa": read_expertqa}
