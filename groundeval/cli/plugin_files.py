"""The files that `groundeval new` writes: a plugin with one part or with all four, and its tests.

`NAME` is replaced by the name. docs/plugins.md shows the plugin with all parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of part that a plugin can add."""

    code: str
    test: str
    imports: Mapping[str, str]
    """By module, the names that the code imports, comma-separated."""
    flag: str
    """The flags with which a run uses it."""


TASK = Part(
    '''
# A task: data, a prompt, a protocol. Kinds: em (answers are strings), list (items of a list), claims (statements).
def NAME_data(source: str | None = None, split: str = "test") -> Dataset:
    """A file in groundeval's format (--data FILE), or a question to evaluate and another, unanswerable, to train on."""
    if source is not None:
        return file_dataset(source)
    docs = (groundeval.Document("Oslo", "Oslo is the capital of Norway."),)
    known = groundeval.Example("1", "What is the capital of Norway?", docs, answers=(("Oslo",),))
    unknown = groundeval.Example("2", "Who founded Oslo?", docs, answers=())
    examples = {"test": (known,), "train": (unknown,)}[split]
    return Dataset(examples, "NAME", content_hash(examples))


@groundeval.register_task("NAME")
def NAME_task() -> Task:
    return Task("NAME", "em", NAME_data, TRUST_ANSWER, "trust", ("trust_score",), description="what this task asks")
''',
    """
def test_the_task_has_data_that_its_protocol_can_score() -> None:
    checks = groundeval.validate("task:NAME")
    assert checks.passed, checks
""",
    {
        "groundeval.tasks.formats.examples": "content_hash",
        "groundeval.tasks.formats.sources": "file_dataset",
        "groundeval.tasks.prompts": "TRUST_ANSWER",
        "groundeval.tasks.task": "Dataset, Task",
    },
    "--tasks NAME",
)

METRIC = Part(
    '''
# A metric: a function of one response. One that uses the verifier is async, awaits ctx.entails(...), and has nli=True.
@groundeval.register_metric("NAME", keys=("NAME",))
def NAME_metric(response: groundeval.Response, ctx: groundeval.Context) -> dict[str, float | None]:
    """Share of statements that end in an exclamation mark, in [0, 1]; None without statements."""
    ends = [statement.hypothesis.endswith("!") for statement in ctx.read(response).statements]
    return {"NAME": sum(ends) / len(ends) if ends else None}
''',
    """
def test_the_metric_is_the_share_of_exclamations() -> None:
    records = [{"question": "Who?", "output": "It is Verdi! He wrote Aida.", "docs": [{"text": "Verdi."}]}]
    [scored] = groundeval.score(records, metrics="NAME", nli="lexical")
    assert scored.results.metrics["NAME"].value == 50.0
""",
    {},
    "--metrics default,NAME",
)

REWARD = Part(
    '''
# A reward: arithmetic on the values of metrics. Keyword-only arguments of NAME_reward would be its parameters.
def NAME_parts(values: dict[str, float | None], line: object) -> dict[str, float | None]:
    return {"brief": max(0.0, 1 - (values["length"] or 0) / 60)}


@groundeval.register_reward("NAME")
def NAME_reward(task: groundeval.Task) -> groundeval.Reward:
    """Short outputs: 1 for one without words, 0 for one of 60 words or more."""
    return groundeval.Reward(metrics=("answering",), formula=NAME_parts, profile="trust")
''',
    """
def test_the_reward_prefers_short_outputs() -> None:
    reward = groundeval.load_reward("NAME", "trust_asqa", nli="lexical")
    example = groundeval.Example("1", "Who?", (groundeval.Document("", "Verdi."),), answers=(("Verdi",),))
    short, long = reward([groundeval.Response.build(example, "Verdi. " * times) for times in (1, 30)])
    assert (short.total or 0) > (long.total or 0)
""",
    {},
    "--reward NAME",
)

VERIFIER = Part(
    '''
# A verifier: judges whether a premise entails a hypothesis. Load a model in a method `load`, not in `__init__`.
@groundeval.register_nli("NAME")
class NAME_verifier:
    """Entailed where the premise holds every word of the hypothesis."""

    name, revision = "NAME", "1"

    def __init__(self, options: object) -> None: ...

    def score(self, pairs: Sequence[groundeval.Pair]) -> list[groundeval.Verdict]:
        words = [[{w.strip(".,!?") for w in text.lower().split()} for text in (p.premise, p.hypothesis)] for p in pairs]
        return [groundeval.Verdict(said <= known, score=float(said <= known)) for known, said in words]
''',
    """
def test_the_verifier_tells_what_is_supported_from_what_is_not() -> None:
    premise = "Verdi wrote Aida."
    with groundeval.connect("NAME") as nli:
        verdicts = nli.judge([groundeval.Pair(premise, "Verdi wrote Aida!"), groundeval.Pair(premise, "Bizet wrote")])
    assert [verdict.entailed for verdict in verdicts] == [True, False]
""",
    {"collections.abc": "Sequence"},
    "--nli NAME",
)

PARTS = {"task": TASK, "metric": METRIC, "reward": REWARD, "verifier": VERIFIER}


def plugin(name: str, kinds: Sequence[str]) -> str:
    """The text of a plugin with these parts."""
    parts = [PARTS[kind] for kind in kinds]
    flags = " ".join(part.flag for part in parts)
    head = f'"""groundeval run --model MODEL --include-path NAME.py {flags}"""\n\n'
    return _named(head + _imports(part.imports for part in parts) + _joined(part.code for part in parts), name)


def plugin_test(name: str, kinds: Sequence[str]) -> str:
    """The text of its tests."""
    head = '"""Tests of the plugin NAME: pytest test_NAME.py"""\n\nfrom pathlib import Path\n\nimport groundeval\n\n'
    loading = 'groundeval.load_plugin(Path(__file__).with_name("NAME.py"))\n'
    return _named(head + loading + _joined(PARTS[kind].test for kind in kinds), name)


def _joined(texts: Iterable[str]) -> str:
    return "".join(f"\n{text}" for text in texts)


def _named(text: str, name: str) -> str:
    return text.replace("NAME", name)


def _imports(wanted: Iterable[Mapping[str, str]]) -> str:
    """The import statements: those of the standard library, and those of groundeval."""
    froms = sorted({f"from {module} import {names}" for each in wanted for module, names in each.items()})
    ours = ["import groundeval", *(line for line in froms if line.startswith("from groundeval"))]
    others = [line for line in froms if line not in ours]
    return "\n\n".join("\n".join(group) for group in (others, ours) if group) + "\n"
