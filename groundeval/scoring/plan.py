"""Chooses the metrics of a scoring: by profile, kind of answer, and the fields that the data has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from groundeval.errors import DataError, UsageError, nearest, option, unknown
from groundeval.metrics.labels import label_of
from groundeval.metrics.metric import METRICS, Metric
from groundeval.metrics.profiles import Profile
from groundeval.metrics.reading import AnswerKind
from groundeval.stats.bootstrap import Aggregate

OVERALL = ("trust_score",)
"""The headline under a profile that has none of the task's own headline keys."""

_CALLED = {
    "answers": "gold answers",
    "qa_pairs": 'short answers ("qa_pairs")',
    "claims": "gold claims",
    "docs": "documents",
    "references": "reference answers",
    "annotations": "reference answers",
}
"""Fields of an example in plain words."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The metrics to compute for a set of samples, and notes on those left out."""

    profile: Profile
    kind: AnswerKind
    metrics: tuple[Metric, ...]
    reported: tuple[str, ...]
    """The keys that are reported, in order."""
    notes: tuple[str, ...] = ()
    cot: bool = False
    derives_answers_found: bool = False
    """Whether `answers_found` is computed because the data lacks it."""
    rewards: tuple[Mapping[str, Any], ...] = ()
    """Identities of the rewards among the metrics: everything that determines their totals."""

    def and_also(self, metrics: Sequence[Metric], rewards: Sequence[Mapping[str, Any]]) -> Plan:
        """The plan with rewards added, each in the form of a metric."""
        keys = [key for metric in metrics for key in _keys(metric)]
        return replace(
            self,
            metrics=(*self.metrics, *metrics),
            reported=(*self.reported, *keys),
            rewards=(*self.rewards, *rewards),
        )

    @property
    def asks_nli(self) -> bool:
        """Whether scoring calls the NLI model."""
        derives = self.derives_answers_found and self.kind == "claims"
        return derives or any(metric.asks_nli(self.kind) for metric in self.metrics)

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The reported keys that are functions of the per-sample table."""
        known = {key: value for metric in self.metrics for key, value in metric.aggregates.items()}
        return {key: known[key] for key in self.reported if key in known}

    @property
    def columns(self) -> tuple[str, ...]:
        """The per-sample columns of all metrics."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.columns))


def plan_scoring(
    profile: Profile,
    kind: AnswerKind,
    fields: frozenset[str],
    *,
    asked: Sequence[str] = (),
    task_metrics: Sequence[str] | None = None,
    cot: bool = False,
) -> Plan:
    """Choose the metrics for a task under a profile.

    `fields` are the fields that the examples have. `asked` names metrics or keys (`default` means the defaults);
    without it, `task_metrics` or all default metrics are taken. A metric whose fields are missing is left out with a
    note. Raises DataError if such a metric was named in `asked`, UsageError for an unknown name.
    """
    possible = {name: metric for name, metric in METRICS.items() if metric.applies(profile.name, kind)}
    stand_ins = _stand_ins(possible, fields)
    idle = {name for name, metric in possible.items() if metric.instead_of} - {*stand_ins.values()} | stand_ins.keys()
    # A plugin's metric is computed only where `asked` or the task names it, so that other tasks' results do not change.
    own = [name for name, metric in possible.items() if metric.default and METRICS.ships(name)]
    usual = own if task_metrics is None else task_metrics
    defaults = [name for name in usual if name in possible and name not in idle]
    chosen: list[str] = []
    keys: list[str] = []
    by_name: set[str] = set()
    for name in asked or ("default",):
        if name == "default":
            chosen += defaults
            keys += [key for each in defaults for key in _keys(possible[each])]
            continue
        # The name means the metric called so, before any other that reports a key of that name.
        found = [name] if name in possible else [each for each, metric in possible.items() if name in _keys(metric)]
        found = [each for each in found if each not in idle] or found
        if not found:
            raise _unknown_metric(name, profile, kind, possible)
        chosen += found
        by_name |= set(found)
        keys += _keys(possible[name]) if name in possible else [name]
    notes: list[str] = []
    lacking: dict[tuple[str, ...], list[str]] = {}
    dropped: set[str] = set()
    for name in dict.fromkeys(chosen):
        missing = [need for need in possible[name].needs if need not in fields]
        if missing and name in by_name:
            raise DataError(
                f'metric "{name}" needs the field {_listed(missing)}, which the data does not have.\n'
                f"  Add it to every record, or leave the metric out of {option('metrics')}."
            )
        if missing:
            dropped.add(name)
        if missing and kind not in possible[name].bonus_for:
            lacking.setdefault(tuple(missing), []).append(name)
    notes += [_left_out([possible[name] for name in names], missing, profile) for missing, names in lacking.items()]
    kept = _with_what_they_use([name for name in dict.fromkeys(chosen) if name not in dropped], possible, stand_ins)
    reported = [key for key in dict.fromkeys(keys) if any(key in _keys(possible[name]) for name in kept)]
    if not reported:
        raise DataError("nothing can be scored:\n  " + "\n  ".join(notes or ["no metric was asked for"]))
    derives = "answers_found" not in fields and any({"docs", "answers"} <= set(possible[name].needs) for name in kept)
    if derives and profile.name == "trust":  # its published data have them
        how = "the document entails the claim" if kind == "claims" else "an alias is present in the document's text"
        notes.append(f'"answers_found" is missing in the data and was computed: {how}')
    return Plan(profile, kind, tuple(possible[name] for name in kept), tuple(reported), tuple(notes), cot, derives)


