"""The calling conventions of verl, OpenRLHF, verifiers, NeMo Gym and slime, as these call them."""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from reward_cases import example, thought, unanswerable
from typer.testing import CliRunner

from groundeval.cli.app import app
from groundeval.errors import BackendError, DataError, SampleError, UsageError
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.rewards.adapters import nemo_gym, slime, verl
from groundeval.rewards.adapters.openrlhf import response_in
from groundeval.rewards.adapters.verifiers import reward_of_trace, rubric_function
from groundeval.rewards.columns import example_json, example_of
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task

GOOD = thought("Paris text [1].")
"""Half of its words are in document A: the lexical verifier calls it supported."""
LABEL = json.dumps({"task": "trust_asqa", "example": example_json(example())})
STAGE2 = "ground_grpo_stage2"


def from_path(trainer: str) -> ModuleType:
    """The module of the file that `groundeval rewards path` prints, loaded as the trainer loads it."""
    printed = CliRunner().invoke(app, ["rewards", "path", trainer]).output.strip()
    spec = spec_from_file_location("custom_module", printed)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def _failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Lexical, pairs: Any) -> Any:
        raise SampleError("does not fit")

    monkeypatch.setattr(Lexical, "score", fails)


BROKEN = thought("Paris, unheard of [1].")


def test_verl_scores_one_sample_a_call_from_a_file_awaited_or_not():
    module = from_path("verl")
    assert inspect.iscoroutinefunction(module.compute_score)
    arguments = {"data_source": "trust_asqa", "solution_str": GOOD, "ground_truth": example_json(example())}
    options = {"reward": STAGE2, "nli": "lexical", "parameters": {"reduction": "mean"}, "extra_info": {"index": 3}}
    found = asyncio.run(module.compute_score(**arguments, **options))
    assert found == {
        "score": 3.5, "failed": 0.0, "tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.5, "citation": 0.5,
    }  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        each = list(pool.map(lambda _: module.compute_score_sync(**arguments, **options), range(16)))
    assert each == [found] * 16


def test_verl_gets_the_same_keys_for_every_sample_of_a_recipe():
    module = from_path("verl")
    options = {"reward": STAGE2, "nli": "lexical"}
    samples = ((GOOD, example()), ("no tags", example()), (thought("x"), unanswerable()))
    keys = [
        list(module.compute_score_sync("trust_asqa", text, example_json(each), **options)) for text, each in samples
    ]
    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("reward", ["default", STAGE2, "alce", "strict_grounded"])
def test_verl_and_openrlhf_get_the_same_keys_for_all_tasks_of_a_batch(reward: str, monkeypatch: pytest.MonkeyPatch):
    tasks = ("asqa", "eli5", "qampari", "trust_asqa")
    samples = [(task, example_json(load_task(task).load("embedded").examples[0])) for task in tasks]
    module = from_path("verl")
    found = [
        module.compute_score_sync(task, thought("Paris [1]."), each, reward=reward, nli="lexical")
        for task, each in samples
    ]
    assert len({tuple(each) for each in found}) == 1
    assert all(math.isfinite(value) for each in found for value in each.values())
    monkeypatch.setenv("GROUNDEVAL_REWARD", reward)
    monkeypatch.setenv("GROUNDEVAL_NLI", "lexical")
    labels = [json.dumps({"task": task, "example": each}) for task, each in samples]
    alone = [from_path("openrlhf").reward_func(["Q?A"], ["Q?"], [label])["extra_logs"] for label in labels]
    assert len({tuple(each) for each in alone}) == 1


def test_verl_may_be_told_which_tasks_there_are():
    arguments = ("trust_asqa", GOOD, example_json(example()))
    options: dict[str, Any] = {"reward": "default", "nli": "lexical"}
    module = from_path("verl")
    own = module.compute_score_sync(*arguments, tasks=["trust_asqa"], **options)
    mixed = module.compute_score_sync(*arguments, tasks=["trust_asqa", "asqa"], **options)
    assert set(mixed) - set(own) == {"str_em", "citation_rec", "citation_prec"}
    assert own["score"] == mixed["score"]
    assert mixed["str_em"] == 0.0, "a part of another task adds nothing"


