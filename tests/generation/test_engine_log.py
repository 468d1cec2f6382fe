from __future__ import annotations

import os
import subprocess
import sys

import pytest

from groundeval.generation.backends.engine_log import EngineLog


def test_what_is_printed_meanwhile_goes_to_the_log_and_nothing_else_does(capfd: pytest.CaptureFixture[str]) -> None:
    log = EngineLog()
    os.write(1, b"before\n")
    with log.captured():
        os.write(1, b"inside\n")
        os.write(2, b"from C\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
    os.write(1, b"after\n")
    assert sorted(log.path.read_text().split("\n")) == ["", "child", "from C", "inside"]
    assert capfd.readouterr().out == "before\nafter\n"
    log.close()
    assert not log.path.exists()


def test_an_error_is_explained_by_what_the_engine_said_and_keeps_the_log() -> None:
    log = EngineLog()
    log.path.write_text(
        "(EngineCore pid=1) INFO 11-23 00:58:43 [core.py:1] starting\n"
        "(EngineCore pid=1) ERROR 11-23 00:58:44 [core.py:2] Traceback (most recent call last):\n"
        '(EngineCore pid=1) ERROR 11-23 00:58:44 [core.py:2]   File "x.py", line 1, in init\n'
        "(EngineCore pid=1) ERROR 11-23 00:58:44 [core.py:2] torch.OutOfMemoryError: CUDA out of memory. Tried ...\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\n"
    )
    message = log.explain(RuntimeError("Engine core initialization failed. See root cause above."))
    assert "vLLM said: torch.OutOfMemoryError: CUDA out of memory. Tried ..." in message
    log.close()
    assert str(log.path) in message
    assert log.path.exists()
    log.path.unlink()


def test_a_log_without_errors_adds_nothing() -> None:
    log = EngineLog()
    log.path.write_text("INFO all is well\n")
    assert "vLLM said" not in log.explain(ValueError("odd"))
    log.path.unlink()
