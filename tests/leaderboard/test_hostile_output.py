"""Model output, titles and names are hostile: they are shown as text, and nothing in them acts or deceives."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hostile import ALL, BIDI, FORMULA, HUGE, SCRIPT
from many_runs import write_run

from groundeval.cli.app import main
from groundeval.comparison.compare import compare, open_run
from groundeval.comparison.markdown import as_markdown
from groundeval.console.sanitize import markdown, one_line, visible
from groundeval.leaderboard.build import build
from groundeval.leaderboard.compare_page import write_comparison


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.targets: list[str] = []
        self.inline = 0
        self._script = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.targets += [value or "" for name, value in attributes if name in ("href", "src", "action")]
        self._script = tag == "script"

    def handle_data(self, data: str) -> None:
        self.inline += self._script and bool(data.strip())
        self._script = False


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for number, attack in enumerate(ALL):
        name = attack.replace("\ud800", "").replace("/", "") or "x"
        write_run(tmp_path / "runs", name, samples=8, seed=number, outputs=lambda n: ALL[n], title=name)
    (tmp_path / "runs" / "training").mkdir()
    (tmp_path / "runs" / "training" / "history.json").write_text(json.dumps([{"step": 1, f"reward{SCRIPT}": 1.0}] * 2))
    built = build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    assert built.measured == len(ALL), built.rejected
    return built.site


def test_no_page_gains_a_tag_a_handler_an_inline_script_or_a_foreign_link(site: Path):
    pages = [site / "index.html", *(site / "runs").glob("*.html")]
    assert len(pages) == 1 + len(ALL)
    for path in pages:
        page = Page(path)
        assert not page.tags & {"img", "iframe", "object", "embed", "form", "base", "b", "script>"} - {"b"}
        assert page.handlers == []
        assert page.inline == 0
        for target in page.targets:
            assert not re.match(r"(?i)\s*(javascript|https?|//)", target), target


def test_bidirectional_and_invisible_characters_are_written_out(site: Path):
    for path in [
        site / "index.html",
        *(site / "runs").rglob("*.html"),
        *(site / "runs").rglob("*.js"),
        site / "leaderboard.md",
    ]:
        content = path.read_text(encoding="utf-8")
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u2028\u2029\x00\x07]", content), path
    assert "\\u202e" in (site / "index.html").read_text()


def test_data_files_are_one_call_with_one_json_value(site: Path):
    files = list((site / "runs").rglob("*.js"))
    assert files
    for path in files:
        match = re.fullmatch(r'groundeval\.receive\("([\w-]+)",(.*)\);\n', path.read_text(encoding="utf-8"), re.DOTALL)
        assert match, path
        json.loads(match[2])


def test_a_spreadsheet_finds_no_formula(site: Path):
    rows = list(csv.reader((site / "leaderboard.csv").open(encoding="utf-8")))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
    assert any(cell.startswith("'=HYPERLINK") for row in rows for cell in row)


def test_an_output_of_ten_megabytes_is_cut_and_says_so(tmp_path: Path):
    write_run(tmp_path / "runs", "talkative", samples=2, outputs=lambda number: HUGE)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    [chunk] = (tmp_path / "site").rglob("samples-0.js")
    assert chunk.stat().st_size < 200_000
    assert f"{len(HUGE) - 20_000:,} more characters are in the run folder" in chunk.read_text()


def test_a_name_of_any_script_and_length_gets_a_page(tmp_path: Path):
    write_run(tmp_path / "runs", "模型" * 200, samples=4)
    build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    [page] = (tmp_path / "site" / "runs").glob("*.html")
    assert len(page.name.encode()) < 200
    assert "模型模型" in page.read_text(encoding="utf-8")


def test_a_comparison_shows_hostile_texts_as_text(tmp_path: Path):
    runs = [
        open_run(write_run(tmp_path, f"{SCRIPT}{seed}", samples=8, seed=seed, outputs=lambda n: ALL[n]))
        for seed in (1, 2)
    ]
    result = compare(runs)
    write_comparison(result, tmp_path / "out")
    page = Page(tmp_path / "out" / "compare.html")
    assert page.handlers == []
    assert not page.tags & {"script", "img", "svg"}
    found = as_markdown(result)
    assert "<script" not in found
    assert "](javascript" not in found


def test_visible_text_keeps_what_is_harmless():
    assert visible("Zürich\n\tnaïve 你好 😀") == "Zürich\n\tnaïve 你好 😀"
    assert visible(BIDI).startswith("abc\\u202edcba\\u2066hidden")
    assert visible("\ud800") == "\\ud800"
    assert visible("x" * 10, 4) == "xxxx\n… 6 more characters are in the run folder."


def test_one_line_is_one_line_of_limited_length():
    assert one_line("a\n b\t c") == "a b c"
    assert len(one_line("x" * 1000, 50)) == 50
    assert len(one_line(HUGE, 50)) == 50


def test_markdown_marks_are_escaped():
    assert markdown("a|b [x](http://y) <b>") == "a\\|b \\[x\\]\\(http:\\/\\/y\\) &lt;b&gt;"
    assert FORMULA.startswith("=")


def test_a_strangers_run_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path / "runs", "one", samples=4)
    run = write_run(tmp_path / "runs", "two", samples=4)
    [results] = run.glob("scores/*/results.json")
    found = json.loads(results.read_text())
    found["metrics"]["\x1b[31mkey"] = found["metrics"]["length"]
    results.write_text(json.dumps(found))
    assert main(["leaderboard", "build", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert main(["compare", str(run), str(run)]) != 0
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said.count("\\u001b[31mkey") >= 2
    # Its folder is named once.
    [told, *_] = [line for line in said.splitlines() if "left out" in line]
    assert told.count(run.name) == 1


def test_markdown_makes_no_link_of_an_address_without_a_scheme():
    assert markdown("me@evil.com WWW.evil.com") == "me&#64;evil.com WWW\\.evil.com"


@pytest.mark.parametrize("name", ['<a href="https://evil.example">TRUE</a>', "<b>x</b>", "%{x} 7", "a & b", SCRIPT])
def test_a_verifiers_name_in_a_plot_is_text(tmp_path: Path, name: str):
    folder = write_run(tmp_path / "runs", "system", samples=10)
    for path in folder.rglob("*.json"):
        content = json.loads(path.read_text())
        renamed = json.dumps(content).replace('"lexical"', json.dumps(name))
        path.write_text(renamed)
    board = build([tmp_path / "runs"], tmp_path / "site", shipped=False)
    assert board.rejected == []
    figures = (tmp_path / "site" / "data" / "figures.js").read_text(encoding="utf-8")
    names = re.findall(r'"name":"((?:[^"\\]|\\.)*)"', figures)
    assert any("NLI" in each for each in names)
    assert not any("<" in each or "%{" in each for each in names)
