"""Resolving a spec to a verifier, and the error messages for wrong specs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

import groundeval
from groundeval.cli.app import main
from groundeval.errors import UsageError
from groundeval.nli import NLI_MODELS, NLIOptions, Traits, connect, register_nli
from groundeval.nli.verifiers.seq2seq import Seq2Seq
from groundeval.nli.weights import kind_of_config, revision_of
from groundeval.records import Pair, Verdict


def test_a_spec_has_one_handle_in_a_process_and_another_for_other_options():
    assert connect("lexical") is connect("lexical")
    assert connect("true") is not connect("true", dtype="float32")


def test_connecting_loads_nothing_and_needs_no_torch():
    code = "import sys; from groundeval.nli import connect; connect('true'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lexcal", 'Did you mean "lexical"'),
        ("no such thing", "unknown NLI model"),
        ("lexcal:x", "unknown NLI model"),
        ("", "unknown NLI model"),
        ("127.0.0.1:8765", r'"127.0.0.1:8765". Did you mean http://127.0.0.1:8765\?'),
        ("judge.local:8765", r"Did you mean http://judge.local:8765\?"),
    ],
)
def test_an_unknown_spec_names_the_nearest_and_the_allowed_ones(spec: str, message: str):
    with pytest.raises(UsageError, match=message) as caught:
        connect(spec)
    assert "lexical, " in str(caught.value)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UsageError, match='Did you mean "revision"'):
        connect("true", revison="main")


def test_float16_is_refused_because_it_overflows():
    with pytest.raises(UsageError, match="float16 overflows"):
        connect("true", dtype="float16")


def test_a_folder_without_a_model_is_a_usage_error(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        connect(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        connect(str(tmp_path))
    with pytest.raises(UsageError, match="is a file"):
        connect(str(tmp_path / "config.json"))


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True}, "seq2seq"),
        ({"architectures": ["DebertaV2ForSequenceClassification"]}, "classifier"),
        ({"architectures": ["LlamaForCausalLM"]}, "causal"),
    ],
)
def test_the_kind_of_a_folder_is_read_from_its_config(config: dict, kind: str):
    assert kind_of_config(json.loads(json.dumps(config))) == kind


def test_a_check_names_what_may_have_been_meant_and_loads_nothing(tmp_path: Path):
    pytest.importorskip("transformers")
    (tmp_path / "my-model").mkdir()
    with pytest.raises(UsageError, match=r'Did you mean ".*my-model"'):
        connect(f"seq2seq:{tmp_path / 'my-modle'}").check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "from 0 to 1"),
        ({"threshold": "high"}, "threshold='high': should be a valid number"),
        ({"max_length": 0}, "1 or more"),
        ({"max_length": 1.5}, "max_length=1.5: should be a valid integer"),
        ({"label": True}, """label=True: should be a valid string(.|\n)*'label': '"..."'"""),
        ({"revision": 123}, "revision=123: should be a valid string"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        connect("true", **options)
    assert connect("classifier", threshold=1, max_length=4, label="2", revision=None, patience=3)


@pytest.mark.parametrize("spec", ["true", "minicheck", "lexical", "causal:judge@http://127.0.0.1:9/v1"])
def test_a_longest_input_is_refused_by_verifiers_that_have_none(spec: str):
    with pytest.raises(UsageError, match="max_length=128: only in-process classifier and causal"):
        connect(spec, max_length=128).check()


def test_a_model_that_runs_its_own_configuration_is_named_by_its_commit_once_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
):
    def from_hub(source: str, *, revision: str | None, trust_remote_code: bool) -> SimpleNamespace:
        if not trust_remote_code:
            raise ValueError("pass trust_remote_code=True")
        return SimpleNamespace(_commit_hash="abc")

    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", from_hub)
    assert revision_of("nobody/own-code", None, trust_remote_code=True) == "abc"
    model = NLI_MODELS.get("classifier")(NLIOptions(model="nobody/own-code", trust_remote_code=True))
    assert model.revision == "abc"


def test_a_model_that_judges_nothing_is_refused():
    with pytest.raises(UsageError, match="ViTModel"):
        kind_of_config({"architectures": ["ViTModel"]})


def test_a_job_of_several_ranks_gets_no_model_in_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="serve-nli"):
        connect("true")
    assert connect("true", in_process=True)
    assert connect("lexical").judge([Pair("a", "a")])[0].entailed


def test_a_plugin_registers_a_verifier_by_name():
    class Always:
        name = "always-for-test"
        revision = None
        traits = Traits(instant=True)

        def score(self, pairs):
            return [Verdict(True, 1.0) for _ in pairs]

    @register_nli("always-for-test")
    def always(options):
        return Always()

    try:
        nli = connect("always-for-test")
        assert nli.judge([Pair("", "x")]) == [Verdict(True, 1.0)]
        assert nli.identity()["name"] == "always-for-test"
    finally:
        del NLI_MODELS._entries["always-for-test"]


def test_an_identity_is_json_and_says_that_lexical_is_a_proxy():
    identity = connect("lexical").identity()
    assert json.loads(json.dumps(identity)) == identity
    assert (identity["name"], identity["fidelity"]) == ("lexical", "proxy")


def test_the_list_says_what_each_verifier_declares(capsys: pytest.CaptureFixture[str]):
    assert main(["list", "nli", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"true", "seq2seq", "minicheck", "classifier", "causal", "remote", "lexical"} <= set(rows)
    assert (rows["true"]["results"], rows["true"]["licence"]) == ("exact", "Apache-2.0")
    assert "500 words, max" in rows["minicheck"]["long premises"]
    assert {rows[name]["results"] for name in ("minicheck", "classifier", "causal", "lexical")} == {"proxy"}
    assert "presets.py:" in rows["true"]["source"]


def test_scoring_again_with_the_yardstick_takes_over_no_batched_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    judged: list[str] = []

    class Said(Seq2Seq):
        def check(self) -> None:
            pass

        def load(self) -> None:
            pass

        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            judged.append(self._options.exact)
            return [Verdict(True, 1.0) for _ in pairs]

    monkeypatch.setattr("groundeval.nli.verifiers.seq2seq.Seq2Seq", Said)
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"architectures": ["T5ForConditionalGeneration"]}))
    outputs = tmp_path / "outputs.jsonl"
    docs = [{"title": "Rome", "text": "Rome is old."}]
    record = {"question": "How old is Rome?", "answer": "Old.", "docs": docs, "output": "Rome is old [1]."}
    outputs.write_text(json.dumps(record))
    for exact in ({}, {"exact": "batch"}, {"exact": "generate"}):
        options = {"dtype": "float32", "cache": False, **exact}
        groundeval.score(
            outputs, "eli5", metrics=["citation"], nli=str(model), nli_options=options, output_path=tmp_path / "run"
        )
    assert judged == ["batch", "generate"]
    manifests = [json.loads(path.read_text()) for path in (tmp_path / "run").glob("scores/*/manifest.json")]
    ways = [manifest["identity"]["nli"].get("exact") for manifest in manifests]
    assert sorted(ways, key=str) == [None, "generate"]
