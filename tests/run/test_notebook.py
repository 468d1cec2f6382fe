"""Use in a notebook: data in memory, results with a display, samples without files, errors in Python's spelling."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_cases import Counting, record, records, write

import groundeval
from groundeval.console.notebook import html_table, in_notebook
from groundeval.console.progress import progress
from groundeval.errors import DataError, GroundevalError, UsageError
from groundeval.tasks.formats.predictions import read_predictions

HOSTILE = "<script>alert(1)</script>\u202e&\"'"


def table(rows: list[dict[str, Any]]) -> Any:
    return pytest.importorskip("pandas").DataFrame(rows)


def arrow(rows: list[dict[str, Any]]) -> Any:
    return pytest.importorskip("pyarrow").Table.from_pylist(rows)


def dataset(rows: list[dict[str, Any]]) -> Any:
    return pytest.importorskip("datasets").Dataset.from_list(rows)


def arrays(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import numpy as np

    return [{**row, "docs": np.array(row["docs"], dtype=object), "answers": tuple(row["answers"])} for row in rows]


def responses(rows: list[dict[str, Any]]) -> list[groundeval.Response]:
    return [groundeval.Response.build(example, output) for example, output in read_predictions(rows)]


FORMS: list[Callable[[list[dict[str, Any]]], Any]] = [
    list, iter, lambda rows: {"data": rows}, arrays, table, arrow, dataset, responses,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_outputs_in_memory_score_as_those_of_a_file(form: Callable[[list[dict[str, Any]]], Any], data: Path):
    [of_file] = groundeval.score(data, "asqa", nli="lexical")
    [result] = groundeval.score(form(records(5)), "asqa", nli="lexical")
    assert result.results == of_file.results
    assert result.nli_pairs["asked"] == of_file.nli_pairs["asked"]
    assert [each.record() for each in result.samples()] == [each.record() for each in of_file.samples()]


@pytest.mark.parametrize("form", FORMS)
def test_limit_and_documents_count_in_memory_too(form: Callable[[list[dict[str, Any]]], Any], data: Path):
    options: Any = {"nli": "lexical", "limit": 3, "num_docs": 1}
    [result] = groundeval.score(form(records(5)), "asqa", **options)
    assert result.results == groundeval.score(data, "asqa", **options)[0].results
    assert result.results.n == 3


@pytest.mark.parametrize("form", [list, table, dataset])
def test_what_a_table_holds_nothing_of_is_absent(form: Callable[[list[dict[str, Any]]], Any]):
    """A table has all fields in all rows: those of documents too, where one of them has a summary."""
    rows = records(2)
    rows[0]["docs"][0]["summary"] = "Short."
    [result] = groundeval.score(form(rows), "asqa", nli="lexical", metrics=("str_em",))
    assert result.results.metrics["str_em"].value == 100.0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ([record(0), record(1, docs=3)], ("predictions[1]", "What is city 1?", 'field "docs"')),
        ([record(0), record(1, output=...)], ("predictions[1]", '"output"')),
        ([record(0, output=3)], ("predictions[0]", '"output"', "string")),
        ([record(0), "text"], ("predictions[1]", "'text'", "dict")),
        ([], ("predictions", "no records")),
        ([record(0), record(1, answers={"a": 1})], ("predictions[1]", "answers")),
    ],
)
def test_an_error_names_the_index_of_the_record_and_the_field(source: list[Any], words: tuple[str, ...]):
    with pytest.raises(DataError) as caught:
        groundeval.score(source, "asqa", nli="lexical", metrics=("str_em",))
    for word in words:
        assert word in str(caught.value)


def test_responses_are_of_one_kind_and_each_of_its_own_example():
    one, two = responses(records(2))
    with pytest.raises(DataError, match=r"predictions\[1\].*others are responses"):
        groundeval.score([one, record(1)], "asqa", nli="lexical")  # type: ignore[list-item]
    with pytest.raises(DataError, match=r'predictions\[2\]: the id "q0" is already used by predictions\[0\]'):
        groundeval.score([one, two, one], "asqa", nli="lexical")
    with pytest.raises(UsageError, match="reasoning_tags: responses are parsed already"):
        groundeval.score([one], "asqa", nli="lexical", reasoning_tags=groundeval.ReasoningTags("<a>", "</a>"))


@pytest.mark.parametrize("source", [None, 3, b"x", {"question": "?"}])
def test_what_are_no_predictions_is_refused(source: Any):
    with pytest.raises(UsageError, match="must be a file, a run folder, a list of records"):
        groundeval.score(source, "asqa", nli="lexical")


def test_scores_of_records_are_kept_and_resumed_like_those_of_a_file(tmp_path: Path):
    first, again, other = (
        groundeval.score(rows, "asqa", nli="lexical", output_path=tmp_path)[0]
        for rows in (records(3), records(3), records(3, output="Paris [1]."))
    )
    assert first.folder == again.folder != other.folder
    assert again.nli_pairs["asked"] == 0
    assert [each.id for each in first.samples()] == ["q0", "q1", "q2"]


def test_samples_hold_values_verdicts_and_statements_without_a_folder(data: Path):
    [result] = groundeval.score(data, "asqa", nli="lexical")
    sample = result.samples()[0]
    assert result.folder is None
    assert (sample.id, sample.status, sample.values["citation_rec"]) == ("q0", "ok", 1.0)
    assert sample.verdicts[0]["entailed"] is True
    assert "statements" in sample.evidence


def test_samples_that_were_neither_kept_nor_written_are_an_error():
    result = groundeval.ScoreResult(groundeval.score(records(1), "asqa", nli="lexical")[0].results, {}, None)
    with pytest.raises(DataError, match="neither kept nor written"):
        result.samples()


def test_a_run_gives_its_samples_and_shows_itself(data: Path, tmp_path: Path, counting: type[Counting]):
    runs = groundeval.evaluate(
        "m", "asqa", backend="counting", nli="lexical", data=str(data), output_path=tmp_path, profiles="alce,trust"
    )
    assert isinstance(runs, groundeval.TaskRuns)
    [run] = runs
    assert len(run.scores[0].samples()) == 5
    with pytest.raises(DataError, match="2 results have samples of their own"):
        run.samples()
    frame = runs.to_frame()
    assert set(frame["model"]) == {"m"}
    assert set(frame["profile"]) == {"alce", "trust"}
    assert "str_em" in runs._repr_html_()
    assert all("\n" not in repr(each) and len(repr(each)) < 300 for each in (runs, run))


def test_every_result_has_one_line_a_table_and_a_frame(data: Path):
    scored = groundeval.score(data, "asqa", nli="lexical", profiles="alce,trust", rewards="trust")
    worse = groundeval.score(records(5, output="No."), "asqa", nli="lexical")
    shown: list[Any] = [
        scored,
        scored[0],
        scored[0].samples(),
        groundeval.compare(scored[0], worse),
        groundeval.validate("trust_asqa", data="embedded"),
    ]
    for each in (*shown, scored[0].results, scored[0].samples()[0]):
        assert "\n" not in repr(each)
        assert len(repr(each)) < 300
    for each in shown:
        assert "<table>" in each._repr_html_()
        assert len(each.to_frame()) > 0
    frame = scored[0].to_frame().set_index("metric")
    assert frame.loc["str_em", "value"] == scored[0].results.metrics["str_em"].value
    assert "not comparable" in scored[0]._repr_html_()


TABLE = {"table", "thead", "tbody", "tr", "th", "td", "caption", "div"}


class Tags(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_strangers_wrote_is_escaped_wherever_it_is_shown(tmp_path: Path):
    rows = records(2, id=...)
    for number, row in enumerate(rows):
        row["id"] = f"{HOSTILE}{number}"
    [result] = groundeval.score(rows, "asqa", nli="lexical")
    page = Tags(result.samples()._repr_html_())
    assert page.tags <= TABLE
    assert "<script>" in page.text
    assert "\u202e" not in page.text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=20), st.one_of(st.text(), st.floats(), st.none(), st.integers()))))
def test_no_text_becomes_markup(rows: list[dict[str, object]]):
    assert Tags(html_table(rows, "<b>", ["<i>"])).tags <= TABLE


def test_without_pandas_a_frame_is_an_error_that_says_what_to_install(data: Path, monkeypatch: pytest.MonkeyPatch):
    imported = builtins.__import__

    def without_pandas(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    [result] = groundeval.score(data, "asqa", nli="lexical")
    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(UsageError, match="pip install pandas"):
        result.to_frame()
    assert "<table>" in result._repr_html_()


def test_results_in_memory_compare_as_their_folders_do(tmp_path: Path):
    good, bad = records(6), records(6, output="It is old [2].")
    kept = [groundeval.score(rows, "asqa", nli="lexical", output_path=tmp_path / name) for name, rows in
            (("a", good), ("b", bad))]  # fmt: skip
    in_memory = [groundeval.score(rows, "asqa", nli="lexical") for rows in (good, bad)]
    folders = groundeval.compare(*(each[0].folder for each in kept if each[0].folder))
    for pair in (kept, in_memory, [in_memory[0], kept[1]]):
        other = groundeval.compare(*pair)
        assert other.pairs[0].metrics == folders.pairs[0].metrics
        assert (other.n, other.refusals, other.ranked_by) == (6, (), "str_em")
    [difference] = [each for each in folders.pairs[0].metrics if each.key == "str_em"]
    assert difference.difference == -50.0


def test_comparing_says_what_it_takes(data: Path):
    result = groundeval.score(data, "asqa", nli="lexical", profiles="alce,trust")
    with pytest.raises(UsageError, match="run 1 has 2 scorings that fit"):
        groundeval.compare(result, result)
    assert groundeval.compare(result, result, profile="trust").n == 5
    with pytest.raises(UsageError, match="must be a folder, or what evaluate"):
        groundeval.compare([1], [2])  # type: ignore[arg-type]


def test_a_reward_is_reported_beside_the_metrics_it_is_made_of(data: Path, tmp_path: Path):
    rewards = ("trust", "ternary")
    [kept] = groundeval.score(data, "trust_asqa", nli="lexical", rewards=rewards, output_path=tmp_path)
    reward = groundeval.load_reward("trust", "trust_asqa", nli="lexical")
    totals = [each.total for each in reward(responses(records(5)))]
    assert [each.values["reward:trust"] for each in kept.samples()] == totals
    assert kept.results.metrics["reward:trust"].value == pytest.approx(sum(map(float, totals)) / 5)  # type: ignore[arg-type]
    assert list(kept.results.metrics)[-2:] == ["reward:trust", "reward:ternary"]
    assert kept.folder is not None
    assert groundeval.compare(kept.folder, kept.folder).pairs[0].metrics[-1].key == "reward:ternary"
    [plain] = groundeval.score(data, "trust_asqa", nli="lexical", output_path=tmp_path)
    assert plain.folder != kept.folder
    assert {k: v for k, v in kept.results.metrics.items() if ":" not in k} == plain.results.metrics


def test_validate_takes_names_objects_and_files(tmp_path: Path):
    task = groundeval.load_task("trust_asqa")
    assert groundeval.validate(task, data="embedded").passed
    assert groundeval.validate("task:trust_asqa", data="embedded").passed
    reward = groundeval.load_reward("trust", "trust_asqa", nli="lexical")
    assert groundeval.validate(reward, data="embedded").passed
    assert groundeval.validate("ground_grpo_stage2", reward_args={"reduction": "mean"}, data="embedded").passed
    with pytest.raises(UsageError, match="reward_args: trust_asqa is a task"):
        groundeval.validate("trust_asqa", reward_args={"a": 1})
    with pytest.raises(UsageError, match='Did you mean "trust_asqa"'):
        groundeval.validate("trust_asqq")


def test_public_names_are_shown_typed_and_lazy():
    shown = dir(groundeval)
    for name in ("evaluate", "score", "compare", "validate", "load_reward", "Generator", "Completion", "TaskRun"):
        assert name in shown
        assert getattr(groundeval, name).__doc__
    import inspect

    assert "num_docs" in inspect.signature(groundeval.evaluate).parameters
    assert "rewards" in inspect.signature(groundeval.score).parameters


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that serves a notebook, as IPython tells it."""
    module = ModuleType("IPython")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)


@pytest.mark.usefixtures("notebook")
def test_a_notebook_gets_a_bar(capsys: pytest.CaptureFixture[str]):
    assert in_notebook()
    with progress("scoring", total=3, done=1) as advance:
        advance()
        advance()
    shown = capsys.readouterr().err
    assert "scoring" in shown
    assert "3/3" in shown


def test_a_terminal_with_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("IPython")
    module.get_ipython = lambda: SimpleNamespace()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


@pytest.mark.usefixtures("notebook")
def test_scoring_in_a_notebook_shows_progress_when_asked(data: Path, capsys: pytest.CaptureFixture[str]):
    groundeval.score(data, "asqa", nli="lexical")
    assert capsys.readouterr().err == ""
    groundeval.score(data, "asqa", nli="lexical", quiet=False)
    assert "5/5" in capsys.readouterr().err


def test_errors_are_of_public_types(tmp_path: Path):
    with pytest.raises(groundeval.UsageError):
        groundeval.score(tmp_path / "nowhere.json", "asqa", nli="lexical")
    assert issubclass(groundeval.DataError, GroundevalError)
    assert json.loads(write(tmp_path / "x.json", {"a": 1}).read_text()) == {"a": 1}
