"""What strangers wrote is shown as text, wherever it is printed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.table import Table
from run_cases import Cli, record

from groundeval.console.sanitize import visible
from groundeval.console.terminal import Terminal

HOSTILE = ("[/x]", "[link=file:///etc/passwd]a[/link]", "\x1b]0;title\x07", "a\u202eb", ":skull:", "[bold]b", "\x9b31m")


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_and_cells_are_text(text: str):
    written = io.StringIO()
    console = Terminal(file=written, force_terminal=True, width=100, color_system=None)
    table = Table()
    table.add_column(text)
    table.add_row(text)
    console.print(text)
    console.print(table)
    shown = written.getvalue()
    assert not {"\x07", "\x9b", "\u202e", "\U0001f480"} & set(shown)
    assert "\x1b]" not in shown
    assert shown.count(visible(text)) == 3


def test_names_and_values_of_a_file_cannot_deceive_who_inspects_it(cli: Cli, tmp_path: Path):
    file = tmp_path / "o.json"
    hostile = {each: each for each in HOSTILE}
    file.write_text(json.dumps([{**record(), **hostile, "output": f"It is. {' '.join(HOSTILE)}"}]))
    ran = cli("inspect", file)
    assert ran.code == 0, ran.err
    assert "[link=file:///etc/passwd]" in ran.out.replace("\n", "")
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)


def test_an_id_in_a_note_cannot_deceive_who_reads_the_scores(cli: Cli, tmp_path: Path):
    file = tmp_path / "o.json"
    failed = {**record(1), "id": "".join(HOSTILE), "output": None, "error": {"message": "\x1b[2J[/x]", "code": 429}}
    file.write_text(json.dumps([record(), failed]))
    ran = cli("score", file, "--task", "own", "--nli", "lexical")
    assert ran.code == 0, ran.err
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out + ran.err)
