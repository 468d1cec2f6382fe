"""A reward over HTTP for any number of trainers, one sample or many per request, with one verifier and its batches.

    POST /rewards  {"samples": [{"task", "example", "text", "prefill"?, "finish_reason"?}, ...]}
                -> {"reward": NAME, "rewards": [{"id", "total", "components", "status", "error"}, ...]}
    POST /         OpenRLHF's form: {"query", "prompts", "labels"} -> {"rewards", "scores", "extra_logs"}
    POST /verify   NeMo Gym's form: the body with its `reward`
    GET  /health   whether the verifier is loaded
    GET  /metrics  counts and batch sizes, in Prometheus' text format

A failed sample has the total null and an error. So has one whose example cannot be read; if none can, the request is
refused. Batches are made in the verifier's queue, where the pairs of all requests meet. A request may name
registered tasks and the task that the server was started with: it never opens a file.
This module imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from groundeval.errors import BackendError, DataError, SampleError, UserError, excerpt, unknown
from groundeval.http.admission import Admission
from groundeval.http.server import (
    MAX_BYTES,
    Body,
    Json,
    Limits,
    Metric,
    Refusal,
    Request,
    Response,
    Text,
    counter,
    demand_short,
    gauge,
    json_answer,
    later,
    parse,
    parse_object,
    patience_of,
)
from groundeval.nli import NLI
from groundeval.nli.server import ModelServer
from groundeval.rewards.adapters import nemo_gym, openrlhf
from groundeval.rewards.columns import example_of
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import TASKS

TOKEN_VARIABLE = "GROUNDEVAL_REWARDS_TOKEN"
MAX_WAITING = 16_384
MAX_SAMPLES = 4_096
BACKEND_SECONDS = 2
"""Seconds after which a client may retry when the verifier has failed."""


class Sample(Body):
    """One sample of a request; `task` defaults to the server's, `example` is an object or a JSON string."""

    form: ClassVar[str] = '{"task", "example", "text"}'
    task: Any = None
    example: Any = None
    text: Text
    prefill: Text | None = None
    finish_reason: Text | None = None


class Samples(Body):
    """The samples of a request."""

    form: ClassVar[str] = '{"samples": [{"task", "example", "text"}, ...]}'
    samples: list[Sample]


class Queries(Body):
    """A request in OpenRLHF's form."""

    form: ClassVar[str] = '{"query": [...], "prompts": [...], "labels": [...]}, as many of each'
    query: list[Text]
    prompts: list[Text]
    labels: list[Text]


