"""Runs the commands and the Python code of README.md and docs/*.md in a fresh copy of this checkout.

A fenced block in `sh` or `python` is run; one with `<!-- not run: REASON -->` in the line above it is only checked: its
commands are parsed by the real command line, its Python is compiled. In the copy, `smollm2` is a tiny random model, so
nothing is downloaded. The Python blocks of a page are one session, after the page's commands.

    python tools/check_docs.py             # everything; exit code 1 if anything fails
    python tools/check_docs.py docs/nli.md --parse-only
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "support")]

from documented_commands import commands_in, problem_with  # noqa: E402

PAGES = ("README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
LANGUAGES = frozenset({"sh", "python", "text", "yaml", "toml", "json"})
SECONDS = 300
"""Of one block, after which it counts as failed."""
SHOWN = 1500
"""Characters of a failed block's output that are shown, its end."""

_FENCE = re.compile(r"^```(\S*)\s*$")
_NOT_RUN = re.compile(r"^<!-- not run: (.*\S) -->$")
_SESSION = """
import sys
sys.path.insert(0, {root!r})
names = {{"__name__": "__main__"}}
for place, line, code in {blocks!r}:
    exec(compile("\\n" * line + code, place, "exec"), names)
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    """Of its opening fence, from 1."""
    language: str
    text: str
    why_not: str | None
    """Why it is not run; None where it is."""

    @property
    def place(self) -> str:
        """`docs/nli.md:70`, for messages."""
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a page in Markdown."""
    lines = text.splitlines()
    opened: int | None = None
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            opened, language = number, fence[1]
            continue
        mark = _NOT_RUN.match(lines[opened - 1]) if opened else None
        yield Block(page, opened + 1, language, "\n".join(lines[opened + 1 : number]) + "\n", mark and mark[1])
        opened = None


def indented_commands(page: str, text: str) -> Iterator[str]:
    """Commands in blocks that are only indented, which nothing marks as run or not."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= _FENCE.match(line) is not None
        if not fenced and re.match(r" {4,}(?:\$ )?(?:groundeval|pip install|make) ", line):
            yield f"{page}:{number}: an indented command; write a fenced block in sh"


def inline_commands(page: str, text: str) -> Iterator[str]:
    """What is wrong with commands in the running text, where arguments may be left out."""
    running = re.sub(
        r"^```.*?^```\s*$", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE
    )
    for span in re.finditer(r"`((?:groundeval|pip install|make) [^`]+)`", running):
        for words in commands_in(" ".join(span[1].split())):
            problem = problem_with(words)
            if problem and not re.search(r"Missing (?:argument|option)|requires an argument", problem):
                yield f"{page}:{running.count(chr(10), 0, span.start()) + 1}: {problem}"


def problems_in(block: Block) -> list[str]:
    """What can be found wrong with a block without running it."""
    if block.language not in LANGUAGES:
        return [f"{block.place}: a block in {block.language or 'no language'}; allowed: {', '.join(sorted(LANGUAGES))}"]
    if block.language == "sh":
        found = [problem_with(words) for words in commands_in(block.text)]
        return [f"{block.place}: {problem}" for problem in found if problem]
    if block.language == "python":
        try:
            compile(block.text, block.place, "exec")
        except SyntaxError as error:
            return [f"{block.place}: {error}"]
    elif re.search(r"^\s*(?:\$ )?(?:groundeval|pip install|make) ", block.text, re.MULTILINE):
        return [f"{block.place}: holds commands, but is in {block.language}, not sh"]
    return []


def fresh_copy(folder: Path) -> dict[str, str]:
    """Copy this checkout as a clone would have it, with the stand-ins; gives the environment to run in."""
    from tiny_models import CHATML, make_model, make_tokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=-1
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists() or (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    make_tokenizer(folder / "smollm2", CHATML)
    make_model(folder / "smollm2", positions=8192)
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); from groundeval.cli.app import main; sys.exit(main())"
    shim = folder / ".bin" / "groundeval"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(start)} "$@"\n')
    shim.chmod(0o755)
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(shim.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(folder),
        "GROUNDEVAL_CACHE": str(folder / ".cache"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "120",
    }


def failures(blocks: Sequence[Block], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run the blocks of one page in a copy; gives what fails, with the end of its output."""
    for block in blocks:
        if block.language == "sh":
            yield from _failure(block.place, ["bash", "-euo", "pipefail", "-c", block.text], folder, environment)
    code = [(block.place, block.line, block.text) for block in blocks if block.language == "python"]
    if code:
        session = _SESSION.format(root=str(folder), blocks=code)
        yield from _failure(f"{code[0][0]} and later", [sys.executable, "-c", session], folder, environment)


def _failure(place: str, command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield f"{place}: not done within {SECONDS} s"
        return
    if ran.returncode:
        yield f"{place}: exit code {ran.returncode}\n{ran.stdout[-SHOWN:]}"


def check(pages: Sequence[str], *, parse_only: bool = False) -> list[str]:
    """What is wrong with the blocks of these pages."""
    found: list[str] = []
    of_page: dict[str, list[Block]] = {}
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        of_page[page] = list(blocks_of(page, text))
        found += [*indented_commands(page, text), *inline_commands(page, text)]
        found += (each for block in of_page[page] for each in problems_in(block))
    if parse_only:
        return found
    for blocks in of_page.values():
        run = [block for block in blocks if block.why_not is None and block.language in ("sh", "python")]
        if run:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name).resolve() / "groundeval"
                found += failures(run, folder, fresh_copy(folder))
    return found


def main() -> int:
    """Check the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE")
    parser.add_argument("--parse-only", action="store_true", help="run nothing")
    asked = parser.parse_args()
    found = check(asked.pages, parse_only=asked.parse_only)
    print("\n".join(found) or "all blocks are right")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
