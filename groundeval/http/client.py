"""A client of one server over HTTP: requests of several threads, each repeated as long as waiting can help.

A server that is down, restarting or busy costs only time; a request fails only when the server has answered none
for the whole patience. This module imports httpx: import it only when there is an address to talk to.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx
from tenacity import RetryCallState

from groundeval.errors import BackendError, GroundevalError, UsageError, option
from groundeval.http.body import Body, json_object
from groundeval.http.gate import Gate
from groundeval.http.retrying import NoAnswer, Retries, in_our_words, no_answer, refusal, unreadable

T = TypeVar("T")
Json = dict[str, Any]

CONNECT_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
LONGEST_RETRY_AFTER = 60.0
SAY_AFTER, SAY_BUSY_AFTER = 2.0, 60.0
"""Seconds without an answer, from an unreachable or a busy server, after which the user is told."""
SAME_OUTAGE = 30.0
"""A request within this many seconds after another was given up does not wait the whole patience again."""
MOST_UNREADABLE, UNREADABLE_IN_A_ROW = 6, 8
"""Number of unreadable answers to one request, and of consecutive unreadable requests, before giving up."""
FREE_FAILURES = 2
"""Failures of a request before the server is asked for something plain, to see which of the two is at fault."""
FAILURES_ALONE = 3
"""Failures of its own for which one counts that a request meets alone, just after the server answered a plain one."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class TooLarge(Exception):
    """The server does not take a request of this size (413)."""


class Refused(UsageError):
    """The server requires a bearer token, or a different one."""


