"""Plain names of the reported keys, and the order in which people read them: one table for everything that is shown.

Terminal tables, notebooks, comparisons and the leaderboard all read it. A plugin's metric brings labels of its own
(`register_metric(..., labels={KEY: Label(...)})`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from groundeval.metrics.metric import METRICS, Group, Label

GROUPS: tuple[Group, ...] = get_args(Group)
FEW = 12
"""Up to so many keys are shown without being asked for: there is little to hide."""
_TRUST = ("trust",)
_REWARD = "reward:"


def _correct(name: str, telling: bool | tuple[str, ...] = False, short: str = "") -> Label:
    return Label(name, "Correctness", telling, short)


def _variants(column: str, name: str) -> dict[str, Label]:
    """The labels of Trust-Score's means of one correctness column."""
    return {
        f"regular_{column}": _correct(f"{name}, all samples"),
        f"answered_{column}": _correct(f"{name}, answered"),
        f"calib_answered_{column}": _correct(f"{name}, supported, answered"),
        f"calib_answerable_{column}": _correct(f"{name}, supported, answerable"),
    }


_LIST_COLUMNS = {
    "qampari_prec": "List precision",
    "qampari_rec": "List recall",
    "qampari_rec_top5": "List recall-5",
    "qampari_f1": "List F1",
    "qampari_f1_top5": "List F1-5",
}

LABELS: Mapping[str, Label] = {
    "trust_score": Label("Trust-Score", "Overall"),
    # ALCE's correctness.
    "str_em": _correct("EM recall", True),
    "str_hit": _correct("EM hit", True),
    "claims_nli": _correct("Claim recall", True),
    "qampari_rec_top5": _correct("List recall-5", True, "Recall-5"),
    "qampari_prec": _correct("List precision", True, "Precision"),
    "qampari_f1_top5": _correct("List F1-5", True, "F1-5"),
    "qampari_rec": _correct("List recall", short="Recall"),
    "qampari_f1": _correct("List F1", short="F1"),
    "QA-EM": _correct("QA exact match", True),
    "QA-F1": _correct("QA F1", True),
    "QA-Hit": _correct("QA hit", True),
    "rougeLsum": _correct("ROUGE-L", True),
    # Trust-Score's correctness, and that of `strict`.
    "correctness_f1": _correct("Correctness F1", True, "F1"),
    "calib_str_em_f1": _correct("Calibrated F1", _TRUST, "F1"),
    "calib_qampari_em_f1": _correct("Calibrated F1", _TRUST, "F1"),
    "calib_claims_nli_f1": _correct("Calibrated F1", _TRUST, "F1"),
    "answered_useful": _correct("Useful statements, answered"),
    "answered_correctness": _correct("Correctness, answered"),
    "answerable_correctness": _correct("Correctness, answerable"),
    **_variants("str_em", "EM recall"),
    "parametric_str_em": _correct("EM recall from memory"),
    **_variants("claims_nli", "Claim recall"),
    "parametric_answered_claims_nli": _correct("Claim recall from memory"),
    **{key: label for column, name in _LIST_COLUMNS.items() for key, label in _variants(column, name).items()},
    "parametric_qampari_rec_top5": _correct("List recall-5 from memory"),
    "qampari_presence": _correct("Items in the documents"),
    "qampari_absence": _correct("Items not in the documents"),
    "grounded_rec": _correct("Grounded recall", True),
    "grounded_useful": _correct("Grounded statements", True),
    "grounded_cited": _correct("Grounded and cited", True),
    # Deciding to answer or to refuse.
    "answered_ratio": Label("Answered", "Refusal"),
    "refused_ratio": Label("Refused", "Refusal"),
    "mixed_ratio": Label("Mixed outputs", "Refusal", short="Mixed"),
    "void_ratio": Label("Void outputs", "Refusal", short="Void"),
    "macro_f1": Label("Refusal F1", "Refusal", short="F1"),
    "macro_avg": Label("Mean recall of both", "Refusal", False),
    "refusal_accuracy": Label("Refusal accuracy", "Refusal", False),
    "refuse_f1": Label("Refusing F1", "Refusal", False),
    "refuse_rec": Label("Refusing recall", "Refusal", False),
    "refuse_prec": Label("Refusing precision", "Refusal", False),
    "answerable_f1": Label("Answering F1", "Refusal", False),
    "answerable_rec": Label("Answering recall", "Refusal", False),
    "answerable_prec": Label("Answering precision", "Refusal", False),
    "plain_refusal": Label("Plain refusal", "Refusal"),
    # Citations.
    "citation_rec": Label("Citation recall", "Citation", short="Recall"),
    "citation_prec": Label("Citation precision", "Citation", short="Precision"),
    "citation_f1": Label("Citation F1", "Citation", short="F1"),
    "answered_citation_f1": Label("Citation F1", "Citation", short="F1"),
    "answered_citation_rec": Label("Citation recall", "Citation", short="Recall"),
    "answered_citation_prec": Label("Citation precision", "Citation", short="Precision"),
    "regular_citation_f1": Label("Citation F1, all samples", "Citation", False),
    "regular_citation_rec": Label("Citation recall, all samples", "Citation", False),
    "regular_citation_prec": Label("Citation precision, all samples", "Citation", False),
    # Length.
    "length": Label("Words", "Length"),
    "answered_length": Label("Words, answered", "Length", short="Words"),
    "regular_length": Label("Words, all samples", "Length", False),
    "num_preds": Label("Items listed", "Length", False),
    "regular_num_preds": Label("Items listed, all samples", "Length", False),
    "answered_num_preds": Label("Items listed, answered", "Length", False),
    "calib_answered_num_preds": Label("Items supported, answered", "Length", False),
    "calib_answerable_num_preds": Label("Items supported, answerable", "Length", False),
    # The rest.
    "mauve": Label("Fluency (MAUVE)"),
    "format": Label("Well-formed tags"),
    "tag_count": Label("Tags present"),
    "process_align": Label("Reasoning agrees"),
    "refusal_score": Label("Refusal likeness"),
    "ground_refusal": Label("R_refusal"),
    "ground_em": Label("R_EM"),
    "ground_citation": Label("R_citation"),
    "ground_statements": Label("Statements"),
    "num_samples": Label("Samples", telling=False),
    "answered_num": Label("Answered samples", telling=False),
    "answerable_num": Label("Answerable samples", telling=False),
    "overlapped_num": Label("Answered answerable", telling=False),
}
"""The keys that come along, each group in the order in which it is shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A key as a table shows it."""

    key: str
    label: Label
    group: Group
    headline: bool


