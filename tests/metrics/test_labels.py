"""Plain names and the order in which people read the reported keys."""

from __future__ import annotations

import pytest

from groundeval.metrics.labels import FEW, GROUPS, LABELS, arranged, by_group, counts, label_of
from groundeval.metrics.metric import METRICS, Label, register_metric
from groundeval.tasks.task import TASKS

TRUST = [
    "num_samples", "answered_ratio", "regular_str_em", "answered_str_em", "calib_str_em_f1", "refuse_rec", "macro_f1",
    "regular_citation_rec", "answered_citation_rec", "answered_citation_prec", "answered_citation_f1",
    "answered_length", "trust_score",
]  # fmt: skip


def test_every_key_that_comes_along_has_a_plain_name():
    keys = {
        key
        for name, metric in METRICS.items()
        if METRICS.ships(name)
        for key in ([name] if metric.corpus else metric.aggregates)
    }
    assert keys - set(LABELS) == set()


def test_what_is_shown_unasked_has_names_that_fit_and_differ():
    for profile in ("alce", "trust", "strict"):
        for kind in ("em", "list", "claims"):
            metrics = [m for name, m in METRICS.items() if METRICS.ships(name) and m.applies(profile, kind)]
            told = [k for m in metrics if m.default for k in m.aggregates if LABELS[k].tells(profile)]
            names = [LABELS[key].name for key in dict.fromkeys(told)]
            assert len(set(names)) == len(names), (profile, kind)
            assert all(len(name) <= 20 for name in names)


def test_headlines_of_all_tasks_are_told():
    for name in TASKS.names():
        task = TASKS.get(name)()
        assert [each.key for each in arranged(task.headline, task.headline, [task.profile]) if each.headline]
        assert all(label_of(key).tells(task.profile) for key in task.headline)


def test_the_headline_opens_and_its_parts_follow_in_the_papers_order():
    shown = arranged(TRUST, ["trust_score"], ["trust"])
    assert [each.key for each in shown] == [
        "trust_score", "calib_str_em_f1", "answered_ratio", "macro_f1", "answered_citation_f1",
        "answered_citation_rec", "answered_citation_prec", "answered_length",
    ]  # fmt: skip
    assert [group for group, _ in by_group(shown)] == ["Overall", "Correctness", "Refusal", "Citation", "Length"]


def test_all_keys_are_there_when_asked_for_each_once():
    whole = arranged([*TRUST, *TRUST], ["trust_score"], ["trust"], whole=True)
    assert sorted(each.key for each in whole) == sorted(TRUST)
    places = [GROUPS.index(each.group) for each in whole]
    assert places == sorted(places)


def test_few_keys_are_all_shown():
    assert len(arranged(TRUST[:FEW])) == FEW
    assert len(arranged(TRUST)) < FEW


def test_headline_keys_come_first_in_their_group_in_the_order_of_the_task():
    shown = arranged(["str_em", "rougeLsum", "claims_nli"], ["rougeLsum", "claims_nli"])
    assert [each.key for each in shown] == ["rougeLsum", "claims_nli", "str_em"]


def test_a_plugin_gives_labels_of_its_own():
    @register_metric("loud", keys=("loud", "shy"), labels={"loud": Label("Loudness", "Correctness")})
    def loud(response: object, ctx: object) -> dict[str, float | None]:
        return {"loud": 1.0, "shy": 0.0}

    assert label_of("loud") == Label("Loudness", "Correctness")
    assert label_of("shy").name == "shy"
    assert [each.key for each in arranged(["shy", "loud"])] == ["loud", "shy"]
    # As a headline, a key of no group opens the table.
    assert [each.key for each in arranged(["loud", "shy"], ["shy"])] == ["shy", "loud"]


def test_rewards_are_named():
    assert label_of("reward:trust").name == "Reward trust"


@pytest.mark.parametrize(("key", "is_count"), [("num_samples", True), ("answered_num", True), ("length", False)])
def test_numbers_of_samples_are_known_as_such(key: str, is_count: bool):
    assert (key in counts()) is is_count
