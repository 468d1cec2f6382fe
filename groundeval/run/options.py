"""The options of runs and scorings, each declared once.

The fields of `RunOptions` are the parameters of `groundeval.evaluate` and the flags of `groundeval run`, those of
`ScoreOptions` the parameters of `groundeval.score` and the flags of `groundeval score`: name, type, default and help
text follow from the declarations here and in `groundeval.models.options`.
"""

# The annotations are read at run time (`groundeval.cli.options`): no `from __future__ import annotations` here.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from groundeval.console.flags import MODEL, PROMPT, RUN, SCORES, WHAT, Flag
from groundeval.errors import UsageError, option
from groundeval.generation.interface import SamplingParams
from groundeval.generation.prompts import DocsField
from groundeval.mappings import check_mapping
from groundeval.models.options import GeneratorOptions, Ray, RayAddress
from groundeval.parsing.reasoning import ReasoningTags

if TYPE_CHECKING:
    from groundeval.tasks import Task
    from groundeval.tasks.formats.predictions import Predictions

Phase = Literal["generate", "score", "all"]
PostHoc = Literal["none", "tfidf", "encoder"]
"""How citations are attached: not at all, or by the cosine of TF-IDF vectors or of a sentence encoder's vectors."""
_FIELD = (
    "one string, the name or path of a field; several columns that differ by the number at their end are named by what "
    "is before it (context for context_1, context_2)"
)
EVERY_TASK = "*"
"""Stands for all tasks in `RunOptions.sources`."""


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """The options that determine the numbers, given the texts."""

    profiles: Annotated[
        Sequence[str], Flag("alce, trust, strict, or several. Default: the task's.", SCORES, name="profile")
    ] = ()
    """Scoring protocols; none: the task's own."""
    metrics: Annotated[Sequence[str], Flag("Metrics or keys; `default` stands for the defaults.", SCORES)] = ()
    """Names of metrics or keys, `default` among them for the defaults; none: the defaults."""
    rewards: Annotated[
        Sequence[str],
        Flag("Rewards (`groundeval list rewards`) of each sample, beside the metrics.", SCORES, name="reward"),
    ] = ()
    """Rewards whose per-sample totals are reported as metrics, `reward:NAME`."""
    nli: Annotated[
        str,
        Flag(
            "A name of `groundeval list nli`, NAME:MODEL, a folder, a hub name, http://host:port (or several, "
            "with commas), causal:MODEL@URL; ray:NAME in the actors of a Ray cluster.",
            SCORES,
        ),
    ] = "true"
    nli_options: Annotated[
        Mapping[str, Any],
        Flag("Options of the NLI model (exact=generate: one pair at a time, the original way).", SCORES, "nli-args"),
    ] = field(default_factory=dict)
    no_cache: Annotated[bool, Flag("Do not use the cache of NLI verdicts on disk.", SCORES)] = False
    trust_remote_code: Annotated[bool, Flag("Run Python code that comes with the NLI model.", SCORES)] = False
    ray_address: RayAddress = None
    ray: Ray = field(default_factory=dict)
    metric_models: Annotated[
        Mapping[str, str], Flag("Other models behind metrics: qa=FOLDER,mauve=FOLDER.", SCORES)
    ] = field(default_factory=dict)
    """Other models for metrics than the default ones: `qa`, `mauve`."""
    post_hoc: Annotated[
        PostHoc, Flag("Attach citations to uncited statements before scoring: by tfidf or by an encoder.", SCORES)
    ] = "none"
    """Attach citations to uncited statements before scoring (ALCE's post-hoc citation)."""
    post_hoc_encoder: Annotated[
        str | None, Flag("With --post-hoc encoder: a sentence encoder's folder or hub name.", SCORES)
    ] = None
    """Folder or hub name of the sentence encoder behind `encoder`."""
    cite_docs: Annotated[
        int, Flag("With --post-hoc, in a run: documents to choose from, where the model saw fewer.", SCORES)
    ] = 5
    """With post-hoc citation of a run's texts: documents to choose from, where the model saw fewer."""
    reasoning_tags: Annotated[
        ReasoningTags | None,
        Flag(
            "'<reason>,</reason>', harmony or none (the whole text). Default: the run's, else what the text shows.",
            SCORES,
            metavar="OPEN,CLOSE",
        ),
    ] = None
    """For existing texts: the tags around reasoning, where they are not those of the run."""
    cot: Annotated[bool, Flag("List tasks: only what follows the first colon counts.", SCORES)] = False
    quiet: Annotated[bool, Flag("No progress and no notes on stderr.", RUN, default=False)] = True

    def __post_init__(self) -> None:
        for name in ("profiles", "metrics", "rewards"):
            object.__setattr__(self, name, names(getattr(self, name)))
        check_mapping("nli_options", self.nli_options)
        check_mapping("metric_models", self.metric_models, "one string: a folder, or the name of a model")
        check_mapping("ray", self.ray)
        _allowed("post_hoc", self.post_hoc, PostHoc)
        if (self.post_hoc == "encoder") != (self.post_hoc_encoder is not None):
            raise UsageError(
                f"{option('post_hoc', 'encoder')} and {option('post_hoc_encoder', 'MODEL')} go together, for instance\n"
                f"  {option('post_hoc_encoder', 'sentence-transformers/all-MiniLM-L6-v2')}"
            )
        _at_least("cite_docs", self.cite_docs, 1)

    @property
    def verifier_options(self) -> dict[str, Any]:
        """The options of the NLI model, as `connect` takes them; fields of their own take precedence."""
        fixed = {"cache": False} if self.no_cache else {}
        trusted = {"trust_remote_code": True} if self.trust_remote_code else {}
        cluster = {"ray": {"address": self.ray_address, **self.ray}} if self.nli.startswith("ray:") else {}
        return {**cluster, **self.nli_options, **fixed, **trusted}


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(ScoringOptions):
    """The options of `groundeval score` and `groundeval.score`: existing texts, and how they are scored."""

    predictions: "Predictions" = field(kw_only=False)
    """A file of outputs or a run folder; or records, a table, or responses (`groundeval.tasks.formats.predictions`)."""
    task: "str | Task | None" = field(default=None, kw_only=False)
    """How the outputs are judged; none: as outputs of your own. A run folder needs it only where its task is not
    registered here."""
    data: Annotated[
        str | Mapping[str, str] | None,
        Flag("For a run folder: its data, where the run was given a file.", WHAT, metavar="[TASK=]FILE"),
    ] = None
    """For a run folder: the file that the run was generated from, not read just because the manifest names it."""
    map: Annotated[
        Mapping[str, str],
        Flag(
            "Where the parts of a record are: question=query docs=contexts output=response answers=ground_truth.",
            WHAT,
            metavar="PART=FIELD",
        ),
    ] = field(default_factory=dict)
    """Fields of the outputs by part (`id`, `question`, `output`, `docs`, `answers`, `claims`, `answer`); they win over
    what is recognised. A field is a path: `passages[].text`."""
    num_docs: Annotated[int | None, Flag("Number of documents that count, from the first. Default: all.", WHAT)] = None
    limit: Annotated[int | None, Flag("Number of samples, from the first.", WHAT)] = None
    output_path: Annotated[
        str | Path | None, Flag("Keep per-sample scores and results there, and resume from them.", RUN)
    ] = None
    """Folder of the results; None: in memory only."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_mapping("map", self.map or {}, _FIELD)
        _check_sources(self.data)
        _at_least("num_docs", self.num_docs, 0)
        _at_least("limit", self.limit, 1)

    @property
    def sources(self) -> Mapping[str, str]:
        """Task name to file or `embedded`; the key `*` stands for all tasks."""
        return _sources(self.data)


@dataclass(frozen=True, kw_only=True)
class RunOptions(GeneratorOptions, ScoringOptions):
    """The options of `groundeval run` and `groundeval.evaluate`."""

    tasks: Annotated[
        Sequence[str], Flag("Names, task.yaml or plugin.py:name, with commas between them.", WHAT, metavar="TASK,...")
    ] = field(kw_only=False)
    backend: Annotated[
        str,
        Flag(
            "Where the texts come from: hf, vllm, openai, replay; ray:hf and so on, in the actors of a Ray cluster.",
            MODEL,
        ),
    ] = "hf"
    data: Annotated[
        str | Mapping[str, str] | None,
        Flag(
            "FILE or TASK=FILE; `embedded` is a small shipped data set. Default: the task's hub data set.",
            WHAT,
            metavar="[TASK=]FILE",
        ),
    ] = None
    """A file or `embedded` for all tasks, or by task name; None: each task's own data set."""
    split: Annotated[str, Flag("Part of the data: test or train.", WHAT)] = "test"
    limit: Annotated[int | None, Flag("Number of samples, from the first.", WHAT)] = None
    shard: Annotated[
        tuple[int, int] | None,
        Flag("The I-th of N parts of the samples; needs --phase generate.", WHAT, metavar="I/N"),
    ] = None
    """(i, n): the i-th of n parts of the samples, i from 1."""
    num_docs: Annotated[int, Flag("Documents shown; 0 is closed book.", PROMPT)] = 5
    oracle_docs: Annotated[bool, Flag("First the documents with the most gold answers.", PROMPT)] = False
    """Show the documents that hold the most gold answers first (ALCE's oracle)."""
    docs_field: Annotated[DocsField, Flag("What is shown of a document: text, summary, extraction.", PROMPT)] = "text"
    num_fewshot: Annotated[int, Flag("Demonstrations in the prompt.", PROMPT)] = 0
    system: Annotated[str | None, Flag("System turn for chat models.", PROMPT)] = None
    sampling: Annotated[
        SamplingParams,
        Flag(
            "temperature=0.5,top_p=0.95,max_new_tokens=300. Default: greedy, 300 tokens. Stop texts: stop=\\n; several "
            'as JSON: \'stop=["\\n","Q:"]\'. With `none`, temperature, top_p or seed is left to the server.',
            MODEL,
            name="gen-kwargs",
            metavar="NAME=VALUE,...",
        ),
    ] = field(default_factory=SamplingParams)
    """Sampling parameters; their seed is `seed`, or None where a server is sent none."""
    num_samples: Annotated[int, Flag("Answers drawn for each question; needs a temperature.", MODEL)] = 1
    seed: Annotated[int, Flag("Of sampling and of the choice of demonstrations.", RUN)] = 42
    phase: Annotated[Phase, Flag("generate, score or all.", RUN)] = "all"
    output_path: Annotated[str | Path, Flag("Where run folders go.", RUN)] = Path("runs")

    def __post_init__(self) -> None:
        ScoringOptions.__post_init__(self)
        check_mapping("model_args", self.model_args)
        check_mapping("chat_template_kwargs", self.chat_template_kwargs)
        _check_sources(self.data)
        object.__setattr__(self, "tasks", names(self.tasks))
        if self.sampling.seed is not None:
            object.__setattr__(self, "sampling", replace(self.sampling, seed=self.seed))
        _allowed("phase", self.phase, Phase)
        _allowed("docs_field", self.docs_field, DocsField)
        _at_least("num_docs", self.num_docs, 0, " (closed book)")
        _at_least("num_fewshot", self.num_fewshot, 0)
        _at_least("limit", self.limit, 1)
        _at_least("num_samples", self.num_samples, 1)
        if self.num_samples > 1 and self.sampling.is_greedy and self.backend.removeprefix("ray:") != "replay":
            raise UsageError(
                f"{option('num_samples', self.num_samples)} needs sampling: greedy decoding gives the same answer "
                f"every time.\n  Set a temperature, for instance {option('sampling', temperature=0.7)}"
            )
        if self.shard is not None:
            index, count = self.shard
            if not 1 <= index <= count:
                raise UsageError(f"{option('shard', self.shard)}: must be I/N with 1 <= I <= N")
            if self.phase != "generate":
                raise UsageError(
                    f"{option('shard', self.shard)} needs {option('phase', 'generate')}: scores are over all samples.\n"
                    f"  When all shards are done, run once more without it and with {option('phase', 'score')}."
                )

    @classmethod
    def of(
        cls,
        generator: GeneratorOptions,
        scoring: ScoringOptions | None = None,
        *,
        tasks: Sequence[str] = (),
        **others: Any,
    ) -> "RunOptions":
        """The options of a run from those of its model and its scoring, and the fields that neither has."""
        parts = {each.name: getattr(generator, each.name) for each in fields(GeneratorOptions)}
        if scoring is not None:
            # Fields that both have belong to the model: its texts are generated.
            parts = {each.name: getattr(scoring, each.name) for each in fields(ScoringOptions)} | parts
        return cls(**parts, tasks=tasks, **others)

    @property
    def generator(self) -> GeneratorOptions:
        """The options that are passed to a generator."""
        return GeneratorOptions(**{each.name: getattr(self, each.name) for each in fields(GeneratorOptions)})

    @property
    def sources(self) -> Mapping[str, str]:
        """Task name to file or `embedded`; the key `*` stands for all tasks."""
        return _sources(self.data)

    @property
    def folder(self) -> Path:
        """The folder that holds the run folders."""
        return Path(self.output_path)


def _check_sources(data: object) -> None:
    if data is not None and not isinstance(data, str | Path):
        check_mapping("data", data, "one string: a file, or `embedded`")


def _sources(data: str | Mapping[str, str] | None) -> Mapping[str, str]:
    return {EVERY_TASK: str(data)} if isinstance(data, str | Path) else dict(data or {})


def names(given: Sequence[str]) -> tuple[str, ...]:
    """Names as a tuple: a single name, or several with commas between them, may be one text."""
    if not isinstance(given, str):
        return tuple(given)
    return tuple(part for each in given.split(",") if (part := each.strip()))


def _allowed(name: str, value: object, literal: Any) -> None:
    if value not in get_args(literal):
        raise UsageError(f"{option(name, value)}: allowed are {', '.join(get_args(literal))}")


def _at_least(name: str, value: int | None, least: int, meaning: str = "") -> None:
    if value is not None and value < least:
        raise UsageError(f"{option(name, value)}: must be {least}{meaning} or more")
