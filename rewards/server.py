"""A reward over HTTP: any number of trainers ask, one sample or many at a time, and one verifier judges in batches.

    POST /rewards  {"samples": [{"task", "example", "text", "prefill"?, "finish_reason"?}, ...]}
                -> {"reward": NAME, "rewards": [{"id", "total", "components", "status", "error"}, ...]}
    POST /         OpenRLHF's form: {"query", "prompts", "labels"} -> {"rewards", "scores", "extra_logs"}
    POST /verify   NeMo Gym's form: the body with its `reward`
    GET  /health   is the verifier loaded
    GET  /metrics  counts and batch sizes, in Prometheus' text format

A sample that failed has a total of null and says why. Nothing is batched here: the questions of all requests meet in
the verifier's queue. A request names registered tasks, or the one that the server was started with: it never opens a
file. This module imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import BackendError, SampleError, UserError, excerpt, unknown
from groundeval.http.prometheus import exposition
from groundeval.http.server import (
    MAX_BYTES,
    FastAPI,
    Refusal,
    Request,
    Response,
    address,
    authorize,
    json_answer,
    listen,
    make_server,
    read_body,
    run_server,
)
from groundeval.nli import NLI
from groundeval.nli.server import Served
from groundeval.rewards.adapters import nemo_gym, openrlhf
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import TASKS

TOKEN_VARIABLE = "GROUNDEVAL_REWARDS_TOKEN"
MAX_WAITING = 16_384
MAX_SAMPLES = 4_096
RETRY_AFTER = {"Retry-After": "2"}


class Desk:
    """Scores the samples of all requests, and counts."""

    def __init__(self, rewarder: Rewarder, nli: NLI | None, max_waiting: int, task: str | None = None) -> None:
        self.rewarder = rewarder
        # Exported data name the file of a task by its whole path.
        self.given = () if task is None else (task, str(Path(task).resolve()))
        self.served = None if nli is None else Served(nli)
        self.max_waiting = max_waiting
        self.waiting = 0
        self.requests: Counter[int] = Counter()
        self.seconds = 0.0
        self.rewarded = 0
        self.failed = 0

    @property
    def nli(self) -> NLI | None:
        """The verifier that is asked; None where the reward asks none."""
        return None if self.served is None else self.served.nli

    def demand(self) -> None:
        """Raises Refusal while the verifier is not there to answer."""
        if self.served is not None:
            self.served.demand()

    async def score(self, rollouts: list[Rollout]) -> list[Rewarded]:
        """The rewards of one request. Raises Refusal where too many samples wait, or where they cannot be scored."""
        if len(rollouts) > MAX_SAMPLES:
            raise Refusal(413, f"{len(rollouts)} samples; a request may hold {MAX_SAMPLES}")
        self._demand_fitting(rollout.task for rollout in rollouts)
        # A request on its own is never refused, whatever its size: nothing would ever make room for it.
        if self.waiting and self.waiting + len(rollouts) > self.max_waiting:
            raise Refusal(429, f"{self.waiting} samples are waiting", RETRY_AFTER)
        begun = time.monotonic()
        self.waiting += len(rollouts)
        try:
            found = await self.rewarder.score(rollouts, self.nli)
        except UserError as error:
            raise Refusal(400, str(error)) from error
        except BackendError as error:
            raise Refusal(503, str(error), RETRY_AFTER) from error
        finally:
            self.waiting -= len(rollouts)
        self.requests[200] += 1
        self.seconds += time.monotonic() - begun
        self.rewarded += len(found)
        self.failed += sum(each.total is None for each in found)
        return found

    def _demand_fitting(self, tasks: Iterable[str]) -> None:
        """Raises Refusal for a task that is a file, which a client must not make the server run or read, and for one
        that the reward cannot judge."""
        for name in dict.fromkeys(tasks):
            if name not in self.given and name not in TASKS:
                why = unknown("task", name, {*TASKS.names(), *self.given[:1]})
                raise Refusal(400, f"{why}\n  Other tasks are named at the start: --task, --include-path")
            with _as_refusals():
                self.rewarder.check_task(name)

    def metrics(self) -> str:
        """The text that `/metrics` answers."""
        lines = [
            *_measure("rewards_total", "counter", "Samples rewarded, failed ones included.", self.rewarded),
            *_measure("rewards_failed_total", "counter", "Samples that failed: they have no reward.", self.failed),
            *_measure("rewards_samples_waiting", "gauge", "Samples that are being scored.", self.waiting),
            *_measure(
                "rewards_requests_seconds_total", "counter", "Seconds that answered requests took.", self.seconds
            ),
        ]
        if self.served is None or self.nli is None:
            return "\n".join(lines) + "\n"
        nli = self.nli
        mean = nli.stats.computed / nli.batches if nli.batches else 0.0
        lines += _measure(
            "rewards_nli_batch_pairs_mean", "gauge", "Pairs in a batch of the verifier, on average.", mean
        )
        return "\n".join(lines) + "\n" + exposition(nli, self.served.identity, self.requests, self.seconds)


def _measure(name: str, kind: str, says: str, value: float) -> list[str]:
    full = f"groundeval_{name}"
    return [f"# HELP {full} {says}", f"# TYPE {full} {kind}", f"{full} {value}"]


def make_app(
    rewarder: Rewarder,
    nli: NLI | None,
    *,
    task: str | None = None,
    token: str | None = None,
    max_waiting: int = MAX_WAITING,
    max_bytes: int = MAX_BYTES,
) -> FastAPI:
    """The server as an ASGI application. `task`: for samples that name none. `token`: as for the NLI server.

    `nli`: the verifier, loaded at the start; None for a reward that asks none.
    """
    return _app(Desk(rewarder, nli, max_waiting, task), task, token, max_bytes)


def _app(desk: Desk, task: str | None, token: str | None, max_bytes: int) -> FastAPI:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if desk.served is not None:
            desk.served.begin()
        yield
        if desk.served is not None:
            desk.served.closing = True

    app = FastAPI(title="groundeval rewards", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        if request.method == "POST":
            desk.requests[refusal.status] += 1
        return json_answer(refusal.body, refusal.status, refusal.headers)

    async def body_of(request: Request) -> dict[str, Any]:
        authorize(request, token)
        desk.demand()
        try:
            found = json.loads(await read_body(request, max_bytes))
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise Refusal(400, f"the body must be a JSON object, not {excerpt(found)}")
        return found

    @app.post("/rewards")
    async def rewards(request: Request) -> Response:
        found = await desk.score(read_samples(await body_of(request), task))
        return json_answer({"reward": desk.rewarder.name, "rewards": [_entry(each) for each in found]})

    @app.post("/")
    async def openrlhf_form(request: Request) -> Response:
        body = await body_of(request)
        return json_answer(openrlhf.answer(await desk.score(_queries(body))))

    @app.post("/verify")
    async def nemo_gym_form(request: Request) -> Response:
        body = await body_of(request)
        with _as_refusals():
            rollout = nemo_gym.rollout(body)
            return json_answer(nemo_gym.answer(body, (await desk.score([rollout]))[0]))

    @app.get("/health")
    async def health() -> Response:
        desk.demand()
        identity = None if desk.served is None else desk.served.identity
        return json_answer({"status": "ready", "reward": desk.rewarder.name, "task": task, "nli": identity})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        authorize(request, token)
        return Response(desk.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def read_samples(body: Mapping[str, Any], task: str | None) -> list[Rollout]:
    """The samples of a request. Raises Refusal, which names what is wrong and where."""
    samples = body.get("samples")
    if not isinstance(samples, list):
        raise Refusal(400, 'the body must be {"samples": [{"task", "example", "text"}, ...]}')
    return [_sample(each, f"samples[{index}]", task) for index, each in enumerate(samples)]


def _sample(sample: Any, where: str, task: str | None) -> Rollout:
    if not isinstance(sample, dict):
        raise Refusal(400, f"{where} must be an object with task, example and text; it is {excerpt(sample)}")
    named = sample.get("task", task)
    if not isinstance(named, str):
        raise Refusal(400, f"{where}.task must be the name of a task; it is {excerpt(named)}")
    example = sample.get("example")
    if isinstance(example, dict):
        example = json.dumps(example)
    for name, value in (("example", example), ("text", sample.get("text"))):
        if not isinstance(value, str):
            raise Refusal(400, f"{where}.{name} must be a string; it is {excerpt(value)}")
    optional = {name: sample.get(name) for name in ("prefill", "finish_reason")}
    for name, value in optional.items():
        if value is not None and not isinstance(value, str):
            raise Refusal(400, f"{where}.{name} must be a string; it is {excerpt(value)}")
    return Rollout(named, str(example), sample["text"], optional["prefill"] or "", optional["finish_reason"])


def _queries(body: Mapping[str, Any]) -> list[Rollout]:
    columns = [body.get(name) for name in ("query", "prompts", "labels")]
    lists = [each for each in columns if isinstance(each, list) and all(isinstance(text, str) for text in each)]
    if len(lists) < len(columns) or len({len(each) for each in lists}) != 1:
        raise Refusal(400, 'the body must be {"query": [...], "prompts": [...], "labels": [...]}, as many of each')
    with _as_refusals():
        return [openrlhf.rollout(*each) for each in zip(*lists, strict=True)]


@contextlib.contextmanager
def _as_refusals() -> Iterator[None]:
    """What a request is wrong about, as the answer to it."""
    try:
        yield
    except UserError as error:
        raise Refusal(400, str(error)) from error
    except SampleError as error:
        raise Refusal(422, str(error)) from error


def _entry(rewarded: Rewarded) -> dict[str, Any]:
    return {
        "id": rewarded.id,
        "total": rewarded.total,
        "components": rewarded.components,
        "status": rewarded.status,
        "error": rewarded.error,
    }


def serve(
    rewarder: Rewarder,
    *,
    task: str | None = None,
    nli: NLI | None = None,
    host: str = "127.0.0.1",
    port: int = 8766,
    token: str | None = None,
    max_waiting: int = MAX_WAITING,
    on_listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is in flight is finished then. Closes the verifier at the end.

    `port` 0 takes a free one; `on_listening` is told the address. Raises UsageError for an address that cannot be
    taken, and what loading the verifier raised.
    """
    desk = Desk(rewarder, nli, max_waiting, task)
    listening = listen(host, port)
    server = make_server(_app(desk, task, token, MAX_BYTES))

    def stop() -> None:
        server.should_exit = True

    if desk.served is not None:
        desk.served.on_failure = stop
    on_listening(address(host, listening))
    run_server(server, listening)
    if desk.served is not None:
        desk.served.close()