def label_of(key: str) -> Label:
    """The label of a key: that of the table, of its metric, or the key itself."""
    if key in LABELS:
        return LABELS[key]
    if key.startswith(_REWARD):
        return Label(f"Reward {key.removeprefix(_REWARD)}"[:30])
    return next((metric.labels[key] for metric in METRICS.known() if key in metric.labels), Label(key))


def counts() -> frozenset[str]:
    """The keys that are numbers of samples, of which no interval is shown."""
    return frozenset(key for m in METRICS.known() for key, aggregate in m.aggregates.items() if aggregate.is_count)


def arranged(
    keys: Iterable[str], headline: Sequence[str] = (), profiles: Sequence[str] = (), *, whole: bool = False
) -> list[Shown]:
    """The keys in the order of their groups, those of the headline first in theirs.

    Without `whole` only what is telling under one of the profiles: the headline and its parts, and everything where
    there is little (`FEW`). A headline key that belongs to no other group opens the table.
    """
    keys = list(dict.fromkeys(keys))
    ranks = {key: place for place, key in enumerate(LABELS)}
    shown = []
    for key in keys:
        label, leads = label_of(key), key in headline
        if whole or leads or len(keys) <= FEW or any(map(label.tells, profiles)):
            group: Group = "Overall" if leads and label.group == "Other" else label.group
            shown.append(Shown(key, label, group, leads))
    leading = {key: place for place, key in enumerate(headline)}

    def place(each: Shown) -> tuple[int, int, int]:
        among = leading.get(each.key, len(leading))
        return GROUPS.index(each.group), among, ranks.get(each.key, len(ranks))

    return sorted(shown, key=place)


def by_group(shown: Iterable[Shown]) -> Iterator[tuple[Group, list[Shown]]]:
    """The keys of each group that has some."""
    members = list(shown)
    for group in GROUPS:
        found = [each for each in members if each.group == group]
        if found:
            yield group, found