def test_verl_reads_the_tasks_of_its_export_where_one_is_a_file(tmp_path: Path):
    file = tmp_path / "own.yaml"
    fields = "{question: question, documents: docs, answers: answers}"
    file.write_text(f"name: own\nkind: em\ndata: a.json\nfields: {fields}\nreward: {{length: 1}}\nprofile: alce\n")
    own = from_path("verl").compute_score_sync(
        "trust_asqa", GOOD, example_json(example()), extra_info={"tasks": [str(file)]}, nli="lexical"
    )
    assert "length" in own


@pytest.mark.usefixtures("_failing")
def test_verl_is_told_of_a_failed_sample_unless_the_user_says_what_it_gets():
    module = from_path("verl")
    arguments = ("trust_asqa", BROKEN, example_json(example()))
    with pytest.raises(DataError, match=r"does not fit.*\n.*reward_kwargs.failed=VALUE"):
        module.compute_score_sync(*arguments, reward=STAGE2, nli="lexical")
    found = module.compute_score_sync(*arguments, reward=STAGE2, nli="lexical", failed=-1.0)
    assert (found["score"], found["failed"]) == (-1.0, 1.0)
    sound = module.compute_score_sync("trust_asqa", GOOD, example_json(example()), reward=STAGE2, nli="lexical")
    assert list(found) == list(sound)


def test_verl_gets_the_total_as_score_whatever_the_parts_are_called(tmp_path: Path):
    file = tmp_path / "named.yaml"
    file.write_text(
        "profile: trust\ncombine: sum\ncomponents: {score: answered, failed: {value: answered, weight: 2}}\n"
    )
    found = from_path("verl").compute_score_sync(
        "trust_asqa", GOOD, example_json(example()), reward=str(file), nli="lexical"
    )
    assert found == {"score": 3.0, "failed": 0.0, "component/score": 1.0, "component/failed": 1.0}


@pytest.fixture
def _chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDEVAL_REWARD", STAGE2)
    monkeypatch.setenv("GROUNDEVAL_NLI", "lexical")
    monkeypatch.setenv("GROUNDEVAL_REWARD_ARGS", '{"reduction": "mean"}')


@pytest.mark.usefixtures("_chosen")
def test_openrlhf_gets_tensors_from_a_file_and_may_ask_with_special_tokens():
    found = from_path("openrlhf").reward_func([f"Q?{GOOD}<|im_end|>", "Q?plain</s>"], ["Q?", "Q?"], [LABEL, LABEL])
    assert found["rewards"].tolist() == found["scores"].tolist() == [3.5, 0.0]
    assert found["extra_logs"]["citation"].tolist() == [0.5, 0.0]


LONG = "Document [1](A): A text. Document [2](B): Rome. Answer the question. Question: Q?\nAnswer:"


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize("cut", [0, 1, 30, len(LONG) - 1])
@pytest.mark.parametrize("start", ["", "<s>", "<|begin_of_text|>", "\ufffd"])
def test_a_prompt_that_openrlhf_cuts_from_the_left_is_no_part_of_the_response(cut: int, start: str):
    found = from_path("openrlhf").reward_func([f"{start}{LONG[cut:]}{GOOD}</s>"], [LONG], [LABEL])
    assert found["rewards"].tolist() == [3.5]


@pytest.mark.usefixtures("_chosen")
def test_the_longest_end_of_a_repetitive_prompt_is_taken_away():
    rollout = from_path("openrlhf").rollout
    prompt = "Q? Q? Q? Q?"
    assert rollout("Q? Q? Q? Q? A", prompt, LABEL).text == " A"
    assert rollout("Q? Q? Q? A", prompt, LABEL).text == " A"
    assert rollout(prompt, prompt, LABEL).text == ""
    assert rollout("A", "", LABEL).text == "A"


