"""Several servers of one verifier: a request goes to the least loaded server, and to another if that one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from groundeval.errors import BackendError, GroundevalError, UsageError, option
from groundeval.http.client import (
    FAILURES_ALONE,
    FREE_FAILURES,
    MOST_UNREADABLE,
    UNREADABLE_IN_A_ROW,
    Client,
    Json,
    Plain,
    Refused,
    RequestRejected,
    Unreadable,
    say,
)
from groundeval.http.retrying import NoAnswer
from groundeval.nli.identity import AnotherModel, Served, differences, served

T = TypeVar("T")

PROBE_SECONDS = 5.0
"""Timeout of a health check, in seconds."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before a health check of a server that is away: after an answer, and after repeated failures without one."""
FIRST_UNREADABLE_PAUSE = 0.1
"""Seconds before a request whose answer cannot be read is repeated; twice as long each time."""
BUSY_PAUSE = 1.0
LONGEST_BUSY_PAUSE = 30.0
BAD_SERVER = 3
"""Answers in a row that cannot be read, to any requests, after which a server is taken for away."""


@dataclass(eq=False)
class _Server:
    client: Client
    probe: Client
    in_flight: int = 0
    reserved: bool = False
    """One request waits for the others to end, or is in flight alone."""
    used: int = 0
    """The number of its latest request."""
    up: bool = False
    loading: bool = False
    excluded: str = ""
    """Why it gets no requests although it answers; empty otherwise."""
    not_before: float = 0.0
    """The time of the monotonic clock before which it has asked for no requests."""
    pause: float = field(default=FIRST_PAUSE)
    unreadable: int = 0
    """Its latest answers that cannot be read, in a row."""
    check_at: float = 0.0
    """The time of the monotonic clock of its next health check, while it is not ready."""

    def check_later(self) -> None:
        """Leave a pause before the next health check, twice as long each time until it answers a request."""
        self.check_at = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    @property
    def address(self) -> str:
        return self.client.address


