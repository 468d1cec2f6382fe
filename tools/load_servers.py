"""Load on `serve-nli` or `serve-rewards`: silent connections, working clients, and kills, with every answer checked.

    python tools/load_servers.py --server nli --seconds 60
    python tools/load_servers.py --server rewards --kills 20

First, for so many seconds, idle connections are held open beside clients that ask without a pause; a process of its own
asks for `/health` over new connections. No request may fail, no answer may be wrong, and 99% of the health checks must
be answered within a second. Then the server is killed (SIGKILL) and started again while clients ask, who repeat what
was not answered; in the end every answer must be that of an undisturbed server. Exit code 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import ssl
import subprocess
import sys
import time
from collections import Counter
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx

from groundeval.nli import connect
from groundeval.records import Pair
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task

Case = tuple[str, bytes, Any]
"""Path and body of a request, and its answer."""
WORDS = ("the", "river", "was", "built", "in", "1890", "by", "a", "city", "of", "stone", "and", "glass", "near", "Rome")
TASK, REWARD = "trust_asqa", "ground_grpo_stage2"
NO_TLS = ssl.create_default_context()
"""Made once: each client would load all certificates."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--server", choices=["nli", "rewards"], default="nli")
    arguments.add_argument("--seconds", type=float, default=0.0, help="of load")
    arguments.add_argument("--idle", type=int, default=1500, help="connections that ask nothing")
    arguments.add_argument("--clients", type=int, default=200, help="that ask without a pause")
    arguments.add_argument("--kills", type=int, default=0)
    arguments.add_argument("--health-seconds", type=float, default=1.0, help="that 99%% of the health checks may take")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--probe", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.probe:
        probe(asked.probe, asked.seconds)
        return
    draw = random.Random(asked.seed)
    cases = (nli_cases if asked.server == "nli" else reward_cases)(draw, 400)
    if asked.seconds:
        with Server(asked.server) as server:
            asyncio.run(load(server.address, asked, cases))
    if asked.kills:
        asyncio.run(kills(asked, cases, draw))