@pytest.mark.parametrize(
    ("query", "prompt"),
    [("a" * 200_000 + "b", "a" * 400_000), ("ab" * 100_000 + "c", "ab" * 200_000), (" " * 400_000 + "bc", "ab")],
    ids=["one letter", "two letters", "white space"],
)
def test_texts_that_repeat_themselves_take_no_more_time_than_others(query: str, prompt: str):
    """A comparison of every end of the prompt, or of every run of white space, would take hours."""
    begun = time.process_time()
    assert response_in(query, prompt) == query[-1]
    assert time.process_time() - begun < 5


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize("cut", [0, 20])
@pytest.mark.parametrize("begun", ["", "<think>\n"])
def test_spaces_that_decoding_drops_from_the_prompt_make_no_difference(cut: int, begun: str):
    prompt = f"Document [1](A): A text , said he . Do n't guess : what is it ?\n\n{begun}"
    decoded = prompt.replace(" ,", ",").replace(" .", ".").replace(" n't", "n't").replace(" ?", "?")
    asked = from_path("openrlhf").rollout(f"<s> {decoded[cut:]}{GOOD.removeprefix(begun.strip())}</s>", prompt, LABEL)
    assert (asked.prefill + asked.text).replace("\n", "") == GOOD.replace("\n", "")
    found = from_path("openrlhf").reward_func(
        [f"<s> {decoded[cut:]}{GOOD.removeprefix(begun.strip())}</s>"], [prompt], [LABEL]
    )
    assert found["rewards"].tolist() == [3.5]


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize("query", ["", "Paris text [1].", "\nQ?"])
def test_a_query_without_its_prompt_is_an_error_and_not_an_answer(query: str):
    with pytest.raises(DataError, match=r"query .*does not begin with its prompt.*\n.*cut from the left"):
        from_path("openrlhf").reward_func([query], [LONG], [LABEL])


@pytest.mark.usefixtures("_chosen", "_failing")
def test_openrlhf_gets_no_reward_for_a_failed_sample():
    with pytest.raises(SampleError, match="does not fit"):
        from_path("openrlhf").reward_func([f"Q?{BROKEN}"], ["Q?"], [LABEL])


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize("label", ["", "Paris", "{}", '{"task": "trust_asqa"}'])
def test_openrlhf_labels_must_be_those_of_the_export(label: str):
    with pytest.raises(DataError, match=r"label .*must be JSON with `task` and `example`.*\n.*data export"):
        from_path("openrlhf").reward_func(["Q?A"], ["Q?"], [label])


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize(
    ("queries", "prompts", "says"),
    [([None], ["Q?"], "query None"), (["Q?A"], [["Q?"]], "prompt"), (["Q?A"], [], "1 queries, 0 prompts")],
)
def test_what_is_not_of_openrlhfs_form_is_named(queries: list[Any], prompts: list[Any], says: str):
    with pytest.raises(DataError, match=says):
        from_path("openrlhf").reward_func(queries, prompts, [LABEL])