class RewardServer(ModelServer):
    """The server: scores the samples of all requests and counts them.

    `nli`: the verifier, loaded at the start; None for a reward without one. `task`: for samples that name none.
    `max_waiting`: number of samples that may wait; further requests, and those that would wait too long,
    get 429.
    """

    def __init__(
        self,
        rewarder: Rewarder,
        nli: NLI | None,
        *,
        task: str | None = None,
        token: str | None = None,
        max_waiting: int = MAX_WAITING,
        max_bytes: int = MAX_BYTES,
        allowed_hosts: Collection[str] = (),
        limits: Limits | None = None,
    ) -> None:
        super().__init__("groundeval rewards", nli, token, max_bytes, allowed_hosts=allowed_hosts, limits=limits)
        self.rewarder = rewarder
        self.nli = nli
        self.task = task
        # Exported data name the file of a task by its absolute path.
        self.given = () if task is None else (task, str(Path(task).resolve()))
        self.rewarded = self.failed = 0
        self._queue = Admission(max_waiting, "samples")
        self.post("/rewards")(self._rewards)
        self.post("/")(self._openrlhf)
        self.post("/verify")(self._nemo_gym)

    async def _rewards(self, request: Request) -> Response:
        def read(body: bytes) -> list[Rollout | Rewarded]:
            samples = parse(body, Samples, MAX_SAMPLES).samples
            named = [_task(each, f"samples[{index}]", self.task) for index, each in enumerate(samples)]
            return _each(list(map(_rollout, named, samples)))

        def answer(body: bytes, found: list[Rewarded]) -> Json:
            return {"reward": self.rewarder.name, "rewards": [_entry(each) for each in found]}

        return await self._scored(request, read, answer)

    async def _openrlhf(self, request: Request) -> Response:
        def read(body: bytes) -> list[Rollout | Rewarded]:
            asked = parse(body, Queries, MAX_SAMPLES)
            if not len(asked.query) == len(asked.prompts) == len(asked.labels):
                raise Refusal(400, f"the body must be {Queries.form}")
            parts = zip(asked.query, asked.prompts, asked.labels, strict=True)
            return _each([partial(openrlhf.rollout, *each) for each in parts])

        # Requests can only name registered tasks and the given one: these are all parts that can occur.
        with _as_refusals():
            names = await self.aside(lambda: self.rewarder.parts(self.rewarder.known_tasks(*self.given[:1])))
        return await self._scored(request, read, lambda body, found: openrlhf.answer(found, names))

    async def _nemo_gym(self, request: Request) -> Response:
        return await self._scored(
            request,
            lambda body: _each([lambda: nemo_gym.rollout(parse_object(body))]),
            lambda body, found: nemo_gym.answer(parse_object(body), found[0]),
        )

    async def _scored(
        self,
        request: Request,
        read: Callable[[bytes], list[Rollout | Rewarded]],
        answer: Callable[[bytes, list[Rewarded]], Json],
    ) -> Response:
        """The response to a request: `read` extracts the samples from its body, `answer` gets the body and the rewards.

        Raises Refusal if too many samples wait or if they cannot be scored.
        """

        async def found(body: bytes) -> Response:
            samples = await self.aside(lambda: self._checked(read, body))
            with self._queue.admit(len(samples), patience_of(request)):
                return await self.aside(lambda: self._answer(samples, lambda found: answer(body, found)))

        return await self.served(request, found)

    async def _checked(
        self, read: Callable[[bytes], list[Rollout | Rewarded]], body: bytes
    ) -> list[Rollout | Rewarded]:
        with _as_refusals():
            samples = read(body)
        self._demand_fitting(each.task for each in samples if isinstance(each, Rollout))
        return samples

    async def _answer(self, samples: list[Rollout | Rewarded], answer: Callable[[list[Rewarded]], Json]) -> Response:
        with _as_refusals():
            rewarded = iter(await self._rewarded([each for each in samples if isinstance(each, Rollout)]))
            found = [each if isinstance(each, Rewarded) else next(rewarded) for each in samples]
            self.rewarded += len(found)
            self.failed += sum(each.total is None for each in found)
            return json_answer(answer(found))

    async def _rewarded(self, rollouts: list[Rollout]) -> list[Rewarded]:
        """The rewards; where the data of some lack what the reward needs, those of the others, too."""
        try:
            return await self.rewarder.score(rollouts, self.nli)
        except DataError as error:
            if len(rollouts) < 2:
                raise
            found: list[Rewarded] = []
            for each in rollouts:
                try:
                    found += await self.rewarder.score([each], self.nli)
                except DataError as own:
                    found.append(_failed(example_of(each.example).id, own))
            if all(each.total is None for each in found):
                raise error
            return found

    def health(self) -> Json:
        """The reward, and the identity of its verifier."""
        identity = None if self.verifier is None else self.verifier.identity
        return {"status": "ready", "reward": self.rewarder.name, "task": self.task, "nli": identity}

    def _demand_fitting(self, tasks: Iterable[str]) -> None:
        """Raise Refusal for a task that is a file, which a client must not make the server run or read, and for a task
        that the reward cannot judge."""
        for name in dict.fromkeys(tasks):
            if name not in self.given and name not in TASKS:
                why = unknown("task", name, {*TASKS.names(), *self.given[:1]})
                raise Refusal(400, f"{why}\n  Other tasks are named at the start: --task, --include-path")
            with _as_refusals():
                self.rewarder.check_task(name)

    def metrics(self) -> list[Metric]:
        """The counters of rewards, and those of the NLI service if there is one."""
        found = [
            counter("rewards", "Samples rewarded, failed ones included.", self.rewarded),
            counter("rewards_failed", "Samples that failed: they have no reward.", self.failed),
            gauge("rewards_samples_waiting", "Samples that are being scored.", self._queue.waiting),
            counter("rewards_requests_seconds", "Seconds that answered requests took.", self.seconds),
        ]
        if self.nli is not None:
            mean = self.nli.stats.computed / max(1, self.nli.batches)
            found.append(gauge("rewards_nli_batch_pairs_mean", "Pairs in a batch of the verifier, on average.", mean))
        return found + super().metrics()


def _each(made: Sequence[Callable[[], Rollout]]) -> list[Rollout | Rewarded]:
    """The samples of a request; of one whose data cannot be read, its failure. Raises what all raise, if all fail."""
    found: list[Rollout | Rewarded] = []
    errors: list[DataError | Refusal] = []
    for place, make in enumerate(made):
        try:
            rollout = make()
            demand_short((rollout.text, rollout.prefill, rollout.example))
            example_of(rollout.example)
            found.append(rollout)
        except (DataError, Refusal) as error:
            errors.append(error)
            found.append(_failed(place, error))
    if errors and len(errors) == len(found):
        raise errors[0]
    return found


def _failed(name: object, error: Exception) -> Rewarded:
    return Rewarded(str(name), None, {}, "error", str(error))


def _task(sample: Sample, where: str, task: str | None) -> str:
    named = task if sample.task is None else sample.task
    if not isinstance(named, str):
        raise Refusal(400, f"{where}.task must be the name of a task; it is {excerpt(named)}")
    return named


def _rollout(task: str, sample: Sample) -> Callable[[], Rollout]:
    def made() -> Rollout:
        example = json.dumps(sample.example) if isinstance(sample.example, dict) else sample.example
        if not isinstance(example, str):
            raise DataError(f"example must be a string; it is {excerpt(example)}")
        return Rollout(task, example, sample.text, sample.prefill or "", sample.finish_reason)

    return made


@contextlib.contextmanager
def _as_refusals() -> Iterator[None]:
    """Turn errors in a request into refusals."""
    try:
        yield
    except UserError as error:
        raise Refusal(400, str(error)) from error
    except SampleError as error:
        raise Refusal(422, str(error)) from error
    except BackendError as error:
        raise Refusal(503, str(error), later(BACKEND_SECONDS)) from error


def _entry(rewarded: Rewarded) -> dict[str, Any]:
    return {
        "id": rewarded.id,
        "total": rewarded.total,
        "components": rewarded.components,
        "status": rewarded.status,
        "error": rewarded.error,
    }
