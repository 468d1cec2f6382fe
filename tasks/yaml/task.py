"""A task from a YAML file: any JSON data with questions, documents and gold answers, without Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from groundeval.errors import DataError, UsageError, option, unknown
from groundeval.generation.prompts import PromptTemplate
from groundeval.metrics.profiles import PROFILES
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Example
from groundeval.storage.any_records import read_any
from groundeval.storage.regular import is_there
from groundeval.storage.spool import Spool
from groundeval.tasks import prompts
from groundeval.tasks.distractors import with_distractors
from groundeval.tasks.formats.examples import Checked, content_hash, read_examples
from groundeval.tasks.formats.mapping import Mapping
from groundeval.tasks.formats.sources import EMBEDDED, answerable_demonstrations, demonstrations
from groundeval.tasks.task import TASKS, Dataset, Task
from groundeval.tasks.yaml.file import read_yaml
from groundeval.tasks.yaml.schema import Demonstrations, Prompt, Source, YamlTask

_PROMPTS = {
    "cited_answer": prompts.CITED_ANSWER,
    "list": prompts.CITED_LIST,
    "trust": prompts.TRUST_ANSWER,
    "trust_list": prompts.TRUST_LIST,
}
_CITATIONS = ("citation_rec", "citation_prec")
_ALCE_HEADLINES: dict[AnswerKind, tuple[str, ...]] = {
    "em": ("str_em", *_CITATIONS),
    "list": ("qampari_rec_top5", "qampari_prec", *_CITATIONS),
    "claims": ("claims_nli", *_CITATIONS),
}


def yaml_task(path: str | Path) -> Task:
    """The task that a YAML file describes (docs/yaml_tasks.md); its data is read when it is loaded.

    Raises UserError for a missing or faulty file: the message names line, field, value and what is allowed.
    """
    path = Path(path)
    task = read_yaml(path, YamlTask)
    if task.name in TASKS:
        raise UsageError(
            f'{path}: the name "{task.name}" is already used by the task of {TASKS.source(task.name)}; choose another'
        )
    profile = task.profile or ("trust" if (task.prompt.base or "").startswith("trust") else "alce")
    if profile not in PROFILES:
        raise DataError(f'{path}: field "profile": {unknown("profile", profile, PROFILES)}')
    return Task(
        name=task.name,
        kind=task.kind,
        load=_MappedData(path, task),
        prompt=_template(task, profile),
        profile=profile,
        headline=tuple(task.headline or _headline(profile, task.kind)),
        demonstrations=_demonstrations(path, task.demonstrations, profile),
        metrics=None if task.metrics is None else tuple(task.metrics),
        fields=Mapping(task, str(path)),
        reward=task.reward,
        version=task.version,
        description=task.description,
        licence=task.licence,
    )


@dataclass(frozen=True, slots=True)
class _MappedData:
    """The loader of a YAML task (see `Loader`)."""

    path: Path
    task: YamlTask

    def __call__(self, source: str | None = None, split: str = "test") -> Dataset:
        if source == EMBEDDED:
            raise UsageError(
                f'task "{self.task.name}" ({self.path}) has no embedded data; leave '
                f"{option('data')} out, or name a file"
            )
        if split not in ("test", "train"):
            raise UsageError(f'split "{split}": must be "test" or "train"')
        if source is not None:
            files, sources = [Path(source)], [Source(path=source)]
        else:
            sources = self.task.data if split == "test" else self.task.train
            if not sources:
                raise UsageError(f'task "{self.task.name}": {self.path} names no training data (field "train")')
            files = [self.path.parent / each.path for each in sources]
        examples = self._examples(files, sources)
        notes: tuple[str, ...] = ()
        if self.task.distractors is not None:
            count, seed = self.task.distractors.count, self.task.distractors.seed
            examples = with_distractors(examples, count, seed)
            notes = (f"{count} distractors a question were drawn from other records (seed {seed})",)
        return Dataset(examples, " + ".join(file.name for file in files), content_hash(examples), notes)

    def _examples(self, files: Sequence[Path], sources: Sequence[Source]) -> Sequence[Example]:
        mapping, checked = Mapping(self.task, str(self.path)), Checked()
        examples = Spool[Example]()
        for file, source in zip(files, sources, strict=True):
            if not is_there(file):
                where = f"\n  Download it: {self.task.download}" if self.task.download else ""
                raise UsageError(
                    f'task "{self.task.name}": {file} does not exist; it is named in {self.path} ({source.path}){where}'
                )
            for record in read_any(file, layout=source.format):
                if record.number <= source.skip:
                    continue
                if source.limit is not None and record.number > source.skip + source.limit:
                    break
                default = str(record.number - 1) if len(files) == 1 else f"{file.stem}-{record.number - 1}"
                example = mapping.example(record, default)
                checked.unique(example.id, record)
                checked.complete(example, record)
                examples.append(_sharing(example, checked))
        return examples


def _sharing(example: Example, checked: Checked) -> Example:
    """The example with documents shared between examples."""
    if not example.docs:
        return example
    return replace(example, docs=tuple(checked.shared.one(document) for document in example.docs))


def _template(task: YamlTask, profile: str) -> PromptTemplate:
    base = task.prompt.base or ("list" if task.kind == "list" else "cited_answer")
    if task.prompt.base is None and profile != "alce":
        base = "trust_list" if task.kind == "list" else "trust"
    changes = {
        name: value
        for name in Prompt.model_fields
        if name != "base" and (value := getattr(task.prompt, name)) is not None
    }
    if "instruction" in changes:
        # A custom instruction also applies without documents, unless there is a separate one for that.
        changes.setdefault("closed_book", None)
    return replace(_PROMPTS[base], name=f"{task.name}_prompt" if changes else _PROMPTS[base].name, **changes)


def _headline(profile: str, kind: AnswerKind) -> tuple[str, ...]:
    return _ALCE_HEADLINES[kind] if profile == "alce" else ("trust_score",)


def _demonstrations(path: Path, given: Demonstrations | None, profile: str) -> Callable[[], tuple[Example, ...]]:
    if given is None:
        return tuple
    if given.embedded is not None:
        # ALCE's protocol has no refusals.
        return partial(answerable_demonstrations if profile == "alce" else demonstrations, given.embedded)
    return partial(_read_demonstrations, path.parent / (given.path or ""))


def _read_demonstrations(path: Path) -> tuple[Example, ...]:
    examples = tuple(read_examples(path))
    for example in examples:
        if example.response is None:
            raise DataError(f'{path}, demonstration "{example.id}": field "response" is missing: the text to imitate')
    return examples