def test_settings_in_the_environment_are_checked(monkeypatch: pytest.MonkeyPatch):
    module = from_path("openrlhf")
    monkeypatch.setenv("GROUNDEVAL_NLI", "lexical")
    for variable, value, says in (
        ("GROUNDEVAL_REWARD", "ground_grpo", 'unknown reward "ground_grpo". Did you mean'),
        ("GROUNDEVAL_REWARD_ARGS", "a=1", "GROUNDEVAL_REWARD_ARGS='a=1': is no JSON"),
        ("GROUNDEVAL_REWARD_ARGS", "[]", "must be a JSON object"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            with pytest.raises(UsageError) as error:
                module.reward_func(["Q?A"], ["Q?"], [LABEL])
        assert says in str(error.value)


def verifiers_reward() -> Callable[..., Any]:
    return rubric_function(Rewarder.of(STAGE2, nli="lexical"))


def test_a_rubric_function_reads_the_conversation_and_the_info():
    reward = verifiers_reward()
    completion = [{"role": "user", "content": "no"}, {"role": "assistant", "content": GOOD}]
    assert reward.__name__ == STAGE2
    assert asyncio.run(reward(completion, info={"task": "trust_asqa", "example": example_json(example())})) == 3.5
    assert asyncio.run(reward(completion, info=None, answer=LABEL)) == 3.5


@pytest.mark.usefixtures("_failing")
def test_a_rubric_function_says_nan_for_a_failed_sample_since_an_exception_would_become_a_0():
    assert math.isnan(asyncio.run(verifiers_reward()(BROKEN, info=LABEL)))


def test_a_rubric_function_says_nan_and_once_why_for_wrong_data_and_a_verifier_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def gone(self: Lexical, pairs: Any) -> Any:
        raise BackendError("the verifier is gone")

    monkeypatch.setattr(Lexical, "score", gone)
    reward = verifiers_reward()
    with caplog.at_level("ERROR"):
        found = [asyncio.run(reward(BROKEN, info=info)) for info in (LABEL, LABEL, {}, {"task": "x"})]
    assert all(math.isnan(each) for each in found)
    assert len(caplog.records) == 2
    assert "the verifier is gone" in caplog.text
    assert "must hold `task` and `example`" in caplog.text


def test_weights_and_parameters_must_be_finite():
    with pytest.raises(UsageError, match='weight of reward "trust": nan; must be a finite number'):
        Rewarder.of({"trust": math.nan})
    with pytest.raises(UsageError, match="citation_penalty=inf: must be a finite number"):
        Rewarder.of(STAGE2, parameters={"citation_penalty": math.inf})


def test_a_trace_is_rewarded_for_its_last_answer():
    message = SimpleNamespace(model_dump=lambda: {"content": "<answer>Paris text [1].</answer>", "reasoning": "Hm."})
    rewarder = Rewarder.of(STAGE2, nli="lexical")
    trace = SimpleNamespace(assistant_messages=[message])
    found = asyncio.run(reward_of_trace(rewarder, trace, "trust_asqa", example_json(example())))
    assert found.total == 3.5
    silent = SimpleNamespace(assistant_messages=[])
    assert asyncio.run(reward_of_trace(rewarder, silent, "trust_asqa", example_json(example()))).total == 0.0


@pytest.mark.usefixtures("_failing")
def test_nemo_gym_gets_an_error_for_a_failed_sample():
    message = {"type": "message", "content": [{"type": "output_text", "text": BROKEN}]}
    body = {"response": {"output": [message]}, **json.loads(LABEL)}
    with pytest.raises(SampleError, match="does not fit"):
        asyncio.run(nemo_gym.verify(body, Rewarder.of(STAGE2, nli="lexical")))


@pytest.mark.usefixtures("_chosen")
def test_slime_is_answered_for_a_sample_with_its_label():
    sample = SimpleNamespace(prompt="Q?<think>\n", response=GOOD.removeprefix("<think>"), label=LABEL, metadata={})
    assert asyncio.run(slime.custom_rm(None, sample)) == 3.5


ENDS = ("<|im_end|>", "<｜end▁of▁sentence｜>", "<|eot_id|>\n<|finetune_right_pad_id|>", "<|user|>", "<eos><pad><pad>")


@pytest.mark.usefixtures("_chosen")
@pytest.mark.parametrize("end", ENDS)
def test_end_tokens_behind_a_perfect_answer_cost_nothing_in_any_adapter(end: str):
    assert set(every_adapter(GOOD + end).values()) == {3.5}
    inside = every_adapter(GOOD.replace("Paris", f"Paris{end}"))
    assert set(inside.values()) == {2.5}, "inside the text they stay, and the gold answer is not found"


REST = GOOD.removeprefix("<think>")


@pytest.mark.usefixtures("_chosen")
def test_a_thought_that_the_chat_template_begins_is_read_in_every_adapter():
    assert set(every_adapter(REST, prefill="<think>\n").values()) == {3.5}
    assert set(every_adapter(REST).values()) == {0.75}, "where nothing says so, the format lacks its first tag"


def every_adapter(text: str, prefill: str = "") -> dict[str, float | None]:
    """The reward of one text by each adapter, with the column `prefill` of an export where there is one."""
    from groundeval.rewards.adapters.trl import trl_reward

    rewarder = Rewarder.of(STAGE2, nli="lexical", parameters={"reduction": "mean"})
    info = {**json.loads(LABEL), **({"prefill": prefill} if prefill else {})}
    message = {"role": "assistant", "content": text}
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    options: dict[str, Any] = {"reward": STAGE2, "nli": "lexical", "parameters": {"reduction": "mean"}}
    columns = {"example": [info["example"]], "task": [info["task"]], "prefill": [prefill]}
    rendered = SimpleNamespace(prompt=f"Q?{prefill}", response=text, label=LABEL, metadata={})
    messages = SimpleNamespace(prompt=[{"role": "user", "content": "Q?"}], response=text, label=None, metadata=info)
    trace = SimpleNamespace(assistant_messages=[message])
    scored = from_path("verl").compute_score_sync(
        info["task"], text, info["example"], extra_info={"prefill": prefill}, **options
    )
    asked = from_path("openrlhf").reward_func([f"Q?{prefill}{text}"], [f"Q?{prefill}"], [LABEL])
    told = from_path("openrlhf").reward_func([f"Q?{text}"], ["Q?"], [json.dumps(info)])
    body = {"response": {"output": [item]}, **info}
    traced = asyncio.run(reward_of_trace(rewarder, trace, info["task"], info["example"], prefill=prefill))
    return {
        "verl": scored["score"],
        "openrlhf, rendered prompt": asked["rewards"].item(),
        "openrlhf, label": told["rewards"].item(),
        "verifiers": asyncio.run(rubric_function(rewarder)([message], info=info)),
        "verifiers, argument": asyncio.run(rubric_function(rewarder, prefill=prefill)([message], info=LABEL)),
        "verifiers, version 1": traced.total,
        "nemo_gym": asyncio.run(nemo_gym.verify(body, rewarder))["reward"],
        "slime, rendered prompt": asyncio.run(slime.custom_rm(None, rendered)),
        "slime, messages": asyncio.run(slime.custom_rm(None, messages)),
        "trl": asyncio.run(
            trl_reward(STAGE2, nli="lexical", parameters={"reduction": "mean"})(["Q?"], [[message]], **columns)
        )[0],
    }


@pytest.mark.usefixtures("_chosen")
def test_a_thought_that_nothing_has_opened_is_a_warning_once(caplog: pytest.LogCaptureFixture):
    from groundeval.rewards import rollouts

    rollouts._warn_of_unopened_thoughts.cache_clear()
    rewarder, row = Rewarder.of(STAGE2, nli="lexical"), json.loads(LABEL)
    with caplog.at_level("WARNING"):
        rewarder([Rollout(row["task"], row["example"], text) for text in (GOOD, "plain", "<think>cut off")])
        rewarder([Rollout(row["task"], row["example"], REST, "<think>")])
        assert not caplog.records
        for _ in range(3):
            rewarder([Rollout(row["task"], row["example"], REST)])
    assert [each.message.partition(":")[0] for each in caplog.records] == [
        "a completion ends a thought that it does not begin"
    ]


def test_reasoning_of_a_parser_behind_a_begun_thought_has_one_opening_tag():
    message = {"role": "assistant", "content": "<answer>Paris text [1].</answer>", "reasoning_content": "Hm."}
    info = {**json.loads(LABEL), "prefill": "<think>\n"}
    reward = rubric_function(Rewarder.of(STAGE2, nli="lexical"))
    assert asyncio.run(reward([message], info=info)) == asyncio.run(reward([message], info=LABEL)) == 3.5


def test_an_example_survives_its_column():
    for name in ("trust_asqa", "trust_qampari", "trust_eli5", "asqa"):
        for each in load_task(name).load("embedded").examples:
            assert example_of(example_json(each)) == example_of(example_json(example_of(example_json(each))))
            assert example_of(example_json(each)).docs == each.docs
    odd = replace(example(), question="Wh\ud800t?")
    assert example_of(example_json(odd)) == odd
    assert example_json(odd).isascii()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"solution_str": None}, "text is None"),
        ({"solution_str": ["x"]}, "text is"),
        ({"ground_truth": {"question": "q"}}, "example is"),
        ({"data_source": ["asqa"]}, "task is"),
        ({"extra_info": '{"prefill": ""}'}, "extra_info is"),
        ({"extra_info": {"tasks": 5}}, "tasks is 5"),
        ({"tasks": 5}, "tasks is 5"),
    ],
)
def test_what_verl_passes_on_and_is_no_text_is_an_error_that_names_it(change: dict[str, object], words: str):
    gold = '{"question": "q", "docs": [], "answers": [["a"]], "qa_pairs": []}'
    given = {"data_source": "asqa", "solution_str": "x", "ground_truth": gold, **change}
    with pytest.raises(DataError, match=words):
        verl.compute_score_sync(**given, nli="lexical")


def test_one_name_is_a_list_of_tasks():
    given = ("trust_asqa", "x", '{"question": "q", "docs": [], "answers": [["a"]], "qa_pairs": []}')
    one, several = (verl.compute_score_sync(*given, nli="lexical", tasks=tasks) for tasks in ("asqa", ["asqa"]))
    assert one == several
