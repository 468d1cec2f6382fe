"""The `remote` verifier: a model behind `groundeval serve-nli`, over HTTP with many requests in flight."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from groundeval.errors import BackendError, GroundevalError, SampleError, UsageError, excerpt, option
from groundeval.nli.identity import AnotherModel, Served, served
from groundeval.nli.model import NLIOptions, PartialFailure, Traits
from groundeval.nli.spec import Spec
from groundeval.records import Pair, Verdict

if TYPE_CHECKING:
    from groundeval.http.client import Client, Json
    from groundeval.nli.fleet import Fleet

TOKEN_VARIABLE = "GROUNDEVAL_NLI_TOKEN"
CONNECTIONS = 16
"""Concurrent requests: together they fill several of the server's batches, so that it never waits for this client."""
CHUNK_CHARACTERS = 65_536
CHUNK_PAIRS = 512
SHARES = 4
"""Requests for each of several servers into which even few pairs are cut."""
FAILURES_OF_MANY = 2
"""Failures of a request of several pairs before it is cut in two; one of a single pair is tried more often."""
PLAIN = Pair("Title: Rome\nRome is the capital of Italy.", "Rome is a capital.")
"""A pair that every verifier can judge."""
FIRST_CONTACT = 30.0
"""Seconds to wait for a server that has never answered, so that a wrong address fails early."""

Outcome = Verdict | GroundevalError


