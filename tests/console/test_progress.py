"""Progress and results as a person sees them."""

from __future__ import annotations

import io
import sys

import pytest

from groundeval.cli.tables import print_results
from groundeval.console import progress as progress_module
from groundeval.console.progress import progress
from groundeval.scoring.results import Results
from groundeval.stats.bootstrap import Estimate


def shown(capsys: pytest.CaptureFixture[str], *, total: int, done: int = 0, quiet: bool = False) -> str:
    with progress("scoring", total=total, done=done, quiet=quiet) as advance:
        for _ in range(total - done):
            advance()
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_without_a_terminal_there_is_a_line_at_the_end(capsys: pytest.CaptureFixture[str]):
    assert shown(capsys, total=3) == "scoring: 3/3\n"
    assert shown(capsys, total=3, done=1) == "scoring: 3/3\n"


def test_long_work_says_now_and_then_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress_module, "_SECONDS_BETWEEN_LINES", -1.0)
    assert shown(capsys, total=3) == "scoring: 1/3\nscoring: 2/3\nscoring: 3/3\n"


def test_nothing_is_shown_when_told_to_be_quiet_or_when_all_is_done(capsys: pytest.CaptureFixture[str]):
    assert shown(capsys, total=3, quiet=True) == ""
    assert shown(capsys, total=3, done=3) == ""
    assert shown(capsys, total=0) == ""


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("scoring", total=2) as advance:
        advance()
        advance()
    assert "scoring" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()


def results(profile: str, nli: str | None = "lexical", fidelity: str = "proxy") -> Results:
    estimates = {"str_em": Estimate(12.345, 1.0, (10.0, 14.25), 7), "length": Estimate(3.0, None, None, 7)}
    return Results(
        task="asqa",
        task_version=1,
        profile=profile,
        nli=nli,
        nli_identity=None if nli is None else {"fidelity": fidelity},
        n=7,
        statuses={"empty": 1, "ok": 6},
        headline=["str_em"],
        metrics=estimates,
        notes=["something was computed"],
    )


def test_a_table_shows_values_intervals_samples_statuses_and_notes(capsys: pytest.CaptureFixture[str]):
    print_results([results("alce")])
    out = " ".join(capsys.readouterr().out.split())
    for part in ("asqa", "alce", "lexical*", "n = 7 (1 empty)", "12.35", "10.00 to 14.25", "3.00", "something was"):
        assert part in out or part.replace("12.35", "12.34") in out, part
    assert "not comparable" in out


def test_a_verifier_that_is_no_proxy_is_not_marked(capsys: pytest.CaptureFixture[str]):
    print_results([results("alce", "true", "exact")])
    out = capsys.readouterr().out
    assert "true*" not in out
    assert "not comparable" not in out
    print_results([results("alce", None)])
    assert "not used" in capsys.readouterr().out


def test_several_results_are_summed_up_by_their_headlines(capsys: pytest.CaptureFixture[str]):
    print_results([results("alce"), results("trust")], heading="model m")
    out = capsys.readouterr().out
    assert "model m" in out
    assert out.count("str_em") == 2
    assert out.count("something was computed") == 1


def test_results_are_the_same_bytes_each_time_and_reject_what_they_do_not_know():
    assert results("alce").as_bytes() == results("alce").as_bytes()
    assert Results.model_validate_json(results("alce").as_bytes()) == results("alce")
    with pytest.raises(ValueError, match="extra"):
        Results.model_validate({**results("alce").model_dump(), "seconds": 3})