class Server:
    """The server as a process, which can be killed and started again on the same port."""

    def __init__(self, kind: str) -> None:
        given = {"nli": ["serve-nli", "--model", "lexical"], "rewards": ["serve-rewards", "--nli", "lexical"]}[kind]
        if kind == "rewards":
            given += ["--reward", REWARD, "--task", TASK]
        self.command = [sys.executable, "-m", "groundeval", *given]
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [*self.command, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = ""
        # Before its address it may say that it is starting.
        while (found := re.search(r"on (http://\S+?:(\d+))", said)) is None:
            line = self.process.stderr.readline()
            if not line:
                fail(f"the server does not start: {said}")
            said += line
        self.address, self.port = found[1], int(found[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        said = self.process.communicate(timeout=90)[1]
        if said.strip() not in ("", "stopped"):
            fail(f"the server said: {said[:2000]}")


def nli_cases(draw: random.Random, count: int) -> list[Case]:
    """Requests of some pairs, with the verdicts of the lexical verifier in this process."""
    made: list[Case] = []
    with connect("lexical") as nli:
        for _ in range(count):
            pairs = [Pair(text(draw, 60), text(draw, 6)) for _ in range(draw.randint(1, 8))]
            right = [{"entailed": v.entailed, "score": v.score, "rechecked": v.rechecked} for v in nli.judge(pairs)]
            made.append(("/verdicts", json.dumps({"pairs": pairs}).encode(), ("verdicts", right)))
    return made


def reward_cases(draw: random.Random, count: int) -> list[Case]:
    """Requests of some samples, with the rewards that are computed in this process."""
    examples = load_task(TASK).load("embedded").examples
    rewarder = Rewarder.of(REWARD, nli="lexical")
    made: list[Case] = []
    for _ in range(count):
        rollouts = [
            Rollout(
                TASK, example_json(draw.choice(examples)), f"<think>{text(draw, 9)}</think><answer>{answer}</answer>"
            )
            for answer in (f"{text(draw, 9)} [{draw.randint(1, 3)}]." for _ in range(draw.randint(1, 4)))
        ]
        samples = [{"task": TASK, "example": each.example, "text": each.text} for each in rollouts]
        right = [[each.total, each.components] for each in rewarder(rollouts)]
        made.append(("/rewards", json.dumps({"samples": samples}).encode(), ("rewards", right)))
    return made


def text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(words))


def is_right(case: Case, answer: httpx.Response) -> bool:
    kind, right = case[2]
    found = answer.json()[kind]
    if kind == "rewards":
        found = [[each["total"], each["components"]] for each in found]
    return bool(found == right)


def client_of_one() -> httpx.AsyncClient:
    """A client with a connection of its own: one pool for all would itself be the slowest part."""
    return httpx.AsyncClient(timeout=120, trust_env=False, verify=NO_TLS)


async def ask(client: httpx.AsyncClient, address: str, case: Case) -> httpx.Response:
    return await client.post(address + case[0], content=case[1], headers={"Content-Type": "application/json"})


async def load(address: str, asked: argparse.Namespace, cases: list[Case]) -> None:
    """Idle connections and working clients for a time, and what became of them."""
    end = time.monotonic() + asked.seconds
    done: Counter[str] = Counter()
    health = subprocess.Popen(
        [sys.executable, __file__, "--probe", address, "--seconds", str(asked.seconds)], stdout=subprocess.PIPE
    )
    idle = [asyncio.create_task(hold(address, number % 2 == 0)) for number in range(asked.idle)]

    async def work(number: int) -> None:
        turn = number
        async with client_of_one() as client:
            while time.monotonic() < end:
                turn += asked.clients
                try:
                    case = cases[turn % len(cases)]
                    answer = await ask(client, address, case)
                    wrong = answer.status_code == 200 and not is_right(case, answer)
                    done["wrong" if wrong else str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    done[type(error).__name__] += 1

    await asyncio.gather(*(work(number) for number in range(asked.clients)))
    for each in idle:
        each.cancel()
    held = sum(not each.done() or each.cancelled() for each in idle)
    seconds = sorted(json.loads(health.communicate()[0]))
    middle, high = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
    print(
        f"{asked.server}: {asked.idle} idle connections, {asked.clients} clients, {asked.seconds:g} s: "
        f"{done['200']} answers ({done['200'] / asked.seconds:.0f} a second), {dict(done)}; "
        f"/health {len(seconds)} times, median {middle:.3f} s, 99% {high:.3f} s, longest {seconds[-1]:.3f} s",
        flush=True,
    )
    if set(done) != {"200"} or held != asked.idle:
        fail(f"requests failed: {dict(done)}; {held} of {asked.idle} idle connections held")
    if high >= asked.health_seconds:
        fail(f"/health took {high:.2f} s")


async def hold(address: str, silent: bool) -> None:
    """A connection that asks nothing, or nothing more; opened again when the server has closed it."""
    where = urlsplit(address)
    while True:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            if not silent:
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()


def probe(address: str, seconds: float) -> None:
    """Print how long `/health` takes, asked ten times a second over new connections, as a JSON list of seconds."""
    end, taken = time.monotonic() + seconds, []
    while time.monotonic() < end:
        begun = time.monotonic()
        # Of the standard library: what a client of httpx costs itself would be most of the time.
        connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
        connection.request("GET", "/health")
        status = connection.getresponse().status
        taken.append(time.monotonic() - begun if status == 200 else 60.0)
        connection.close()
        time.sleep(0.1)
    print(json.dumps(taken))


async def kills(asked: argparse.Namespace, cases: list[Case], draw: random.Random) -> None:
    """Kill the server again and again while clients ask, and compare all answers at the end."""
    server = Server(asked.server)
    right, repeated = 0, 0
    stop = asyncio.Event()

    async def answered(client: httpx.AsyncClient, case: Case) -> None:
        nonlocal right, repeated
        while True:
            try:
                answer = await ask(client, server.address, case)
                if answer.status_code == 200:
                    right += is_right(case, answer)
                    return
            except httpx.HTTPError:
                pass
            repeated += 1
            await asyncio.sleep(0.2)

    async def work(number: int) -> int:
        asks = 0
        async with client_of_one() as client:
            while not stop.is_set() or asks == 0:
                await answered(client, cases[(number + asks) % len(cases)])
                asks += 1
        return asks

    with server:
        clients = [asyncio.create_task(work(number)) for number in range(asked.clients)]
        for _ in range(asked.kills):
            before = right
            while right - before < asked.clients:
                await asyncio.sleep(0.01)
            await asyncio.sleep(draw.uniform(0, 0.3))
            server.kill()
            await asyncio.to_thread(server.start)
        stop.set()
        total = sum(await asyncio.gather(*clients))
    print(
        f"{asked.server}: {asked.kills} kills: {total} requests, {right} right answers, {repeated} repeats", flush=True
    )
    if right != total:
        fail("answers differ")
    if repeated < asked.kills:
        fail("no client waited when the server was killed")


def fail(message: str) -> None:
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
