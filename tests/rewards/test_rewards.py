"""Rewards by name, by file and by task: values, refused input, and failures, which are never a 0."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reward_cases import REFUSAL, Told, example, lexical, rewarded, thought, unanswerable
from typer.main import get_command
from typer.testing import CliRunner

import groundeval
from groundeval.cli.app import app, main
from groundeval.errors import BackendError, DataError, UsageError
from groundeval.nli import NLI
from groundeval.records import QAPair, Response
from groundeval.rewards import REWARDS, Reward, Rewarded, Rewarder, load_reward
from groundeval.rewards.recipes.weighted import bounds
from groundeval.tasks import load_task

GOOD = ("A", "Paris is it.")
YAML_TASK = """
name: capitals
kind: em
profile: trust
data: data.jsonl
fields: {question: question, documents: {path: docs, text: text}, answers: {path: answers}}
"""


def response(text: str, sample: Any = None) -> Response:
    return Response.build(sample or example(), text)


@pytest.mark.parametrize(
    ("text", "sample", "parts", "total"),
    [
        ("Paris is it [1].", example(), {"correctness": 1.0, "refusal": 1.0, "citation": 1.0}, 1.0),
        ("Paris is it [1]. Rome [7].", example(), {"correctness": 1.0, "refusal": 1.0, "citation": 2 / 3}, 8 / 9),
        ("Paris is it.", example(), {"correctness": 1.0, "refusal": 1.0, "citation": 0.0}, 2 / 3),
        (REFUSAL, example(), {"correctness": 0.0, "refusal": 0.0, "citation": None}, 0.0),
        (REFUSAL, unanswerable(), {"correctness": None, "refusal": 1.0, "citation": None}, 1.0),
        ("Paris is it [1].", unanswerable(), {"correctness": 0.0, "refusal": 0.0, "citation": 1.0}, 1 / 3),
    ],
)
def test_trust_is_the_mean_of_the_parts_that_apply(text: str, sample: Any, parts: dict[str, float], total: float):
    found = rewarded("trust", sample, text, GOOD)
    assert found.components == pytest.approx(parts)
    assert found.total == pytest.approx(total)


def test_alce_is_correctness_plus_citation_f1_and_an_empty_output_gets_neither():
    pairs = replace(example(), qa_pairs=(QAPair("", ("Paris",)), QAPair("", ("Rome",))))
    found = rewarded("alce", pairs, "Paris is it [1].", GOOD, task="asqa")
    assert found.components == {"correctness": 0.5, "citation": 1.0}
    assert found.total == 1.5
    listed = example(answers=(("Paris",), ("Rome",)))
    found = rewarded("alce", listed, "Paris [1], Oslo", ("A", "Q? Paris"), task="qampari")
    assert found.components == pytest.approx({"correctness": 0.5, "citation": 2 / 3})
    empty = rewarded("alce", listed, "", task="qampari")
    assert (empty.total, empty.status) == (0.0, "empty")


@pytest.mark.parametrize(
    ("text", "sample", "total"),
    [
        ("Paris.", example(), 1.0),
        (REFUSAL, unanswerable(), 1.0),
        (REFUSAL, example(), 0.0),
        ("Rome.", example(), -1.0),
        ("Paris.", unanswerable(), -1.0),
        ("", example(), -1.0),
    ],
)
def test_ternary_is_correct_refused_or_wrong(text: str, sample: Any, total: float):
    assert rewarded("ternary", sample, text).total == total
    assert (
        rewarded("ternary", sample, text, correct=3, refuse=2, wrong=1).total == {1.0: 3.0, 0.0: 2.0, -1.0: 1.0}[total]
    )


def test_a_sample_that_fails_has_no_total_and_the_others_keep_theirs():
    nli = NLI(Told(GOOD, broken=("Lutetia.",)))
    found = load_reward("trust", "trust_asqa")([response("Paris is it [1]."), response("Lutetia [1].")], nli)
    assert [each.total for each in found] == [1.0, None]
    assert (found[1].status, found[1].error) == ("error", "too long for the device")
    failed = load_reward("trust", "trust_asqa")([Response.failed(example(), "the engine died")], nli)[0]
    assert (failed.total, failed.status, failed.error) == (None, "error", "the engine died")


def test_a_verifier_that_is_gone_stops_the_trainer():
    nli = NLI(Told(GOOD))
    nli.close()
    with pytest.raises(BackendError):
        load_reward("trust", "trust_asqa")([response("Paris is it [1].")], nli)


def test_a_part_that_never_applies_is_no_reward_but_saying_nothing_is_no_way_out(tmp_path: Path):
    file = tmp_path / "em.yaml"
    file.write_text("profile: alce\ncomponents: {em: str_em}\n")
    without = replace(example(), qa_pairs=())
    found = load_reward(file, "asqa")([response("Paris.", without), response("", without)])
    assert [each.total for each in found] == [None, 0.0]
    assert found[0].error == "no part of the reward applies to this sample"


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_a_part_of_weight_0_is_logged_and_makes_no_reward(combine: str, tmp_path: Path):
    file = tmp_path / "reasons.yaml"
    parts = "{align: process_align, em: {value: calib_str_em, weight: 0}, length: {value: length, weight: 0}}"
    file.write_text(f"profile: trust\ncombine: {combine}\ncomponents: {parts}\n")
    reward = load_reward(file, "trust_asqa", nli="lexical")
    assert (reward.low, reward.high) == (0.0, 1.0)
    silent, reasoned, empty = reward([response(text) for text in ("Paris.", thought("Paris [1]."), "")], lexical())
    assert silent.components == {"align": None, "em": 1.0, "length": 1.0}
    assert (silent.total, silent.status) == (None, "ok")
    assert silent.error == "no part of the reward applies to this sample, but those of weight 0"
    assert reasoned.total == reasoned.components["align"]
    assert empty.total == 0.0


def test_a_mean_has_no_negative_weights():
    with pytest.raises(UsageError, match="a mean needs weights of 0 or more"):
        replace(load_reward("trust", "trust_asqa"), weights={"refusal": -1.0})


def test_the_synchronous_form_works_inside_a_running_loop_and_from_threads():
    reward = load_reward("trust", "trust_asqa")
    nli = NLI(Told(GOOD))

    async def inside() -> tuple[Any, Any]:
        blocking = reward([response("Paris is it [1].")], nli)
        threaded = await asyncio.gather(
            *(asyncio.to_thread(reward, [response("Paris is it [1].")], nli) for _ in "abc")
        )
        return blocking, threaded

    blocking, threaded = asyncio.run(inside())
    assert [each[0].total for each in (blocking, *threaded)] == [1.0] * 4


@pytest.mark.parametrize("name", REWARDS.names())
@pytest.mark.parametrize("task", ["trust_asqa", "trust_qampari", "trust_eli5"])
def test_every_reward_pickles_and_stays_in_its_range(name: str, task: str):
    reward = pickle.loads(pickle.dumps(load_reward(name, task, nli="lexical")))
    examples = load_task(task).load("embedded").examples[:4]
    texts = ("", REFUSAL, "Paris [1]. Rome [0], x [9]", thought("1, 2, 3 [1][2]"))
    found = reward([Response.build(each, text) for each in examples for text in texts], lexical())
    assert all(reward.low <= each.total <= reward.high for each in found)


def test_mixed_batches_get_each_tasks_own_reward():
    rewarder = pickle.loads(pickle.dumps(Rewarder.of("default", nli="lexical")))
    responses = [response("Paris text [1]."), response("Paris, Oslo")]
    found = asyncio.run(rewarder.score_responses(responses, ["trust_asqa", "qampari"], lexical()))
    assert list(found[0].components) == ["correctness", "refusal", "citation"]
    assert list(found[1].components) == list(load_task("qampari").headline)


def test_weighted_rewards_of_mixed_batches_are_sums_in_the_order_of_the_responses():
    responses = [response("Paris text [1]."), response("Paris, Oslo"), response("Paris text [1]."), response("x")]
    tasks = ["trust_asqa", "qampari", "trust_asqa", "qampari"]

    def totals(rewards: str | dict[str, float]) -> list[float | None]:
        rewarder = Rewarder.of(rewards, nli="lexical")
        return [each.total for each in asyncio.run(rewarder.score_responses(responses, tasks, lexical()))]

    single = totals("default")
    assert single[0] == single[2]
    assert totals({"default": 1.0}) == single
    assert totals({"default": 2.0}) == [2 * (each or 0.0) for each in single]
    with pytest.raises(UsageError, match="name at least one"):
        Rewarder({})
    with pytest.raises(UsageError, match='parameters of "trust": no such reward here; there are: default'):
        Rewarder({"default": 1.0}, {"trust": {}})


def test_every_task_has_a_reward_yaml_tasks_too(tmp_path: Path):
    (tmp_path / "data.jsonl").write_text("{}")
    file = tmp_path / "capitals.yaml"
    for line, parts in (
        ("", ["correctness", "refusal", "citation"]),
        ("reward: ternary", ["outcome"]),
        ("reward: {calib_str_em: 2, answered_citation_rec: 1}", ["calib_str_em", "answered_citation_rec"]),
    ):
        file.write_text(f"{YAML_TASK}\n{line}\n")
        reward = load_reward("default", file)
        assert list(reward([response("Paris text [1].")], lexical())[0].components) == parts
    weighted = reward([response("Paris text [7].")], lexical())[0]
    assert weighted.total == 2 / 3
    file.write_text(f"{YAML_TASK}\nreward: {{macro_f1: 1}}\n")
    with pytest.raises(UsageError, match='"macro_f1" is a figure of the whole set; no single sample has it'):
        load_reward("default", file)


YAML = """
profile: trust
combine: sum
components:
  correctness: {value: {em: calib_str_em, list: calib_qampari_f1_top5}, weight: 2}
  citations: {value: citation_rec, weight: 0.5}
  tags: tag_count
  stage2: {reward: ground_grpo_stage2, parameters: {reduction: mean}, weight: 0.1}