def _stand_ins(possible: Mapping[str, Metric], fields: frozenset[str]) -> dict[str, str]:
    """Metrics whose fields the data lacks, each with the metric that is computed in its place."""
    found: dict[str, str] = {}
    for name, metric in possible.items():
        replaced = possible.get(metric.instead_of or "")
        if replaced and fields.issuperset(metric.needs) and not fields.issuperset(replaced.needs):
            found[replaced.name] = name
    return found


def _left_out(metrics: Sequence[Metric], missing: Sequence[str], profile: Profile) -> str:
    """The note on metrics whose fields the data lacks, in plain names: of each its telling numbers, or its first."""
    names = list[str]()
    for metric in metrics:
        labels = [label_of(key) for key in _keys(metric)]
        names += [label.name for label in labels if label.tells(profile.name)] or [label.name for label in labels[:1]]
    has_no = " or ".join(_CALLED.get(field, f'"{field}"') for field in missing)
    return f"{', '.join(dict.fromkeys(names))} left out: the data has no {has_no}"


def every_field() -> frozenset[str]:
    """All fields that some metric needs: a plan for them finds wrong names before any data is read."""
    return frozenset(need for _, metric in METRICS.items() for need in metric.needs) | {"docs", "answers"}


def _keys(metric: Metric) -> list[str]:
    return [metric.name] if metric.corpus else list(metric.aggregates)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _unknown_metric(name: str, profile: Profile, kind: AnswerKind, possible: Mapping[str, Metric]) -> UsageError:
    if _elsewhere(name, possible):
        return UsageError(_where(name, profile, kind, possible))
    known = {"default", *possible, *(key for metric in possible.values() for key in _keys(metric))}
    # A name under another protocol or kind may be meant, and its plain form before one with a prefix.
    every = {each for each, metric in METRICS.items()} | {key for _, metric in METRICS.items() for key in _keys(metric)}
    near = nearest(name, every)
    if near is not None and near not in known:
        beside = nearest(near, known)
        instead = f'\n  Nearest under profile {profile.name}: "{beside}".' if beside else ""
        where = _where(near, profile, kind, possible)
        return UsageError(f'unknown metric "{name}". Did you mean "{near}"?\n  {where}{instead}')
    return unknown("metric", name, known)


def _elsewhere(name: str, possible: Mapping[str, Metric]) -> list[Metric]:
    """The metrics of this name that the protocol or the kind of the task leaves out."""
    return [m for each, m in METRICS.items() if each not in possible and (name == each or name in _keys(m))]


def _where(name: str, profile: Profile, kind: AnswerKind, possible: Mapping[str, Metric]) -> str:
    elsewhere = _elsewhere(name, possible)
    under = sorted({p for metric in elsewhere for p in metric.profiles or ()})
    kinds = sorted({k for metric in elsewhere for k in metric.kinds or ()})
    return (
        f'metric "{name}" does not exist under profile {profile.name} for tasks of kind "{kind}".\n'
        f"  It belongs to the profiles {', '.join(under) or '(all)'} and the kinds {', '.join(kinds) or '(all)'}."
    )


def _with_what_they_use(
    names: Sequence[str], possible: Mapping[str, Metric], stand_ins: Mapping[str, str]
) -> list[str]:
    ordered: dict[str, None] = {}
    for name in names:
        for used in possible[name].uses:
            ordered.setdefault(stand_ins.get(used, used))
        ordered.setdefault(name)
    return list(ordered)