class Fleet:
    """The servers at several addresses, all with the same verifier; any number of threads may ask.

    A server that fails gets no requests until a health check finds it ready again, with the same verifier; its request
    goes to another server. A request fails only when no server has answered for `patience` seconds, when all of them
    answer but none can be used, or when its answers, and not those of others, cannot be read.
    """

    def __init__(
        self, addresses: Sequence[str], connect: Callable[[str, float | None], Client], patience: float
    ) -> None:
        self.patience = patience
        self._servers = [_Server(connect(each, None), connect(each, PROBE_SECONDS)) for each in addresses]
        self._changed = threading.Condition()
        self._watching = False
        self._closed = False
        self._requests = 0
        self._served: Served | None = None
        self._silent_since: float | None = None
        self._judged_seen: object = None
        self._unreadable_in_a_row = 0

    @property
    def address(self) -> str:
        """All addresses, as `--nli` takes them."""
        return ",".join(each.address for each in self._servers)

    def close(self) -> None:
        """Drop the connections; waiting callers get a BackendError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for each in self._servers:
            each.client.close()
            each.probe.close()

    def check(self, patience: float) -> None:
        """Check that at least one server answers; its model may still be loading.

        Raises UsageError if two serve different verifiers, BackendError if none answers within `patience` seconds.
        """
        end = time.monotonic() + patience
        while True:
            answered = [self._examine(each) for each in self._servers]
            if any(answered):
                break
            if time.monotonic() > end or self._closed:
                raise BackendError(
                    f"NLI servers {self.address}: none is reachable.\n  When one runs, the same command resumes."
                )
            time.sleep(FIRST_PAUSE)
        self._refuse_differences()

    def load(self, patience: float) -> Served:
        """The verifier that the servers serve, once all that are loading are ready.

        Servers that do not answer join later. Raises as `check` does, and BackendError if none is ready within the
        fleet's own patience.
        """
        self.check(patience)
        for each in self._servers:
            if not each.up and not each.loading:
                say(f"NLI server {each.address} does not answer; it gets requests as soon as it does.")
        self._watch()
        with self._changed:
            self._wait_until(lambda: self._served is not None and not any(each.loading for each in self._servers))
        self._refuse_differences()
        assert self._served is not None
        return self._served

    def ask(
        self,
        method: str,
        path: str,
        body: Json,
        *,
        read: Callable[[Json], T],
        limit: int,
        plain: Plain | None = None,
        most_failures: int = MOST_UNREADABLE,
        alone: bool = False,
    ) -> T:
        """The result of `read` on the answer of one server. Arguments and errors are those of `Client.ask`."""
        own, broken = 0, FREE_FAILURES + 1 if alone else 0
        while True:
            # It may be what ends the servers, and with them the requests of others: alone, a failure shows it.
            alone = plain is not None and broken > FREE_FAILURES
            server = self._take(alone)
            try:
                if alone and not server.client.answers(plain):
                    raise NoAnswer("no answer to a plain request")
                answer = server.client.attempt(method, path, body, read=read, limit=limit)
            except NoAnswer as trouble:
                may_be = trouble.repeat and (trouble.taken or not trouble.alive)
                works = (alone and trouble.taken) or (may_be and server.client.answers(plain))
                own += FAILURES_ALONE if alone and trouble.taken else trouble.unreadable or works
                broken += trouble.taken
                if own >= most_failures:
                    given_up = self._unreadable(trouble, own, works)
                    if isinstance(given_up, Unreadable):
                        given_up.breaks = alone
                    raise given_up from None
                if works or (trouble.unreadable and not self._is_bad(server)):
                    self._rest(FIRST_UNREADABLE_PAUSE * 2 ** (own - 1))
                elif trouble.alive and trouble.retry_after is not None:
                    self._leave_alone(server, trouble.retry_after)
                elif trouble.repeat:
                    self._lose(server, str(trouble))
                else:
                    raise
            except (AnotherModel, Refused, RequestRejected) as error:
                if not isinstance(error, AnotherModel) and server.client.answers(plain):
                    raise Unreadable(f"{error}\n  It answers other requests.") from None
                if not self._exclude(server, str(error)) and not isinstance(error, AnotherModel):
                    raise
            else:
                self._answered(server)
                return answer
            finally:
                self._give_back(server, alone)

    # Which server

    def _take(self, alone: bool = False) -> _Server:
        """The ready server with the fewest requests of this process in flight; waits until there is one.

        `alone`: until nothing else is in flight at it; nothing is sent to it then until it is given back.
        """
        with self._changed:
            while True:
                self._wait_until(lambda: any(each.up and not each.reserved for each in self._servers))
                now = time.monotonic()
                usable = [each for each in self._servers if each.up and not each.reserved]
                free = [each for each in usable if each.not_before <= now]
                if free:
                    server = min(free, key=lambda each: (each.in_flight, each.used))
                    self._requests += 1
                    server.in_flight, server.used = server.in_flight + 1, self._requests
                    if alone:
                        server.reserved = True
                        while server.in_flight > 1 and not self._closed:
                            self._changed.wait(0.1)
                    return server
                self._give_up_if_over()
                self._changed.wait(min(each.not_before for each in usable) - now)

    def _give_back(self, server: _Server, alone: bool) -> None:
        with self._changed:
            server.in_flight -= 1
            server.reserved = server.reserved and not alone
            self._changed.notify_all()

    def _answered(self, server: _Server) -> None:
        with self._changed:
            self._silent_since = None
            self._unreadable_in_a_row = 0
            server.pause, server.unreadable = FIRST_PAUSE, 0

    def _is_bad(self, server: _Server) -> bool:
        """Count an unreadable answer; whether the server, rather than the request, is the reason."""
        with self._changed:
            server.unreadable += 1
            return server.unreadable >= BAD_SERVER

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _unreadable(self, trouble: NoAnswer, times: int, works: bool) -> BackendError:
        """The error for a request that is never answered readably.

        Unless a server `works`, too many in a row are the servers' fault.
        """
        with self._changed:
            self._unreadable_in_a_row = 0 if works else self._unreadable_in_a_row + 1
            too_many = self._unreadable_in_a_row >= UNREADABLE_IN_A_ROW
        if too_many:
            return BackendError(
                f"NLI servers {self.address}: {trouble}; none of the last {UNREADABLE_IN_A_ROW} requests got an answer "
                "that can be read.\n  When they work again, the same command resumes."
            )
        return Unreadable(f"NLI servers {self.address}: {trouble}, {times} times for one request")

    def _leave_alone(self, server: _Server, seconds: float) -> None:
        with self._changed:
            server.not_before = time.monotonic() + min(max(seconds, BUSY_PAUSE), LONGEST_BUSY_PAUSE)

    def _lose(self, server: _Server, trouble: str) -> None:
        with self._changed:
            was_up, server.up = server.up, False
            others = any(each.up for each in self._servers)
            if was_up:
                server.unreadable = 0
                server.check_later()
        if was_up:
            what = "the others continue" if others else f"waiting for one, up to {self.patience:g} s"
            say(f"NLI server {server.address}: {trouble}; {what}.")
        self._watch()

    def _exclude(self, server: _Server, why: str) -> bool:
        """Give a server that answers, but cannot be used, no more requests; whether another server is left."""
        with self._changed:
            was, server.excluded, server.up = server.excluded, why, False
            others = any(each.up for each in self._servers)
        if not was:
            say(f"{why}\n  This server is left out until that changes.")
        self._watch()
        return others

    # Waiting

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait, holding the lock, until a condition holds. Raises BackendError when patience is over."""
        while not holds():
            self._give_up_if_over()
            self._changed.wait(0.1)
        if self._closed:
            raise BackendError(f"the connection to NLI servers {self.address} was closed")

    def _give_up_if_over(self) -> None:
        """Raises BackendError if none can be used, or none has answered or judged anything for the whole patience."""
        if self._closed:
            raise BackendError(f"the connection to NLI servers {self.address} was closed")
        now = time.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        all_excluded = all(each.excluded for each in self._servers)
        if not all_excluded and (now - self._silent_since < self.patience or self._progress()):
            return
        excluded = "".join(f"\n  {each.excluded}" for each in self._servers if each.excluded)
        raise BackendError(
            f"NLI servers {self.address}: none has answered for {now - self._silent_since:.0f} s.{excluded}\n"
            "  When one runs again, the same command resumes."
        )

    def _progress(self) -> bool:
        """Whether the ready servers have judged pairs since the last call; if so, patience starts again."""
        judged = [_judged(each.probe) for each in self._servers if each.up]
        if not judged or judged == self._judged_seen:
            return False
        self._judged_seen, self._silent_since = judged, time.monotonic()
        return True

    # Health checks

    def _watch(self) -> None:
        """Check the servers that are not ready, in a thread that ends when all are."""
        with self._changed:
            if self._watching or self._closed or all(each.up for each in self._servers):
                return
            self._watching = True
        threading.Thread(target=self._check_until_all_are_up, name="nli-health", daemon=True).start()

    def _check_until_all_are_up(self) -> None:
        while True:
            with self._changed:
                away = [each for each in self._servers if not each.up]
                if self._closed or not away:
                    self._watching = False
                    return
                soonest = min(each.check_at for each in away)
                self._changed.wait(max(0.05, soonest - time.monotonic()))
            for each in away:
                if time.monotonic() >= each.check_at and not self._closed:
                    try:
                        self._examine(each)
                    except GroundevalError as error:
                        self._exclude(each, str(error))
                    if not each.up:
                        each.check_later()

    def _examine(self, server: _Server) -> bool:
        """Ask a server for its verifier and record whether it is ready; returns whether it answers.

        Raises as `Client.ask` does while no server's verifier is known.
        """
        try:
            found = server.probe.attempt("GET", "/identity", read=_served_or_loading, statuses=(200, 503))
        except NoAnswer:
            server.loading = False
            return False
        except GroundevalError as error:
            server.loading = False
            if self._served is None:
                raise
            self._exclude(server, str(error))
            return True
        server.loading = found is None
        if found is not None:
            self._note(server, found)
        return True

    def _note(self, server: _Server, found: Served) -> None:
        with self._changed:
            self._served = self._served or found
            same = found.id == self._served.id
            server.excluded = "" if same else _differs(server.address, self._served, found)
            back, server.up = same and not server.up, same
            self._changed.notify_all()
        if back and self._requests:
            say(f"NLI server {server.address} answers again; it gets requests again.")

    def _refuse_differences(self) -> None:
        wrong = [each.excluded for each in self._servers if each.excluded]
        if wrong:
            raise UsageError(f"{option('nli', self.address)}: the servers must serve the same verifier.\n  {wrong[0]}")


def _differs(address: str, first: Served, other: Served) -> str:
    return f"NLI server {address} serves another verifier: {differences(first.identity, other.identity)}"


def _served_or_loading(answer: Json) -> Served | None:
    return None if answer.get("status") == "loading" else served(answer)


def _judged(probe: Client) -> object:
    """The number of pairs a server has judged, by its own count; None if it gives none."""
    try:
        return probe.attempt("GET", "/health", read=lambda answer: answer.get("judged"))
    except (NoAnswer, GroundevalError):
        return None
