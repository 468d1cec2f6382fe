"""What a change of profile `strict` does to real outputs: each is scored by this checkout and by an earlier one.

    git worktree add ../earlier COMMIT
    python tools/compare_readings.py --against ../earlier --data ../shared/data --output-path readings/

Three sets: answers of two models to QASA (ALCE's format, citations before their sentences), of systems in ExpertQA, and
ALCE's published ASQA outputs, which have no citations or documents, but human ratings of their utility. Printed are the
changed samples of each set, and the rank correlation of several measures with these ratings. `readings_*.jsonl` hold
both readings of each output, `drawn_*.md` some changed ones, drawn with the seed. `--nli small` takes the verifier of
examples/learning.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundeval.metrics.reading import AnswerKind

ROOT = Path(__file__).resolve().parents[1]
TASK_OF: dict[AnswerKind, str] = {"em": "trust_asqa", "claims": "trust_eli5"}
Sample = dict[str, Any]
"""`set`, `id`, `kind`, `question`, `docs` (title and text), `answers`, `output`, and a `utility` or None."""


def samples(data: Path) -> Iterator[Sample]:
    """The outputs, with their documents and gold answers."""
    for file in sorted((data / "qasa_alce_outputs").glob("qasa-*.json")):
        model = file.name.split("-")[1]
        for number, record in enumerate(json.loads(file.read_text("utf-8"))["data"]):
            docs = [(doc["title"], doc["text"]) for doc in record["docs"]]
            yield _sample("qasa", f"{model}/{number}", "claims", record, docs, [[record["answer"]]], record["output"])
    for number, line in enumerate((data / "expertqa" / "rand_test.jsonl").read_text("utf-8").splitlines()):
        record = json.loads(line)
        for system, answer in record["answers"].items():
            claims = [[re.sub(r" ?\[\d+\]", "", claim["claim_string"])] for claim in answer["claims"]]
            yield _sample(
                "expertqa", f"{system}/{number}", "claims", record, _evidence(answer), claims, answer["answer_string"]
            )
    gold = {}
    for line in (data / "rageval_asqa" / "gpt-3.5-turbo-instruct_result_dataset.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        gold[str(record["sample_id"])] = [pair["short_answers"] for pair in record["qa_pairs"]]
    rated = json.loads((data / "alce_human_eval" / "human_eval_utility_completed.json").read_text("utf-8"))
    for run, outputs in rated["asqa"].items():
        for key, record in outputs.items():
            if key not in gold:
                continue  # the results of the whole run
            yield _sample(
                "asqa", f"{run}/{key}", "em", record, [], gold[key], record["output"], record["utility_score"]
            )


def _sample(
    name: str, key: str, kind: str, record: Mapping[str, Any], docs: Sequence[tuple[str, str]],
    answers: Sequence[Sequence[str]], output: str, utility: float | None = None,
) -> Sample:  # fmt: skip
    return {
        "set": name, "id": key, "kind": kind, "question": record["question"], "docs": docs or [("", "-")],
        "answers": [list(aliases) for aliases in answers if aliases], "output": output, "utility": utility,
    }  # fmt: skip


def _evidence(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The passages by the number of their citation; a number without a passage keeps its place."""
    found: dict[int, str] = {}
    for claim in answer["claims"]:
        for each in claim["evidence"] or ():
            if numbered := re.match(r"\[(\d+)\]\s*", each):
                found[int(numbered[1])] = each[numbered.end() :]
    return [("", found.get(number, "-")) for number in range(1, min(max(found, default=0), 100) + 1)]


def score(given: Sequence[Sample], verifier: str) -> list[dict[str, Any]]:
    """The readings and rewards of outputs by the groundeval that is imported. All gold answers count as supported."""
    from groundeval import connect, load_reward
    from groundeval.metrics.gold import with_gold_for_alce
    from groundeval.records import Document, Example, Response
    from groundeval.rewards.recipes.strict_grounded import grounded_parts
    from groundeval.rewards.reward import Reward

    if verifier == "small":
        sys.path.insert(0, str(ROOT / "examples" / "learning"))
        __import__("small_nli")
    nli = connect(verifier)
    found: list[dict[str, Any]] = [{} for _ in given]
    for kind, task in TASK_OF.items():
        places = [place for place, sample in enumerate(given) if sample["kind"] == kind]
        responses = []
        for sample in (given[place] for place in places):
            held = tuple(1 for _ in sample["answers"])
            docs = tuple(Document(title, text, answers_found=held) for title, text in sample["docs"])
            answers = tuple(tuple(aliases) for aliases in sample["answers"])
            example = Example(id=sample["id"], question=sample["question"], docs=docs, answers=answers)
            responses.append(Response.build(with_gold_for_alce(example, kind), sample["output"]))
        metrics = ("answering", "strict_outcome", "strict_grounded", "plain_refusal", f"strict_{kind}")
        strict = Reward(metrics, grounded_parts, "strict", name="strict_with_correctness", task=task, kind=kind)
        for reward in (strict, *(load_reward(name, task, nli="lexical") for name in PUBLISHED)):
            for place, rewarded in zip(places, asyncio.run(reward.score(responses, nli)), strict=True):
                if reward is not strict:
                    found[place][reward.name] = rewarded.components.get("correctness")
                    continue
                kinds = ("refused", "mixed", "void")
                found[place] = {
                    "total": rewarded.total,
                    "correctness": rewarded.values.get("correctness"),
                    "outcome": next((each for each in kinds if rewarded.values.get(each)), "answered"),
                    "statements": [[each["text"], each["citations"]] for each in rewarded.line.get("statements") or ()],
                }
    return found


