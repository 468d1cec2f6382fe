"""Reading claims with human labels, and the error messages for faulty files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundeval.bench.nli_data import head_removed, read_labelled
from groundeval.errors import DataError, UsageError
from groundeval.records import Pair

SHARED = Path(__file__).parents[3] / "shared" / "data"


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def pair_record(label: Any, **more: Any) -> dict[str, Any]:
    return {"premise": "Rome is old.", "hypothesis": "Rome is not new.", "label": label, **more}


def wice_record(claim: str, label: str, *evidence: str) -> dict[str, Any]:
    return {"label": label, "claim": f"About {claim}.", "evidence": list(evidence), "meta": {"id": claim}}


def expert_record(*claims: dict[str, Any]) -> dict[str, Any]:
    return {"question": "Why?", "answers": {"system": {"answer_string": "...", "claims": list(claims)}}}


def expert_claim(text: str, support: str | None, *evidence: str) -> dict[str, Any]:
    return {"claim_string": text, "support": support, "evidence": list(evidence)}


@pytest.mark.parametrize("label", [1, True, "1", "true", "Supported", "ENTAILMENT", " yes "])
def test_words_and_numbers_say_that_a_claim_is_supported(tmp_path: Path, label: Any):
    data = read_labelled(str(write(tmp_path / "pairs.jsonl", [pair_record(label), pair_record(0)])))
    assert [claim.supported for claim in data.claims] == [True, False]
    assert data.claims[0].pairs == (Pair("Rome is old.", "Rome is not new."),)


@pytest.mark.parametrize("label", [0, False, "0", "not supported", "not-supported", "Partially_Supported", "neutral"])
def test_words_and_numbers_say_that_a_claim_is_not_supported(tmp_path: Path, label: Any):
    data = read_labelled(str(write(tmp_path / "pairs.jsonl", [pair_record(1), pair_record(label)])))
    assert [claim.supported for claim in data.claims] == [True, False]


@pytest.mark.parametrize("label", [2, 0.5, None, "perhaps", "", [1]])
def test_another_label_is_an_error_that_names_file_record_field_and_value(tmp_path: Path, label: Any):
    file = write(tmp_path / "pairs.jsonl", [pair_record(1), pair_record(label)])
    with pytest.raises(DataError) as raised:
        read_labelled(str(file))
    shown = "null" if label is None else repr(label)
    assert all(part in str(raised.value) for part in (str(file), "record 2", '"label"', shown))


@pytest.mark.parametrize("lacking", ["premise", "hypothesis", "label"])
def test_a_missing_field_is_an_error_that_names_it(tmp_path: Path, lacking: str):
    record = {key: value for key, value in pair_record(1).items() if key != lacking}
    with pytest.raises(DataError, match=f'record 1: field "{lacking}" is missing'):
        read_labelled(str(write(tmp_path / "pairs.jsonl", [record])))


def test_a_premise_may_be_empty_but_a_hypothesis_may_not(tmp_path: Path):
    file = write(tmp_path / "pairs.jsonl", [pair_record(1), pair_record(0, premise="")])
    assert read_labelled(str(file)).claims[1].pairs[0].premise == ""
    with pytest.raises(DataError, match='"hypothesis"'):
        read_labelled(str(write(tmp_path / "pairs.jsonl", [pair_record(1, hypothesis=" ")])))


def test_data_with_one_label_only_cannot_measure_anything(tmp_path: Path):
    file = write(tmp_path / "pairs.jsonl", [pair_record(1), pair_record(1)])
    with pytest.raises(DataError, match="2 claims are supported and 0 are not"):
        read_labelled(str(file))


def test_a_name_before_the_file_is_what_results_call_it(tmp_path: Path):
    file = write(tmp_path / "pairs.jsonl", [pair_record(1), pair_record(0)])
    assert read_labelled(f"mine={file}").name == "mine"
    assert read_labelled(str(file)).name == "pairs"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wice=nowhere", "--data wice=nowhere"),
        ("expertqa=nowhere", "--data expertqa=nowhere"),
        ("nowhere.jsonl", "nowhere.jsonl: no such file"),
        ("wice=", "allowed are"),
        ("wise=.", 'Did you mean "wice"'),
    ],
)
def test_a_spec_that_leads_nowhere_is_a_usage_error(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        read_labelled(spec)


def test_a_limit_takes_the_same_sample_for_the_same_seed_in_the_order_of_the_file(tmp_path: Path):
    file = write(tmp_path / "pairs.jsonl", [pair_record(number % 2, id=f"{number:02}") for number in range(40)])
    first, again, other = (
        [claim.id for claim in read_labelled(str(file), limit=10, seed=seed).claims] for seed in (0, 0, 1)
    )
    assert first == again != other
    assert len(first) == 10
    assert first == sorted(first)


def test_chunks_of_one_wice_claim_are_one_claim_with_the_best_published_score(tmp_path: Path):
    records = [
        wice_record("a", "supported", "One.", "Two."),
        wice_record("a", "supported", "Three."),
        wice_record("b", "partially_supported", "Four."),
    ]
    write(tmp_path / "oracle_chunks_claim_dev.jsonl", records)
    (tmp_path / "scores_big-model_claim_dev.txt").write_text("0.2\n0.9\n0.4\n")
    data = read_labelled(f"wice={tmp_path}")
    assert [(claim.id, claim.supported, len(claim.pairs)) for claim in data.claims] == [("a", True, 2), ("b", False, 1)]
    assert data.claims[0].pairs[0] == Pair("One. Two.", "About a.")
    assert data.published == {"big-model": (0.9, 0.4)}


def test_published_scores_that_do_not_fit_the_chunks_are_refused(tmp_path: Path):
    write(
        tmp_path / "oracle_chunks_claim_dev.jsonl",
        [wice_record("a", "supported", "x"), wice_record("b", "not_supported", "y")],
    )
    scores = tmp_path / "scores_m_claim_dev.txt"
    scores.write_text("0.5\n")
    with pytest.raises(DataError, match=r"has 1 lines.* has 2"):
        read_labelled(f"wice={tmp_path}")
    scores.write_text("0.5\nhigh\n")
    with pytest.raises(DataError, match="line 2: 'high'"):
        read_labelled(f"wice={tmp_path}")


def test_chunks_of_one_claim_with_different_labels_are_refused(tmp_path: Path):
    records = [wice_record("a", "supported", "x"), wice_record("a", "not_supported", "y")]
    file = write(tmp_path / "claim_dev.jsonl", records)
    with pytest.raises(DataError, match="record 2"):
        read_labelled(f"wice={file}")


def test_expert_claims_lose_citations_and_the_heads_of_their_passages(tmp_path: Path):
    records = [
        expert_record(
            expert_claim(
                "Rome is old [1] [2].", "Complete", "[1] http://a\n\nOld Rome.", "[2] http://b\n\nRuins.\n\nMore."
            ),
            expert_claim("Rome is new.", "Incomplete", "[1] http://a\n\nOld Rome."),
            expert_claim("Rome is far.", "N/A", "[1] http://a\n\nOld Rome."),
            expert_claim("Rome is near.", "Missing"),
            expert_claim("Rome is blue.", "Partial", "[1] http://a"),
        ),
        expert_record(expert_claim("Rome is new.", "Incomplete", "[1] http://a\n\nOld Rome.")),
    ]
    write(tmp_path / "rand_test.jsonl", records)
    data = read_labelled(f"expertqa={tmp_path}")
    assert [(claim.supported, claim.pairs) for claim in data.claims] == [
        (True, (Pair("Old Rome.\nRuins.\n\nMore.", "Rome is old."),)),
        (False, (Pair("Old Rome.", "Rome is new."),)),
    ]
    assert data.left_out == {"support is N/A": 1, "no text of the evidence": 2, "seen before": 1}


def test_an_unknown_support_label_is_an_error_that_names_its_place(tmp_path: Path):
    write(tmp_path / "rand_test.jsonl", [expert_record(expert_claim("Rome.", "Full", "[1] http://a\n\nOld Rome."))])
    with pytest.raises(DataError, match=r"answers\.system\.claims\[0\]\.support.*'Full'"):
        read_labelled(f"expertqa={tmp_path}")


def test_evidence_that_is_an_address_alone_has_no_text():
    assert head_removed("[3] http://a.org/page") == ""


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_the_published_data_have_the_counts_that_their_authors_state():
    chunks = read_labelled(f"wice={SHARED / 'wice'}")
    pages = read_labelled(f"wice={SHARED / 'wice' / 'claim_dev.jsonl'}")
    experts = read_labelled(f"expertqa={SHARED / 'expertqa'}")
    assert (len(chunks.claims), sum(len(claim.pairs) for claim in chunks.claims)) == (349, 1043)
    assert (pages.name, len(pages.claims), sum(claim.supported for claim in pages.claims)) == ("wice_pages", 349, 115)
    assert list(chunks.published) == ["t5-3b-anli-wice"]
    assert experts.left_out["support is N/A"] == 62
    assert not any("[" in claim.pairs[0].hypothesis for claim in experts.claims[:50])
