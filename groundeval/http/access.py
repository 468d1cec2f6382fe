"""Refuses requests that a page of another site makes a browser send, before anything reads them.

A browser on this machine can reach loopback servers, and any page can make it send requests. Three checks keep pages
out:

- `Host`: a request over the loopback address must use a name of the loopback address. A page whose own name was made
  to resolve to this machine (DNS rebinding) still sends that name.
- `Origin` and `Sec-Fetch-Site`: browsers set them, and a page cannot change them.
- `Content-Type`: a form, or a script without permission, can send only three types, and JSON is not one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundeval.http.answers import Refusal

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
"""Sent with every response: no page of another site may embed it, for instance as a script."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """ASGI middleware that refuses what `check_request` refuses and adds headers to every response.

    `allowed_hosts`: further names that clients use for the server, for instance through a proxy on this machine.
    `refused` is called with the method and status of each refusal.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed_hosts: Collection[str],
        headers: dict[str, str],
        refused: Callable[[str, int], None],
    ) -> None:
        self.app = app
        self._allowed = frozenset(name.lower() for name in allowed_hosts)
        self._headers = {**HEADERS, **headers}
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            check_request(scope, self._allowed)
        except Refusal as refusal:
            self._refused(scope["method"], refusal.status)
            await refusal.answer()(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)


def check_request(scope: MutableMapping[str, Any], allowed_hosts: Collection[str] = ()) -> None:
    """Raises Refusal (421, 403 or 415) for a request that a page of another site may have caused.

    Raises Refusal (400) for a request with two lengths: a proxy in front may take its end for another request.
    """
    headers = Headers(scope=scope)
    if "transfer-encoding" in headers and "content-length" in headers:
        raise Refusal(400, "a request has a Content-Length or a Transfer-Encoding, not both", {"Connection": "close"})
    host = headers.get("host", "")
    here = (scope.get("server") or ("",))[0]
    if is_loopback(here) and not is_loopback(name_of(host)) and name_of(host) not in allowed_hosts:
        raise Refusal(
            421,
            f"Host {host!r} is not a name of the loopback address, over which this request came; "
            "behind a proxy on this machine, start the server with --allowed-host NAME",
        )
    origin = headers.get("origin")
    if origin is not None and not _same_site(origin, host):
        raise Refusal(403, f"a page of another site ({origin}) may not use this server")
    from_elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    if scope["method"] in ("GET", "HEAD"):
        # A link of another site may lead here; its pages may not load scripts, images or data from here.
        if from_elsewhere and headers.get("sec-fetch-mode", "navigate") != "navigate":
            raise Refusal(403, "a page of another site may not load parts of this one")
        return
    if from_elsewhere:
        raise Refusal(403, "a page of another site may not use this server")
    kind = headers.get("content-type")
    if kind is not None and not _is_json(kind):
        raise Refusal(415, f"Content-Type must be application/json; it is {kind}")


def is_loopback(host: str) -> bool:
    """Whether a host (a name or an address, without a port) is this machine's loopback address.

    Names are not resolved: only `localhost` and names below it count.
    """
    host = host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (address if mapped is None else mapped).is_loopback


def name_of(host: str) -> str:
    """The name in a `Host` header, in lower case and without the port; empty if the header cannot be parsed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_site(origin: str, host: str) -> bool:
    """Whether an `Origin` names the requested host. The scheme is ignored: a proxy may terminate TLS."""
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{host}")
        default = DEFAULT_PORTS.get(page.scheme)
        return (
            default is not None
            and page.hostname is not None
            and page.hostname == asked.hostname
            and (page.port or default) == (asked.port or default)
        )
    except ValueError:
        return False


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