def readings(checkout: Path, given: Path, verifier: str) -> list[dict[str, Any]]:
    """`score` in a process of its own, with the groundeval of a checkout."""
    code = (
        "import sys, runpy; sys.path.insert(0, sys.argv[1]); "
        "sys.argv = [sys.argv[2], '--score', sys.argv[3], '--nli', sys.argv[4]]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(checkout.resolve()), __file__, str(given), verifier]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=checkout)
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an output is told otherwise to answer or refuse, is cited otherwise, or has another reward."""
    if before["outcome"] != after["outcome"]:
        return True
    cited = [[cited for _, cited in reading["statements"] if cited] for reading in (before, after)]
    return cited[0] != cited[1] or abs((before["total"] or 0) - (after["total"] or 0)) > LEAST


PUBLISHED = ("trust", "alce")
LEAST = 0.01
"""Least difference of a reward that counts."""
SHOWN = 1_200
"""Characters of an output in `drawn.md`."""


def drawn_page(given: Sequence[Sample], before: Sequence[Any], after: Sequence[Any], places: Sequence[int]) -> str:
    """The drawn samples, each with both readings."""
    parts = []
    for number, place in enumerate(places, 1):
        sample = given[place]
        output = sample["output"]
        parts.append(f"## {number}. {sample['set']} {sample['id']}\n\n{sample['question']}\n\n> {output[:SHOWN]!r}\n")
        for name, reading in (("before", before[place]), ("after", after[place])):
            said = "".join(
                f"\n  - {text[:160]!r} {[index + 1 for index in cited]}" for text, cited in reading["statements"]
            )
            parts.append(f"- {name}: {reading['outcome']}, reward {reading['total']}{said}")
    return "\n".join(parts) + "\n"


def agreement(given: Sequence[Sample], columns: Mapping[str, Sequence[float]], seed: int) -> str:
    """Rank correlation of each column with the utility of the rated outputs, with intervals over questions."""
    from groundeval.rewards.benchmark.human import Rated, correlation

    places = [place for place, sample in enumerate(given) if sample["utility"] is not None]
    lines = [
        "| measure | rho | 95% interval | tau-b | 95% interval | outputs | questions |",
        "|---|---|---|---|---|---|---|",
    ]
    rated = [
        Rated(
            given[place]["question"], {name: values[place] for name, values in columns.items()}, given[place]["utility"]
        )
        for place in places
    ]
    for name in columns:
        found = correlation("asqa", name, rated, seed)
        bounds = [f"{low:.3f} to {high:.3f}" for low, high in (found.rho_ci95, found.tau_ci95)]
        row = (name, f"{found.rho:.3f}", bounds[0], f"{found.tau:.3f}", bounds[1], found.outputs, found.questions)
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def main() -> None:
    """Score the outputs in this checkout and in the others, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--against", type=Path, nargs="+", default=[], help="earlier checkouts; changes are from the first"
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", default=["qasa", "expertqa", "asqa"])
    parser.add_argument("--nli", default="lexical", help="a verifier, or `small`")
    parser.add_argument("--drawn", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output-path", type=Path, default=Path("readings"))
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.score is not None:
        given = [json.loads(line) for line in chosen.score.read_text("utf-8").splitlines()]
        for reading in score(given, chosen.nli):
            print(json.dumps(reading))
        return
    chosen.output_path.mkdir(parents=True, exist_ok=True)
    given = [sample for sample in samples(chosen.data) if sample["set"] in chosen.sets]
    file = chosen.output_path / "outputs.jsonl"
    file.write_text("".join(json.dumps(sample) + "\n" for sample in given), "utf-8")
    after = readings(ROOT, file.resolve(), chosen.nli)
    columns = {"strict, now": [each["correctness"] for each in after]}
    columns |= {name: [each[name] for each in after] for name in PUBLISHED}
    for checkout in chosen.against:
        before = readings(checkout, file.resolve(), chosen.nli)
        columns[f"strict, {checkout.name}"] = [each["correctness"] for each in before]
        _report(checkout, given, before, after, chosen)
    if "asqa" in chosen.sets:
        print(agreement(given, columns, chosen.seed))


def _report(
    checkout: Path, given: Sequence[Sample], before: Sequence[Any], after: Sequence[Any], chosen: argparse.Namespace
) -> None:
    changed = [place for place in range(len(given)) if is_changed(before[place], after[place])]
    for name in chosen.sets:
        of_set = [place for place, sample in enumerate(given) if sample["set"] == name]
        mine = [place for place in of_set if place in set(changed)]
        told = sum(before[place]["outcome"] != after[place]["outcome"] for place in mine)
        means = [sum(reading[place]["total"] or 0 for place in of_set) / len(of_set) for reading in (before, after)]
        print(f"{checkout.name}, {name}: {len(mine)} of {len(of_set)} changed, {told} of them in whether they answer;")
        print(f"  mean reward {means[0]:.3f} to {means[1]:.3f}")
    drawn = sorted(Random(chosen.seed).sample(changed, min(chosen.drawn, len(changed))))
    (chosen.output_path / f"drawn_{checkout.name}.md").write_text(drawn_page(given, before, after, drawn), "utf-8")
    with (chosen.output_path / f"readings_{checkout.name}.jsonl").open("w", encoding="utf-8") as out:
        for sample, first, second in zip(given, before, after, strict=True):
            out.write(json.dumps({"set": sample["set"], "id": sample["id"], "before": first, "after": second}) + "\n")


if __name__ == "__main__":
    main()
