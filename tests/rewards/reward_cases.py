"""Small samples for the tests of rewards, and a verifier with prescribed verdicts."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from groundeval.errors import SampleError
from groundeval.metrics.gold import with_answers
from groundeval.nli import NLI
from groundeval.nli.model import Traits
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.records import Document, Example, Pair, Response, Verdict
from groundeval.rewards import Rewarded, load_reward
from groundeval.tasks import load_task
from groundeval.tasks.reference import reference_response

REFUSAL = "I apologize, but I couldn't find an answer to your question in the search results."
PREMISES = {"A": "Title: A\nA text", "B": "Title: B\nB text", "AB": "Title: A\nA text\nTitle: B\nB text"}


class Told:
    """Entails exactly the pairs it was told, and remembers what it was asked; `broken` hypotheses fail."""

    name = "told"
    revision = None
    traits = Traits(instant=True, persistent=False)

    def __init__(self, *entailed: tuple[str, str], broken: Sequence[str] = ()) -> None:
        self.entailed = {(PREMISES.get(premise, premise), hypothesis) for premise, hypothesis in entailed}
        self.broken = set(broken)
        self.asked: list[Pair] = []

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.asked += pairs
        for pair in pairs:
            if pair.hypothesis in self.broken:
                raise SampleError("too long for the device")
        return [Verdict(tuple(pair) in self.entailed, float(tuple(pair) in self.entailed)) for pair in pairs]


def example(
    *, held: Sequence[int] = (1, 0), answers: Sequence[Sequence[str]] = (("Paris", "Lutetia"), ("Rome",)), id: str = "0"
) -> Example:
    """Two documents, A and B, which both hold the answers that are marked 1: by default Paris and not Rome."""
    docs = tuple(Document(title, f"{title} text", answers_found=tuple(held)) for title in "AB")
    return Example(id, "Q?", docs=docs, answers=tuple(map(tuple, answers)))


def unanswerable(id: str = "0") -> Example:
    """Neither document holds an answer."""
    return example(held=(0, 0), id=id)


def thought(answer: str, thinking: str = "Hm.") -> str:
    """A well-formed output of a reasoning model."""
    return f"<think>{thinking}</think>\n<answer>{answer}</answer>"


def rewarded(
    name: str, sample: Example, output: str, *entailed: tuple[str, str], task: str = "trust_asqa", **parameters: Any
) -> Rewarded:
    """The reward of one output, with a verifier that entails these pairs."""
    return load_reward(name, task, **parameters)([Response.build(sample, output)], NLI(Told(*entailed)))[0]


def lexical() -> NLI:
    """The lexical verifier, made here: no names, no cache."""
    return NLI(Lexical())


class Slow(Lexical):
    """The lexical verifier as a model that takes its time, so that questions meet in batches; keeps their sizes."""

    traits = Traits(kind="lexical", threshold=0.5, persistent=False)

    def __init__(self, seconds: float = 0.01) -> None:
        super().__init__()
        self.seconds = seconds
        self.sizes: list[int] = []

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.sizes.append(len(pairs))
        time.sleep(self.seconds)
        return super().score(pairs)


@contextmanager
def http_server(app: Any) -> Iterator[str]:
    """An application served in a thread, on a loopback port; its address."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: server.run([listening]), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def spoken(count: int, seed: int = 0) -> list[tuple[str, Example, str]]:
    """Seeded outputs for the embedded data of all kinds: (task, example, text), from honest answers to nonsense."""
    draw = random.Random(seed)
    pools = []
    for name in ("trust_asqa", "trust_qampari", "trust_eli5"):
        task = load_task(name)
        pools.append((name, task.kind, [with_answers(each) for each in task.load("embedded").examples]))
    made = []
    for _ in range(count):
        name, kind, examples = draw.choice(pools)
        sample = draw.choice(examples)
        made.append((name, sample, _said(draw, reference_response(sample, kind), kind)))
    return made


def _said(draw: random.Random, honest: str, kind: str) -> str:
    """An honest answer after a few random edits, with or without reasoning tags, some of them broken."""
    words = honest.split(" ")
    for _ in range(draw.randrange(4)):
        edit = draw.randrange(6)
        place = draw.randrange(len(words) + 1)
        if edit == 0:
            words[place:place] = [f"[{draw.choice((0, 1, 2, 3, 4, 9, 2023))}]"]
        elif edit == 1:
            words = words[:place]
        elif edit == 2:
            words = [word for word in words if not word.startswith("[")]
        elif edit == 3:
            words[place:place] = REFUSAL.split(" ")
        elif edit == 4:
            draw.shuffle(words)
        else:
            words[place:place] = draw.choice(
                ("\n", "é中", "<think>", "</answer>", "\u2028", "[1, 2]", "🙂.", ",,")
            ).split()
    answer = " ".join(words)
    form = draw.randrange(4)
    return (answer, thought(answer), f"<think>a</think>{answer}", thought(answer, "The documents answer.") + "x")[form]
