"""`groundeval bench generation`: backends on the same prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import CHATML

pytest.importorskip("transformers")

from groundeval.bench.generation import Comparison, Setup, compare, prompts_of
from groundeval.cli.app import main
from groundeval.errors import UsageError
from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.generation.interface import GENERATORS, Completion, SamplingParams
from groundeval.records import Prompt

PROMPTS = [Prompt(name, f"Tell me of {name}.") for name in ("one", "two", "three", "four")]


class Twin(TransformersGenerator):
    """Writes as `hf` does, but for the second half of one text, and one sample that it cannot do."""

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        for completion in super().generate(prompts, params):
            if completion.id == "two":
                half = len(completion.text) // 2
                yield replace(completion, text=completion.text[:half] + "\u00df" * 3)
            elif completion.id == "four":
                yield Completion("four", "", error="the engine ended it")
            else:
                yield completion


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    GENERATORS.names()
    monkeypatch.setattr(GENERATORS, "_entries", dict(GENERATORS._entries))
    GENERATORS.add("twin", Twin, "the tests")


@pytest.fixture
def found(twin: None, tiny: Callable[..., Path]) -> Comparison:
    return compare(["hf", "twin"], PROMPTS, Setup(str(tiny(CHATML)), batch_size=2, max_new_tokens=8))


def test_equal_texts_are_counted_among_those_that_both_could_write(found: Comparison) -> None:
    [agreement] = found.agreements
    assert (agreement.backend, agreement.against, agreement.samples, agreement.identical) == ("twin", "hf", 3, 2)
    assert agreement.percent == pytest.approx(66.67)
    assert [speed.failed for speed in found.speeds] == [0, 1]


def test_where_a_text_parts_and_how_near_the_two_likeliest_tokens_were_is_told(found: Comparison) -> None:
    [parting] = found.agreements[0].partings
    assert parting.id == "two"
    assert parting.token is not None
    assert parting.token > 0
    assert parting.margin is not None
    assert parting.margin >= 0
    assert parting.written[0] != parting.written[1]


def test_every_backend_is_timed_on_all_prompts(found: Comparison) -> None:
    assert [speed.backend for speed in found.speeds] == ["hf", "twin"]
    assert found.speeds[0].new_tokens == 32
    assert found.speeds[0].prompt_tokens > 4 * 20
    assert set(found.ratios()) == {"twin"}


@pytest.mark.usefixtures("twin")
def test_the_command_prints_what_was_found(
    tiny: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--task", "trust_asqa", "--data", "embedded", "--limit", "2", "--num-docs", "1", "--max-new-tokens", "3"]
    model = str(tiny(CHATML, positions=65536))
    assert main(["bench", "generation", "--model", model, "--backends", "hf,twin", *flags, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["agreements"][0]["identical"] == 2
    assert main(["bench", "generation", "--model", model, "--backends", "hf,twin", *flags]) == 0
    assert "2 of 2 texts equal those of hf" in capsys.readouterr().out


def test_prompts_are_those_of_the_tasks_first_samples() -> None:
    assert len(prompts_of("trust_asqa", "embedded", limit=3, num_docs=2)) == 3


def test_a_backend_named_twice_is_refused(tiny: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="given twice"):
        compare(["hf", "hf"], PROMPTS, Setup(str(tiny(CHATML))))


def test_a_backend_that_does_not_exist_is_refused_before_any_model_is_loaded() -> None:
    with pytest.raises(UsageError, match='unknown backend "vlm"'):
        compare(["hf", "vlm"], PROMPTS, Setup("/no/model"))