class RequestRejected(BackendError):
    """The server cannot read a request, or refuses its content: repeating it would not help."""

    def __init__(self, message: str, status: int, answer: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer
        """The server's message, unchanged."""


class Unreadable(BackendError):
    """The server never answers one request so that it can be read, while it answers others."""

    breaks = False
    """Whether the server broke at it: so it may at a part of it."""


class Plain(NamedTuple):
    """A request that every working server answers.

    Where it is answered right after another has failed, that other is at fault, and not the server.
    """

    method: str
    path: str
    body: Json
    read: Callable[[Json], object]


class Client:
    """Requests to the server at an address; any number of threads may use it at once.

    `timeout`: seconds for one answer. `patience`: seconds without any answer from the server, to any thread, after
    which `ask` raises BackendError. `service` and `token_variable` are for messages: the expected server, and the
    environment variable of the token.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None,
        timeout: float,
        patience: float,
        connections: int,
        service: str = "`groundeval serve-nli`, of the same version as here",
        token_variable: str = "GROUNDEVAL_NLI_TOKEN",
    ) -> None:
        self.address = address.rstrip("/")
        self._service = service
        self._token_variable = token_variable
        self.patience = patience
        self.timeout = timeout
        host = host_of(self.address)
        self._closed = threading.Event()
        self._retries = Retries(FIRST_PAUSE, LONGEST_PAUSE, LONGEST_RETRY_AFTER)
        self._lock = threading.Lock()
        self._gate = Gate()
        self._silent_since: float | None = None
        self._given_up_at: float | None = None
        self._said = False
        self._judged_seen: object = None
        self._unreadable_in_a_row = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "groundeval", "Prefer": f"wait={max(1, int(timeout))}"}
        if token:
            headers["Authorization"] = f"Bearer {_token(token)}"
        self._http = httpx.Client(
            headers=headers,
            limits=httpx.Limits(max_connections=connections + 1, max_keepalive_connections=connections + 1),
            # A proxy for other hosts cannot reach this machine's own ports.
            trust_env=host not in LOOPBACK,
        )

    def close(self) -> None:
        """Close the connections; waiting callers get a BackendError."""
        self._closed.set()
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        read: Callable[[Json], T],
        limit: int = 1 << 20,
        statuses: Collection[int] = (200,),
        patience: float | None = None,
        plain: Plain | None = None,
        most_failures: int = MOST_UNREADABLE,
        alone: bool = False,
    ) -> T:
        """The result of `read` for the server's JSON object. An error of `read` means that the answer cannot be read.

        `limit`: most bytes of the answer. `statuses`: those whose answer is read. `patience`: overrides the client's.
        `plain`: shows whether a failure is the request's own; after `most_failures` of those it is Unreadable. `alone`:
        it may break the server, and is sent while no others are in flight. Raises
        Refused, TooLarge, Unreadable, and BackendError for a server that answers no request.
        """
        # ASCII escapes carry lone surrogates, which UTF-8 cannot.
        content = None if body is None else json.dumps(body).encode("ascii")
        most = self.patience if patience is None else patience
        self._begin()
        failures = own = 0
        broken = NoAnswer("no answer to a plain request") if alone and plain is not None else None

        def attempt() -> T:
            if broken is None:
                with self._gate.beside():
                    return once()
            # It may be what ends the server, and with it the requests of others: the next failure will show it.
            with self._gate.alone():
                if not self.answers(plain):
                    raise broken
                return once()

        def once() -> T:
            nonlocal failures, own, broken
            try:
                body = self._once(method, path, content, limit, statuses, self.timeout)
                answer = _read(read, body)
            except (Refused, RequestRejected) as refusal:
                self._answered()
                if self.answers(plain):
                    raise Unreadable(f"{refusal}\n  It answers other requests.") from None
                raise
            except (GroundevalError, TooLarge):
                self._answered()
                raise
            except (NoAnswer, httpx.HTTPError, ValueError) as error:
                trouble = error if isinstance(error, NoAnswer) else no_answer(error)
                failures += 1
                if broken is not None and trouble.taken:
                    own += FAILURES_ALONE
                elif trouble.unreadable or self._is_its_own(trouble, failures, plain):
                    own += 1
                elif plain is not None and trouble.taken and failures > FREE_FAILURES:
                    broken = trouble
                raise trouble from error
            self._answered()
            return answer

        try:
            return self._retries.call(
                attempt,
                pause=lambda state: self._retries.pause(state, max(FIRST_PAUSE, most - self._silence())),
                give_up=lambda state: own >= most_failures or self._is_over(state, most),
                sleep=self._sleep,
            )
        except NoAnswer as trouble:
            if own >= most_failures:
                if broken is None and not self.answers(plain):
                    self._demand_others_are_read(trouble)
                given_up = Unreadable(f"NLI server {self.address}: {trouble}, {failures} times for one request")
                given_up.breaks = broken is not None
                raise given_up from None
            raise BackendError(
                f"NLI server {self.address}: {trouble}; no answer for {self._silence():.0f} s.\n"
                "  When it runs again, the same command resumes."
            ) from trouble

    def attempt(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        read: Callable[[Json], T],
        limit: int = 1 << 20,
        statuses: Collection[int] = (200,),
    ) -> T:
        """As `ask`, but tried once. Raises NoAnswer, too, where another attempt, or another server, may help."""
        content = None if body is None else json.dumps(body).encode("ascii")
        return in_our_words(lambda: _read(read, self._once(method, path, content, limit, statuses, self.timeout)))

    def answers(self, plain: Plain | None) -> bool:
        """Whether the server answers a plain request now; False without one."""
        if plain is None:
            return False
        try:
            self.attempt(plain.method, plain.path, plain.body, read=plain.read)
        except (GroundevalError, TooLarge, NoAnswer):
            return False
        self._answered()
        return True

    def _is_its_own(self, trouble: NoAnswer, failures: int, plain: Plain | None) -> bool:
        """Whether a request's failure is its own fault: it is not the first, and the server answers a plain one."""
        may_be = trouble.repeat and (trouble.taken or not trouble.alive) and failures > FREE_FAILURES
        return may_be and self.answers(plain)

    # One attempt

    def _once(
        self, method: str, path: str, content: bytes | None, limit: int, statuses: Collection[int], seconds: float
    ) -> bytes:
        headers = {} if content is None else {"Content-Type": "application/json"}
        until = time.monotonic() + seconds
        with self._http.stream(
            method, self.address + path, content=content, headers=headers, timeout=_timeout(seconds)
        ) as response:
            body = Body(response.headers.get("Content-Encoding"), limit)
            for part in response.iter_raw():
                body.add(part)
                if time.monotonic() > until:
                    raise NoAnswer(f"no whole answer within {seconds:g} s", alive=True, taken=True)
        answer = body.whole()
        if response.status_code not in statuses:
            self._raise_for(response, answer)
        return answer

    def _raise_for(self, response: httpx.Response, answer: bytes) -> NoReturn:
        trouble = refusal(response, answer)
        if trouble.repeat:
            raise trouble
        if response.status_code in (401, 403):
            raise Refused(
                f"NLI server {self.address} refuses the token, or requires one (it answers {trouble}).\n"
                f"  Put the server's token into the environment variable {self._token_variable}."
            )
        if response.status_code == 413:
            raise TooLarge(str(trouble))
        raise RequestRejected(
            f"NLI server {self.address} answers {trouble}.\n  Is this the address of {self._service}?",
            response.status_code,
            answer,
        )

    def _demand_others_are_read(self, trouble: NoAnswer) -> None:
        """Raise BackendError where too many requests in a row were answered unreadably: it is the server's fault."""
        with self._lock:
            self._unreadable_in_a_row += 1
            too_many = self._unreadable_in_a_row >= UNREADABLE_IN_A_ROW
        if too_many:
            raise BackendError(
                f"NLI server {self.address}: {trouble}; none of the last {UNREADABLE_IN_A_ROW} requests got an answer "
                "that can be read.\n  When it works again, the same command resumes."
            )

    # Waiting

    def _begin(self) -> None:
        with self._lock:
            if self._given_up_at is not None and time.monotonic() - self._given_up_at > SAME_OUTAGE:
                self._silent_since = self._given_up_at = None

    def _answered(self) -> None:
        with self._lock:
            told, self._said = self._said, False
            self._silent_since = self._given_up_at = None
            self._unreadable_in_a_row = 0
        if told:
            say(f"NLI server {self.address} answers again; continuing.")

    def _silence(self) -> float:
        """Seconds since the server's last answer to any thread, while one is outstanding."""
        with self._lock:
            now = time.monotonic()
            self._silent_since = now if self._silent_since is None else self._silent_since
            return now - self._silent_since

    def _is_over(self, state: RetryCallState, patience: float) -> bool:
        """Whether patience with the server is over; the user is told once about the wait."""
        trouble = state.outcome.exception() if state.outcome else None
        assert isinstance(trouble, NoAnswer)
        silent = self._silence()
        with self._lock:
            tell = silent >= min(SAY_BUSY_AFTER if trouble.alive else SAY_AFTER, patience / 2) and not self._said
            self._said = self._said or tell
        if tell:
            say(f"NLI server {self.address}: {trouble}. Waiting for it, up to {patience:g} s.")
        if silent < patience or (trouble.alive and self._progresses(patience)):
            return False
        with self._lock:
            self._given_up_at = time.monotonic()
        return True

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise BackendError(f"the connection to NLI server {self.address} was closed")

    def _progresses(self, patience: float) -> bool:
        """Whether a slow server has judged pairs since the last check; if so, patience is restarted."""
        try:
            health = json_object(self._once("GET", "/health", None, 1 << 20, (200,), CONNECT_SECONDS))
        except (httpx.HTTPError, ValueError, GroundevalError, TooLarge, NoAnswer):
            return False
        judged = health.get("judged")
        with self._lock:
            if health.get("status") == "ready" and judged is not None and judged != self._judged_seen:
                self._silent_since = time.monotonic()
            self._judged_seen = judged
            # Another thread may have seen progress, or have received its answer.
            return self._silent_since is None or time.monotonic() - self._silent_since < patience


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS), pool=None)


def host_of(address: str) -> str:
    """The host of an address. Raises UsageError for anything but a plain http(s) address."""
    shown = re.sub("//[^/]*@", "//...@", address)
    if shown != address:
        raise UsageError(
            f"{option('nli', shown)}: a password in the address would end up in logs.\n"
            "  Put a token into the environment variable GROUNDEVAL_NLI_TOKEN instead."
        )
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
        httpx.URL(address)
    except (ValueError, httpx.InvalidURL) as error:
        raise UsageError(f"{option('nli', address)}: not an address: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or " " in host:
        raise UsageError(f"{option('nli', address)}: must look like http://host:8765")
    return host


def _token(token: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError("the NLI server's token may hold only visible ASCII characters")
    return token


def _read(read: Callable[[Json], T], answer: bytes) -> T:
    """The result of `read` for an answer. Raises NoAnswer for one that it cannot read, for whatever reason."""
    try:
        return read(json_object(answer))
    except (GroundevalError, TooLarge, NoAnswer):
        raise
    except Exception as error:
        raise unreadable(error) from error


def say(message: str) -> None:
    """Tell the user, on stderr."""
    print(message, file=sys.stderr, flush=True)