gates:
  - {value: format, at_least: 1, keep: [tags]}
"""


def test_a_yaml_file_weighs_values_and_other_rewards_behind_gates(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(YAML)
    reward = load_reward(file, "trust_asqa")
    assert (reward.name, reward.low) == ("mine", 0.0)
    assert reward.high == pytest.approx(2 + 0.5 + 1 + 0.35)
    nli = NLI(Told(GOOD))
    shut, open_ = reward([response("<think>a</think>Paris is it [1]."), response(thought("Paris is it [1]."))], nli)
    assert shut.components == {"correctness": 0.0, "citations": 0.0, "tags": 0.5, "stage2": 0.0}
    assert open_.total == pytest.approx(2 + 0.5 + 1 + 0.35)
    assert pickle.loads(pickle.dumps(reward)).of(json.loads(json.dumps(open_.line))).total == open_.total


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("weight: 2", "wieght: 2"), r'line 5: unknown field "components.correctness.wieght". Did you mean "weight"'),
        (("calib_str_em", "calib_str_en"), r'component correctness: unknown value .* "calib_str_en". Did you mean'),
        (("citation_rec", "trust_score"), r'component citations: "trust_score" is a figure of the whole set'),
        (("[tags]", "[tag]"), r'unknown component in `keep` "tag". Did you mean "tags"'),
        (("ground_grpo_stage2", "ground_grpo"), 'unknown reward "ground_grpo"'),
        (("ground_grpo_stage2", "alce"), "unknown parameter"),
        (("reward: ground_grpo_stage2, parameters: {reduction: mean}", "reward: alce"), "Say `profile: alce`"),
        (("profile: trust", "profile: turst"), 'unknown profile "turst". Did you mean "trust"'),
        (("combine: sum", "combine: max"), '"combine" is .max.*must be "mean" or "sum"'),
        (("at_least: 1, ", ""), "give `at_least`, `at_most`, or both"),
        (("em: calib_str_em, ", ""), "names no value for tasks of kind em; it has: list"),
        ((YAML[YAML.index("  corr") : YAML.index("gates")], "  tags: {value: format, weight: 0}\n"), "is only logged"),
    ],
)
def test_a_wrong_yaml_file_is_told_what_is_wrong(change: tuple[str, str], says: str, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(YAML.replace(*change))
    with pytest.raises((UsageError, DataError), match=says):
        load_reward(file, "trust_asqa")


def test_a_plugin_file_adds_a_reward_with_parameters_of_its_own_that_pickles_after_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "brief_reward.py"
    file.write_text(
        "from functools import partial\n"
        "from groundeval import Reward, register_reward\n"
        "def shortness(values, line, *, most):\n"
        "    return {'short': max(0.0, 1 - values['length'] / most)}\n"
        "@register_reward('brief_for_test')\n"
        "def brief(task, *, most: int = 10):\n"
        "    '''Short answers.'''\n"
        "    return Reward(('answering',), partial(shortness, most=most), 'trust')\n"
    )
    try:
        reward = load_reward(f"{file}:brief_for_test", "trust_asqa", most=4)
        assert reward([response("one two")])[0].total == 0.5
        assert reward.description == "Short answers."
        with pytest.raises(UsageError, match=r'unknown parameter "mots". Did you mean "most"'):
            load_reward(str(file), "trust_asqa", mots=4)

        def rewarded(rewarder: Rewarder) -> list[Rewarded]:
            return asyncio.run(rewarder.score_responses([response("one two")], ["trust_asqa"]))

        rewarder = Rewarder.of(str(file), parameters={"most": 4})
        rewarded(rewarder)
        pickled = pickle.dumps(rewarder)
        # As in another process, which has not loaded the file.
        for name in [each for each in sys.modules if each.startswith("groundeval_plugin_brief_reward")]:
            monkeypatch.delitem(sys.modules, name)
        assert rewarded(pickle.loads(pickled))[0].total == 0.5
    finally:
        REWARDS._entries.pop("brief_for_test", None)


def test_a_line_that_lacks_a_value_says_how_to_score():
    with pytest.raises(DataError, match=r"lack 'answered'.\n  Score with profiles='trust' and metrics='answering,"):
        load_reward("trust", "trust_asqa").of({"id": "7", "status": "ok", "values": {}})


def test_the_public_api_offers_rewards():
    assert groundeval.load_reward is load_reward
    assert groundeval.Reward is Reward
    with pytest.raises(UsageError, match=r'unknown reward "trist". Did you mean "trust"'):
        groundeval.load_reward("trist", "trust_asqa")
    with pytest.raises(UsageError, match="unknown task"):
        groundeval.load_reward("trust", "trust_asq")


def test_the_list_of_rewards_shows_ranges_profiles_metrics_and_parameters():
    rows = {row["name"]: row for row in json.loads(CliRunner().invoke(app, ["list", "rewards", "--json"]).output)}
    assert {"default", "trust", "alce", "ternary", "ground_grpo_stage1", "ground_grpo_stage2"} <= set(rows)
    assert rows["ternary"]["range"] == "[-1, 1]"
    assert rows["ground_grpo_stage2"]["profile"] == "trust"
    assert "reduction=sum" in rows["ground_grpo_stage2"]["parameters"]


@pytest.mark.parametrize("name", ["trust", "strict_grounded", "ternary"])
def test_sound_rewards_pass_the_validation(name: str):
    assert main(["validate", name, "--task", "trust_asqa", "--data", "embedded", "--json"]) == 0


def test_the_validation_takes_parameters_and_says_where_gold_is_beaten(capsys: pytest.CaptureFixture[str]):
    given = ["--task", "trust_asqa", "--data", "embedded", "--nli-args", "cache=false", "--json"]
    main(["validate", "ternary", "--reward-args", "wrong=-0.5,refuse=2", *given])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert "every total lies in [-0.5, 2]" in checks
    beaten = re.search(r"of (\d+) examples (\d+) with", checks["nothing earns more than gold"]["detail"])
    assert beaten is not None
    assert 0 < int(beaten[2]) <= int(beaten[1])
    assert main(["validate", "trust_asqa", "--reward-args", "a=1", "--data", "embedded"]) == 2
    assert "only rewards have parameters" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("serve-rewards",), ("data", "export"), ("validate",)])
def test_the_examples_in_the_help_run(command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = pytest.importorskip("groundeval.rewards.server")
    monkeypatch.setattr(server.RewardServer, "serve", lambda *where: None)
    monkeypatch.chdir(tmp_path)
    found: Any = get_command(app)
    for name in command:
        found = found.commands[name]
    examples = re.findall(rf"groundeval ({' '.join(command)} .*)$", inspect.cleandoc(found.help), re.M)
    assert examples
    for each in examples:
        assert main(shlex.split(each)) == 0, each


def test_an_unsound_reward_fails_the_validation(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "longer.yaml"
    file.write_text(
        "profile: trust\ncombine: sum\ncomponents: {refused: refused, length: {value: length, weight: -1}}\n"
    )
    assert main(["validate", str(file), "--task", "trust_asqa", "--data", "embedded", "--json"]) == 1
    failed = {check["name"] for check in json.loads(capsys.readouterr().out) if not check["passed"]}
    assert "gold earns more than empty" in failed
    assert "nothing earns less than empty" in failed


def test_a_name_of_a_task_and_a_reward_has_to_be_told_apart(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr(REWARDS, "_entries", {**REWARDS._entries, "asqa": REWARDS._entries["trust"]})
    assert main(["validate", "asqa"]) == 2
    assert "Say which one to check: task:asqa or reward:asqa" in capsys.readouterr().err
    assert main(["validate", "trsut"]) == 2
    assert 'unknown task or reward "trsut". Did you mean "trust"' in capsys.readouterr().err


def test_a_mean_of_which_no_part_counts_has_no_room():
    assert bounds({"logged": (0.0, 1.0)}, {"logged": 0.0}, mean=True) == (0.0, 0.0)
