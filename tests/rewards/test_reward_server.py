"""Rewards over HTTP: batched across requests, equal to the direct ones, in the forms that trainers speak."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from reward_cases import Slow, Told, example, http_server, spoken, thought

from groundeval.cli.app import main
from groundeval.nli import NLI, remote
from groundeval.records import Response
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder
from groundeval.tasks import TASKS

RewardServer = pytest.importorskip("groundeval.rewards.server").RewardServer
VerdictServer = pytest.importorskip("groundeval.nli.server").VerdictServer

GOOD = thought("Paris is it [1].")


def told() -> NLI:
    return NLI(Told(("A", "Paris is it.")))


def sample(text: str = GOOD, **fields: Any) -> dict[str, Any]:
    return {"task": "trust_asqa", "example": example_json(example()), "text": text, **fields}


def post(address: str, body: Any, path: str = "/rewards", **arguments: Any) -> httpx.Response:
    return httpx.post(f"{address}{path}", json=body, timeout=20, **arguments)


def test_64_single_samples_at_a_time_are_judged_in_common_batches_and_get_the_direct_rewards():
    rollouts = spoken(64, seed=5)
    responses, tasks = [Response.build(each, text) for _, each, text in rollouts], [task for task, _, _ in rollouts]
    direct = asyncio.run(Rewarder.of("ground_grpo_stage2", nli="lexical").score_responses(responses, tasks))
    model = Slow()
    with NLI(model) as nli, http_server(RewardServer(Rewarder.of("ground_grpo_stage2", nli="lexical"), nli)) as address:

        async def ask_all() -> list[Any]:
            limits = httpx.Limits(max_connections=64)
            async with httpx.AsyncClient(limits=limits, timeout=30) as client:
                bodies = (
                    {"samples": [{"task": task, "example": example_json(each), "text": text}]}
                    for task, each, text in rollouts
                )
                answers = await asyncio.gather(*(client.post(f"{address}/rewards", json=body) for body in bodies))
            return [answer.json()["rewards"][0] for answer in answers]

        served = asyncio.run(ask_all())
        shown = httpx.get(f"{address}/metrics").text
    assert [each["total"] for each in served] == [each.total for each in direct]
    assert [each["components"] for each in served] == [each.components for each in direct]
    mean = sum(model.sizes) / len(model.sizes)
    assert mean > 8
    assert float(re.search(r"^groundeval_rewards_nli_batch_pairs_mean (\S+)", shown, re.M)[1]) == pytest.approx(mean)
    assert "groundeval_rewards_total 64" in shown
    assert "groundeval_rewards_failed_total 0" in shown


def test_two_verifiers_behind_a_reward_server_share_the_work_and_one_that_goes_costs_no_reward(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(remote, "CHUNK_PAIRS", 2)
    rollouts = spoken(48, seed=9)
    direct = Rewarder.of("ground_grpo_stage2", nli="lexical")
    bodies = [{"task": task, "example": example_json(each), "text": text} for task, each, text in rollouts]
    responses, tasks = [Response.build(each, text) for _, each, text in rollouts], [task for task, _, _ in rollouts]
    expected = [each.total for each in asyncio.run(direct.score_responses(responses, tasks))]
    models = Slow(), Slow()
    with ExitStack() as kept, ExitStack() as lost:
        one, other = (
            each.enter_context(http_server(VerdictServer(NLI(model))))
            for each, model in zip((kept, lost), models, strict=True)
        )
        for each in (one, other):
            while httpx.get(f"{each}/health", timeout=20).status_code != 200:
                time.sleep(0.01)
        rewarder = Rewarder.of("ground_grpo_stage2", nli=f"{one},{other}", nli_options={"in_process": True})
        verifier = rewarder.verifier(tasks)
        verifier.load()
        address = kept.enter_context(http_server(RewardServer(rewarder, verifier)))
        found = post(address, {"samples": bodies[:24]}).json()["rewards"]
        assert all(sum(model.sizes) > 4 for model in models)
        lost.close()
        found += post(address, {"samples": bodies[24:]}).json()["rewards"]
    assert [each["total"] for each in found] == expected


def test_a_sample_that_fails_has_no_total_and_says_why():
    nli = NLI(Told(broken=("Paris is it.",)))
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), nli)) as address:
        found = post(address, {"samples": [sample(), sample(thought("Nothing."))]}).json()["rewards"]
        assert found[0] == {
            "id": "0", "total": None, "components": {}, "status": "error", "error": "too long for the device",
        }  # fmt: skip
        assert found[1]["total"] == 2.5
        queries = {"query": ["P" + GOOD], "prompts": ["P"], "labels": [json.dumps(sample())]}
        assert post(address, queries, "/").json()["rewards"] == [None]
        assert "groundeval_rewards_failed_total 2" in httpx.get(f"{address}/metrics").text


def test_openrlhf_and_nemo_gym_get_their_own_forms():
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        label = json.dumps({"task": "trust_asqa", "example": example_json(example())})
        query = f"<|im_start|>user\nQ?<|im_end|>\n<|im_start|>assistant\n{GOOD}<|im_end|><|endoftext|>"
        prompt = query[: query.index(GOOD)]
        found = post(address, {"query": [query], "prompts": [prompt], "labels": [label]}, "/").json()
        assert (found["rewards"], found["scores"]) == ([3.5], [3.5])
        assert found["extra_logs"]["citation"] == [0.5]
        message = {"type": "message", "content": [{"type": "output_text", "text": "<answer>Paris is it [1].</answer>"}]}
        reasoning = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
        body = {**sample(), "response": {"output": [reasoning, message]}, "responses_create_params": {"input": []}}
        verified = post(address, body, "/verify").json()
        assert verified["reward"] == 3.5
        assert verified["responses_create_params"] == {"input": []}


def test_the_prompts_open_think_tag_belongs_to_the_response_again():
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        begun, rest = "<think>\n", "Hm.</think><answer>Paris is it [1].</answer>"
        queries = {"query": [f"P{begun}{rest}"], "prompts": [f"P{begun}"], "labels": [json.dumps(sample())]}
        assert post(address, queries, "/").json()["rewards"] == [3.5]
        assert post(address, {"samples": [sample(rest, prefill=begun)]}).json()["rewards"][0]["total"] == 3.5
        assert post(address, {"samples": [sample(rest)]}).json()["rewards"][0]["total"] == 0.75


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"sample": []}, '{"samples": ['),
        ({"samples": [3]}, "samples[0] must be an object"),
        ({"samples": [sample(), sample(text=None)]}, "samples[1].text must be a string; it is None"),
        ({"samples": [sample(example="{")]}, 'column "example" is no JSON'),
        ({"samples": [sample(example='{"question": 3}')]}, 'field "question" is 3'),
        ({"samples": [sample(task="trust_asq")]}, 'unknown task "trust_asq". Did you mean "trust_asqa"?'),
        ({"samples": [{"example": "{}", "text": ""}]}, "samples[0].task must be the name of a task"),
        ([], "the body must be a JSON object"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong_and_where(body: Any, says: str):
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        answer = post(address, body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


BAD_EXAMPLES = ["{", "3", '{"question": 3}', 3, None, {}, "[" * 100_000, '{"question": "' + "x" * 1_000_000 + '"}']


@pytest.mark.parametrize("bad", BAD_EXAMPLES, ids=range(len(BAD_EXAMPLES)))
def test_an_example_that_cannot_be_read_costs_its_own_reward(bad: Any):
    good = sample()
    label = json.dumps(good)
    queries = {
        "query": ["P" + GOOD] * 3,
        "prompts": ["P"] * 3,
        "labels": [label, json.dumps(sample(example=bad)), label],
    }
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        found = post(address, {"samples": [good, sample(example=bad), good]})
        rewards = post(address, queries, "/").json()["rewards"]
        alone = post(address, {"samples": [sample(example=bad)] * 2})
        shown = httpx.get(f"{address}/metrics").text
    assert [each["total"] for each in found.json()["rewards"]] == [3.5, None, 3.5]
    assert [each["status"] for each in found.json()["rewards"]] == ["ok", "error", "ok"]
    assert found.json()["rewards"][1]["error"]
    assert rewards == [3.5, None, 3.5]
    assert alone.status_code in (400, 413)
    assert "groundeval_rewards_failed_total 2" in shown


def test_data_that_lack_what_the_reward_needs_cost_their_own_reward():
    lacking = json.dumps({"question": "Which city?", "docs": [{"title": "A", "text": "Paris."}]})
    with http_server(RewardServer(Rewarder.of("trust"), told())) as address:
        found = post(address, {"samples": [sample(), sample(example=lacking)]})
        alone = post(address, {"samples": [sample(example=lacking)]})
    assert [each["status"] for each in found.json()["rewards"]] == ["ok", "error"]
    assert "answers" in found.json()["rewards"][1]["error"]
    assert alone.status_code == 400


ONE_KIND = "profile: trust\ncomponents: {right: {value: {em: calib_str_em}}}\n"


def test_a_reward_for_one_kind_of_task_is_served_and_refuses_the_tasks_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "texts.yaml"
    file.write_text(ONE_KIND)
    served: list[Any] = []
    monkeypatch.setattr(RewardServer, "serve", lambda server, *where: served.append(server.rewarder))
    assert main(["serve-rewards", "--reward", str(file)]) == 0
    with http_server(RewardServer(served[0], None)) as address:
        assert post(address, {"samples": [sample()]}).json()["rewards"][0]["total"] == 1.0
        answer = post(address, {"samples": [sample(), sample(task="trust_qampari")]})
    assert answer.status_code == 400
    assert 'reward "texts" cannot judge task "trust_qampari"' in answer.json()["error"]
    assert "names no value for tasks of kind list; it has: em" in answer.json()["error"]


def test_a_reward_that_fits_no_task_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "texts.yaml"
    file.write_text(ONE_KIND.replace("calib_str_em", "calib_str_en"))
    assert main(["serve-rewards", "--reward", str(file)]) == 2
    told = capsys.readouterr().err
    assert 'reward "texts" can judge none of the registered tasks' in told
    assert 'Did you mean "calib_str_em"?' in told


def test_a_request_cannot_make_the_server_run_or_read_a_file(tmp_path: Path):
    ran, evil, described = tmp_path / "ran", tmp_path / "evil.py", tmp_path / "task.yaml"
    evil.write_text(f"open({str(ran)!r}, 'w')\n")
    described.write_text("name: secret\n")
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        for file in (str(evil), f"{evil}:task", str(described), str(tmp_path / "missing.yaml")):
            label = json.dumps(sample(task=file))
            output = {"response": {"output": []}}
            answers = [
                post(address, {"samples": [sample(task=file)]}),
                post(address, {"query": ["PA"], "prompts": ["P"], "labels": [label]}, "/"),
                post(address, {**sample(task=file), **output}, "/verify"),
                post(address, {"verifier_metadata": sample(task=file), **output}, "/verify"),
            ]
            assert [each.status_code for each in answers] == [400] * 4
            assert all(f'unknown task "{file}"' in each.json()["error"] for each in answers)
    assert not ran.exists()


def test_the_task_that_the_server_was_started_with_may_be_a_file_that_requests_name_too(tmp_path: Path):
    file = tmp_path / "own.py"
    file.write_text(
        "from dataclasses import replace\n"
        "from groundeval.tasks import load_task, register_task\n"
        "@register_task('own_for_test')\n"
        "def own():\n"
        "    return replace(load_task('trust_asqa'), name='own_for_test')\n"
    )
    unnamed = {name: value for name, value in sample().items() if name != "task"}
    try:
        with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told(), task=str(file))) as address:
            for each in (unnamed, sample(task=str(file)), sample(task="own_for_test")):
                assert post(address, {"samples": [each]}).json()["rewards"][0]["total"] == 3.5
    finally:
        TASKS._entries.pop("own_for_test", None)


MESSAGE = {"type": "message", "content": "A"}


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/rewards", {"samples": [sample(task="a\0.yaml")]}, "unknown task"),
        ("/rewards", {"samples": [sample(example="[" * 100_000)]}, 'column "example" is no JSON'),
        ("/", {"query": ["A"], "prompts": ["Q"], "labels": [json.dumps(sample(task=["a"]))]}, "must be JSON with"),
        ("/verify", {**sample(), "response": {"output": [3]}}, "response.output: holds 3"),
        ("/verify", {**sample(), "response": {"output": [{"type": "message"}]}}, "has no content"),
        ("/verify", {**sample(), "response": {"output": [{**MESSAGE, "content": 3}]}}, "content 3: must be a text"),
        ("/verify", {**sample(), "response": {"output": [{"type": "reasoning", "content": 3}]}}, "content 3"),
        ("/verify", {**sample(task=["a"]), "response": {"output": [MESSAGE]}}, "unknown task"),
    ],
)  # fmt: skip
def test_a_malformed_body_is_the_clients_error(path: str, body: Any, says: str):
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        answer = post(address, body, path)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_reasoning_without_a_text_is_no_reasoning():
    reasoning = {"type": "reasoning", "content": [{"text": None}, None]}
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        body = {**sample(), "response": {"output": [reasoning, {"type": "message", "content": GOOD}]}}
        assert post(address, body, "/verify").json()["reward"] == 3.5


def test_a_token_guards_all_but_health():
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told(), token="secret")) as address:
        assert post(address, {"samples": [sample()]}).status_code == 401
        assert post(address, {"samples": [sample()]}, headers={"Authorization": "Bearer secret"}).status_code == 200
        assert httpx.get(f"{address}/metrics").status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200


def test_too_many_waiting_samples_are_turned_away_for_now():
    with (
        NLI(Slow(seconds=0.5)) as nli,
        http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), nli, max_waiting=2)) as address,
    ):

        async def ask_all() -> list[int]:
            async with httpx.AsyncClient(timeout=30) as client:
                answers = await asyncio.gather(
                    *(client.post(f"{address}/rewards", json={"samples": [sample(GOOD)]}) for _ in range(8))
                )
            assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)
            return sorted(answer.status_code for answer in answers)

        codes = asyncio.run(ask_all())
    assert set(codes) == {200, 429}
    assert codes.count(200) >= 2


def test_the_command_serves_a_reward_until_it_is_told_to_stop(tmp_path: Path):
    command = [
        sys.executable, "-m", "groundeval", "serve-rewards", "--reward", "ground_grpo_stage2", "--task",
        "trust_asqa", "--reward-args", "citation=false,reduction=mean", "--nli", "lexical", "--port", "0",
    ]  # fmt: skip
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert server.stderr is not None
    try:
        listening = next(line for line in server.stderr if "starting" not in line)
        address = re.search(r"serving ground_grpo_stage2 on (http\S+)", listening)
        assert address is not None, listening
        unnamed = {name: value for name, value in sample().items() if name != "task"}
        # A socket that listens already queues the request until the server runs.
        assert post(address[1], {"samples": [unnamed]}).json()["rewards"][0]["total"] == 3.0
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reward", "trst"], 'unknown reward "trst". Did you mean "trust"?'),
        (["--reward", "trust", "--task", "trust_asq"], 'unknown task "trust_asq"'),
        (["--reward", "ternary", "--reward-args", "wrnog=-2"], 'reward "ternary": unknown parameter "wrnog"'),
        (["--reward", "trust", "--nli", "lexicla"], 'unknown NLI model "lexicla"'),
    ],
)
def test_the_command_refuses_wrong_names_before_it_listens(arguments: list[str], says: str, capsys: Any):
    assert main(["serve-rewards", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_texts_with_lone_surrogates_are_taken_as_they_are():
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2"), told())) as address:
        body = json.dumps({"samples": [sample(GOOD.replace("is it", "is \ud800 it"), prefill="\udfff")]})
        found = httpx.post(f"{address}/rewards", content=body, timeout=20)
    assert (found.status_code, found.json()["rewards"][0]["status"]) == (200, "ok")
