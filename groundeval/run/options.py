"""What a run can be told, with defaults that are right for most people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from groundeval.errors import UsageError
from groundeval.generation.interface import SamplingParams
from groundeval.generation.prompts import DocsField
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.scoring.posthoc import PostHoc

Phase = Literal["generate", "score", "all"]
PHASES: tuple[str, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """What determines the numbers, given the texts."""

    profiles: tuple[str, ...] = ()
    """Scoring protocols; none: the task's own."""
    metrics: tuple[str, ...] = ()
    """Names of metrics or keys, `default` among them for the defaults; none: the defaults."""
    nli: str = "true"
    nli_options: Mapping[str, Any] = field(default_factory=dict)
    metric_models: Mapping[str, str] = field(default_factory=dict)
    """Other models behind metrics than the usual ones: `qa`, `mauve`."""
    post_hoc: PostHoc = "none"
    """Attach citations to uncited statements before scoring (ALCE's post-hoc citation)."""
    post_hoc_encoder: str | None = None
    """Folder or hub name of the sentence encoder behind `encoder`."""
    reasoning_tags: ReasoningTags | None = None
    """For texts that were generated before: the tags around reasoning, where they are not those of the run."""
    cot: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.post_hoc not in get_args(PostHoc):
            raise UsageError(f"--post-hoc {self.post_hoc}: allowed are {', '.join(get_args(PostHoc))}")
        if (self.post_hoc == "encoder") != (self.post_hoc_encoder is not None):
            raise UsageError(
                "--post-hoc encoder and --post-hoc-encoder MODEL go together, for instance\n"
                "  --post-hoc encoder --post-hoc-encoder sentence-transformers/all-MiniLM-L6-v2"
            )


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `groundeval run` and `evaluate` take."""

    generator: GeneratorOptions
    backend: str = "hf"
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    sampling: SamplingParams = field(default_factory=SamplingParams)
    data: Mapping[str, str] = field(default_factory=dict)
    """Task name to file or `embedded`; the key `*` stands for all tasks."""
    split: str = "test"
    num_docs: int = 5
    docs_field: DocsField = "text"
    oracle_docs: bool = False
    """Show the documents that hold the most gold answers first (ALCE's oracle)."""
    cite_docs: int = 5
    """With post-hoc citation: documents to choose from, where the model saw fewer."""
    num_fewshot: int = 0
    seed: int = 42
    system: str | None = None
    limit: int | None = None
    num_samples: int = 1
    """Answers drawn for each question."""
    shard: tuple[int, int] | None = None
    """(i, n): the i-th of n parts of the samples, i from 1."""
    phase: Phase = "all"
    output_path: Path = Path("runs")

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise UsageError(f"--phase {self.phase}: allowed are {', '.join(PHASES)}")
        if self.num_docs < 0:
            raise UsageError(f"--num-docs {self.num_docs}: must be 0 (closed book) or more")
        if self.docs_field not in get_args(DocsField):
            raise UsageError(f"--docs-field {self.docs_field}: allowed are {', '.join(get_args(DocsField))}")
        if self.num_fewshot < 0:
            raise UsageError(f"--num-fewshot {self.num_fewshot}: must be 0 or more")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit}: must be 1 or more")
        if self.num_samples < 1:
            raise UsageError(f"--num-samples {self.num_samples}: must be 1 or more")
        if self.num_samples > 1 and self.sampling.temperature == 0 and self.backend != "replay":
            raise UsageError(
                f"--num-samples {self.num_samples} needs sampling: greedy decoding gives the same answer every time.\n"
                "  Set a temperature, for instance --gen-kwargs temperature=0.7"
            )
        if self.shard is not None:
            index, count = self.shard
            if not 1 <= index <= count:
                raise UsageError(f"--shard {index}/{count}: must be I/N with 1 <= I <= N")
            if self.phase != "generate":
                raise UsageError(
                    f"--shard {index}/{count} needs --phase generate: scores are over all samples.\n"
                    "  When all shards are done, run once more without --shard and with --phase score."
                )
