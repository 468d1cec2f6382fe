"""The files that `groundeval new` writes: a plugin with one part or with four, and its tests.

`NAME` is replaced by the name, `REWARD_NAME` by the name of its reward. docs/plugins.md shows the plugin with four
parts, and the generator.
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
# A reward: arithmetic on the values of metrics. Keyword-only arguments of NAME_reward are its parameters.
def NAME_parts(values: dict[str, float | None], line: object) -> dict[str, float | None]:
    return {"brief": max(0.0, 1 - (values["length"] or 0) / 60)}


@groundeval.register_reward("REWARD_NAME")
def NAME_reward(task: groundeval.Task) -> groundeval.Reward:
    """Short outputs: 1 for one without words, 0 for one of 60 words or more."""
    return groundeval.Reward(metrics=("answering",), formula=NAME_parts, profile="trust")
''',
    """
def test_the_reward_prefers_short_outputs() -> None:
    reward = groundeval.load_reward("REWARD_NAME", "trust_asqa", nli="lexical")
    example = groundeval.Example("1", "Who?", (groundeval.Document("", "Verdi."),), answers=(("Verdi",),))
    short, long = reward([groundeval.Response.build(example, "Verdi. " * times) for times in (1, 30)])
    assert (short.total or 0) > (long.total or 0)
""",
    {},
    "--reward REWARD_NAME",
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

GENERATOR = Part(
    '''
# A generator: gives each prompt its text. Load a model in `load`, not in `__init__`.
@groundeval.register_generator("NAME")
class NAME_generator:
    """Says the same to every question."""

    def __init__(self, options: groundeval.GeneratorOptions) -> None:
        self.model = options.model  # --model; options.model_args: --model-args

    def load(self) -> None:
        """Load the model, or connect to its server."""

    def render(self, prompt: groundeval.Prompt) -> groundeval.Rendered:
        """The prompt in the form given to the model; `tokens`: its length, if that is known."""
        return groundeval.Rendered(prompt.user, tokens=None)

    def generate(
        self, prompts: Sequence[groundeval.Prompt], params: groundeval.SamplingParams
    ) -> Iterator[groundeval.Completion]:
        """One completion for each prompt, in any order; one without a text has an `error`."""
        for prompt in prompts:
            yield groundeval.Completion(prompt.id, "The answer is there [1].", finish_reason="stop")

    def identity(self) -> dict[str, object]:
        """All settings that determine the texts: with others, a run gets a folder of its own."""
        return {"backend": "NAME", "model": self.model}

    def close(self) -> None:
        """Free the model's memory."""
''',
    """
def test_the_generator_answers_every_question(tmp_path: Path) -> None:
    [run] = groundeval.evaluate(
        "any", tasks="trust_asqa", data="embedded", limit=3, backend="NAME", nli="lexical", output_path=tmp_path
    )
    assert run.scores[0].results.statuses == {"ok": 3}
""",
    {"collections.abc": "Iterator, Sequence"},
    "--backend NAME --tasks trust_asqa --data embedded --nli lexical",
)

PARTS = {"task": TASK, "metric": METRIC, "reward": REWARD, "verifier": VERIFIER, "generator": GENERATOR}
TOGETHER = ("task", "metric", "reward", "verifier")
"""The parts of `groundeval new plugin`. A generator has a file of its own: with every change in its file, the code that
made the texts is another, and they are generated again."""


def reward_name(name: str, kinds: Sequence[str]) -> str:
    """The name of the plugin's reward: beside a task, one that `groundeval validate` can tell from the task's."""
    return f"{name}_brief" if "task" in kinds else name


def flags_for(name: str, kinds: Sequence[str]) -> str:
    """The flags with which a run uses a plugin with these parts."""
    return _named(" ".join(PARTS[kind].flag for kind in kinds), name, kinds)


def plugin(name: str, kinds: Sequence[str]) -> str:
    """The text of a plugin with these parts."""
    parts = [PARTS[kind] for kind in kinds]
    flags = flags_for(name, kinds)
    head = f'"""groundeval run --model MODEL --include-path NAME.py {flags}"""\n\n'
    return _named(head + _imports(part.imports for part in parts) + _joined(part.code for part in parts), name, kinds)


def plugin_test(name: str, kinds: Sequence[str]) -> str:
    """The text of its tests."""
    head = '"""Tests of NAME.py: python -m pytest test_NAME.py"""\n\nfrom pathlib import Path\n\nimport groundeval\n\n'
    loading = 'groundeval.load_plugin(Path(__file__).with_name("NAME.py"))\n'
    return _named(head + loading + _joined(PARTS[kind].test for kind in kinds), name, kinds)


def _joined(texts: Iterable[str]) -> str:
    return "".join(f"\n{text}" for text in texts)


def _named(text: str, name: str, kinds: Sequence[str]) -> str:
    return text.replace("REWARD_NAME", reward_name(name, kinds)).replace("NAME", name)


def _imports(wanted: Iterable[Mapping[str, str]]) -> str:
    """The import statements: those of the standard library, and those of groundeval."""
    froms = sorted({f"from {module} import {names}" for each in wanted for module, names in each.items()})
    ours = ["import groundeval", *(line for line in froms if line.startswith("from groundeval"))]
    others = [line for line in froms if line not in ours]
    return "\n\n".join("\n".join(group) for group in (others, ours) if group) + "\n"