class Remote:
    """Verdicts of the model that a server serves, with the served model's identity.

    So results are the same, and are stored in the same folder, whether a model judges in this process or on a server.
    The server caches verdicts; this client does not.
    """

    traits = Traits(kind="remote", in_process=False, persistent=False)

    def __init__(self, options: NLIOptions) -> None:
        from groundeval.http.client import Client
        from groundeval.nli.fleet import Fleet

        def connect(address: str, timeout: float | None) -> Client:
            return Client(
                address,
                token=options.token or os.environ.get(TOKEN_VARIABLE),
                timeout=options.timeout if timeout is None else min(timeout, options.timeout),
                patience=options.patience,
                connections=CONNECTIONS,
            )

        addresses = addresses_of(options.model)
        self._client: Client | Fleet = (
            connect(addresses[0], None) if len(addresses) == 1 else Fleet(addresses, connect, options.patience)
        )
        self._servers = len(addresses)
        self._served: Served | None = None

    @property
    def name(self) -> str:
        """The served model's name; the address until the server has been reached."""
        return self._client.address if self._served is None else str(self._served.identity["name"])

    @property
    def revision(self) -> str | None:
        """The served model's version, once the server has been reached."""
        revision = None if self._served is None else self._served.identity.get("revision")
        return None if revision is None else str(revision)

    def identity(self) -> dict[str, Any]:
        """Everything that determines the verdicts: the served model's identity. Waits for the server if necessary."""
        return dict(self._loaded().identity)

    def cost(self, pair: Pair) -> int:
        """An eighth of the characters, divided by the number of servers.

        So one call of `score` gets enough pairs to keep many requests in flight at each server.
        """
        return (len(pair.premise) + len(pair.hypothesis)) // (8 * self._servers) + 1

    def check(self) -> None:
        """Check that the server answers and takes the token; its model may still be loading."""
        from groundeval.nli.fleet import Fleet

        patience = min(self._client.patience, FIRST_CONTACT)
        if isinstance(self._client, Fleet):
            self._client.check(patience)
        else:
            self._client.ask("GET", "/identity", read=_found, statuses=(200, 503), patience=patience)

    def load(self) -> None:
        """Wait until the model is loaded, and learn its identity. Raises Refused, UsageError or BackendError."""
        from groundeval.nli.fleet import Fleet

        if self._served is not None:
            return
        if isinstance(self._client, Fleet):
            self._served = self._client.load(min(self._client.patience, FIRST_CONTACT))
        else:
            self.check()
            self._served = self._client.ask("GET", "/identity", read=served)

    def _loaded(self) -> Served:
        self.load()
        assert self._served is not None
        return self._served

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure, with the outcomes so far, if the server fails."""
        self.load()
        outcomes = side_by_side(self._chunk, list(chunks(pairs, self._share(len(pairs)))), CONNECTIONS * self._servers)
        if any(not isinstance(outcome, Verdict) for outcome in outcomes):
            raise PartialFailure(outcomes)
        return [outcome for outcome in outcomes if isinstance(outcome, Verdict)]

    def _share(self, pairs: int) -> int | None:
        """The most pairs of a request, so that several servers finish at about the same time; None with one server."""
        return None if self._servers == 1 else max(1, pairs // (SHARES * self._servers))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _chunk(self, pairs: Sequence[Pair], alone: bool = False) -> Sequence[Outcome]:
        """The outcomes of one request; of two smaller ones if it is too large for the server, or never answered.

        `alone`: a pair of these may break the server.
        """
        from groundeval.http.client import MOST_UNREADABLE, Plain, Refused, TooLarge, Unreadable

        try:
            return self._client.ask(
                "POST",
                "/verdicts",
                {"pairs": pairs},
                read=lambda answer: self._outcomes(answer, len(pairs)),
                limit=65_536 + 4_096 * len(pairs),
                plain=Plain("POST", "/verdicts", {"pairs": [PLAIN]}, self._judged_plain),
                most_failures=MOST_UNREADABLE if len(pairs) == 1 else FAILURES_OF_MANY,
                alone=alone,
            )
        except (TooLarge, Unreadable) as refusal:
            if len(pairs) > 1:
                middle, breaks = len(pairs) // 2, isinstance(refusal, Unreadable) and refusal.breaks
                return [*self._chunk(pairs[:middle], breaks), *self._chunk(pairs[middle:], breaks)]
            if isinstance(refusal, Unreadable):
                return [SampleError(f"{refusal}\n  Hypothesis: {excerpt(pairs[0].hypothesis)}")]
            return [
                SampleError(
                    f"NLI server {self._client.address} rejects a pair of {len(pairs[0].premise)} characters "
                    f"({refusal}): hypothesis {excerpt(pairs[0].hypothesis)}"
                )
            ]
        except Refused as refusal:
            # The token was accepted at the start: the server has changed, and the verdicts so far are valid.
            return [BackendError(str(refusal))] * len(pairs)
        except GroundevalError as error:
            return [error] * len(pairs)

    def _judged_plain(self, answer: Json) -> None:
        """Raises ValueError unless an answer holds one verdict."""
        [outcome] = self._outcomes(answer, 1)
        if not isinstance(outcome, Verdict):
            raise ValueError(f"the server cannot judge even a plain pair: {outcome}")

    def _outcomes(self, answer: Json, count: int) -> list[Outcome]:
        serving, verdicts = answer.get("model"), answer.get("verdicts")
        if serving != self._loaded().id:
            raise AnotherModel(
                f"NLI server {self._client.address} now serves another model than {self.name} (revision "
                f"{self.revision}), with which this run began.\n"
                "  Serve that model again and repeat the command, or start a new run with the other."
            )
        if not isinstance(verdicts, list) or len(verdicts) != count:
            raise ValueError(f"{count} verdicts were asked for")
        return [_outcome(each) for each in verdicts]


def chunks(pairs: Sequence[Pair], most: int | None = None) -> Iterator[Sequence[Pair]]:
    """Pairs in their order, cut into requests of about 64 thousand characters and at most `most` pairs."""
    most = min(most or CHUNK_PAIRS, CHUNK_PAIRS)
    begin = filled = 0
    for index, pair in enumerate(pairs):
        size = len(pair.premise) + len(pair.hypothesis)
        if index > begin and (filled + size > CHUNK_CHARACTERS or index - begin == most):
            yield pairs[begin:index]
            begin, filled = index, 0
        filled += size
    if begin < len(pairs):
        yield pairs[begin:]


def check_addresses(spec: str) -> None:
    """Check the addresses of a comma-separated list, without asking any server. Raises UsageError."""
    from groundeval.http.client import host_of

    for each in addresses_of(spec):
        host_of(each)


def addresses_of(spec: str) -> list[str]:
    """The addresses in a comma-separated list. Raises UsageError for an empty or repeated one."""
    found = [each.strip().rstrip("/") for each in spec.split(",")]
    for each in found:
        if not each:
            raise UsageError(f"{option('nli', spec)}: an address is empty; write http://a:8765,http://b:8765.")
        if found.count(each) > 1:
            raise UsageError(f"{option('nli', spec)}: {each} is named twice.")
    return found


def side_by_side(
    ask: Callable[[Sequence[Pair]], Sequence[Outcome]],
    requests: Sequence[Sequence[Pair]],
    at_once: int = CONNECTIONS,
) -> list[Outcome]:
    """The outcomes of several requests to servers, `at_once` at a time, in order.

    The threads are daemons: a run that is interrupted while it waits for a dead server ends at once.
    """
    done: list[Sequence[Outcome]] = [()] * len(requests)
    todo: SimpleQueue[int] = SimpleQueue()
    for index in range(len(requests)):
        todo.put(index)

    def work() -> None:
        while True:
            try:
                index = todo.get_nowait()
            except Empty:
                return
            try:
                done[index] = ask(requests[index])
            except Exception as failure:
                error = BackendError(f"asking the NLI server failed: {failure!r}")
                error.__cause__ = failure
                done[index] = [error] * len(requests[index])

    helpers = [
        threading.Thread(target=work, name="nli-remote", daemon=True) for _ in range(min(at_once, len(requests)) - 1)
    ]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    return [outcome for outcomes in done for outcome in outcomes]


def _outcome(found: object) -> Outcome:
    """One entry of an answer. Raises ValueError if it is not a verdict."""
    if isinstance(found, dict):
        entailed, score, rechecked = found.get("entailed"), found.get("score"), found.get("rechecked", False)
        if isinstance(entailed, bool) and isinstance(rechecked, bool) and isinstance(score, int | float):
            return Verdict(entailed, _finite(score), rechecked)
        error = found.get("error")
        if isinstance(error, str):
            return BackendError(error) if found.get("backend") else SampleError(error)
    raise ValueError(f"not a verdict: {excerpt(found)}")


def _finite(score: float) -> float:
    if isinstance(score, bool) or not isfinite(score):
        raise ValueError(f"a score that is not a number: {score}")
    return float(score)


def _found(answer: Json) -> None:
    if answer.get("status") != "loading":
        served(answer)


def remote(spec: Spec, options: NLIOptions, name: str) -> Remote:
    """A model behind `groundeval serve-nli`: --nli http://host:port."""
    if not options.model:
        raise UsageError(
            f"{option('nli', 'remote')}: give the server's address instead, as in {option('nli', 'http://host:8765')}."
        )
    return Remote(options)
