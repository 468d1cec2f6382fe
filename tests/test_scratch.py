"""Temporary folders: removed at the end, and those of killed processes by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from groundeval.generation.backends.engine_log import EngineLog
from groundeval.scratch import scratch_folder, temporary

CHILD = """
import sys
import tempfile
from pathlib import Path
from groundeval.scratch import scratch_folder, temporary
with scratch_folder(Path(sys.argv[1]), ".site.", ".building") as folder:
    (folder / "part").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


def process_in(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has made a folder, and holds it."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def test_a_folder_is_there_inside_and_gone_at_the_end_whatever_was_put_into_it(tmp_path: Path):
    with scratch_folder(tmp_path, "a-") as folder:
        (folder / "deep" / "er").mkdir(parents=True)
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_uses_is_not(tmp_path: Path):
    living, used = process_in(tmp_path)
    killed, left = process_in(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert (left / "part").exists()
    with scratch_folder(tmp_path, ".site.", ".building") as folder:
        assert sorted(tmp_path.iterdir()) == sorted([used, folder])
        assert (used / "part").exists()
    living.communicate("")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_only_called_alike_and_links_stay(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "mine").mkdir(parents=True)
    (tmp_path / ".site.abcdefgh.building").symlink_to(elsewhere)
    for name in (".site.backup", ".site.abcdefgh", ".site.toolongname.building", "x.site.abcdefgh.building"):
        (tmp_path / name).mkdir()
    (tmp_path / ".site.abcdefg0.building").write_text("a file")
    before = sorted(tmp_path.iterdir())
    with scratch_folder(tmp_path, ".site.", ".building"):
        pass
    assert sorted(tmp_path.iterdir()) == before
    assert (elsewhere / "mine").is_dir()


def test_the_log_of_an_engine_whose_process_was_killed_is_removed_by_the_next_and_one_that_a_message_names_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    child = "from groundeval.generation.backends.engine_log import EngineLog\n"
    child += "import os; log = EngineLog(); kept = EngineLog(); kept.explain(ValueError()); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", child], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert sorted(path.is_dir() for path in tmp_path.iterdir()) == [False, True]
    EngineLog().close()
    [kept] = tmp_path.iterdir()
    assert kept.is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
def test_folders_of_other_accounts_stay(tmp_path: Path):
    other = tmp_path / "a-abcdefgh"
    other.mkdir()
    os.chown(other, 12345, 12345)
    with scratch_folder(tmp_path, "a-"):
        assert other.is_dir()


def test_sockets_get_a_folder_with_a_short_path_however_long_the_usual_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    deep = tmp_path / ("a" * 40) / ("b" * 40)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    usual, short = temporary("usual"), temporary("short", longest=43)
    try:
        assert usual.path.parent == deep
        assert len(os.fsencode(short.path)) <= 43
    finally:
        usual.close()
        short.close()
    assert not short.path.exists()
