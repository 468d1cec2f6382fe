"""Requests that other sites' pages can make a browser send are refused; those of clients and proxies are not."""

from __future__ import annotations

import httpx
import pytest
from frames import Echo, answer_on, connect, port_of, running

from groundeval.http.access import check_request, is_loopback
from groundeval.http.answers import Refusal


@pytest.fixture(scope="module")
def address():
    with running(Echo(allowed_hosts=["Eval.Example.org"])) as address:
        yield address


HERE = ["localhost", "127.0.0.1", "[::1]", "127.1.2.3", "LOCALHOST", "app.localhost", "eval.example.org"]
ELSEWHERE = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost", "169.254.169.254", "0.0.0.0",
    "127.0.0.1@evil.example", "[::ffff:8.8.8.8]", "eval.example.org.evil.example", "", "[", "2130706433",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("path", ["/health", "/echo"])
def test_a_name_of_the_loopback_address_is_served_with_any_port(address: str, host: str, path: str):
    for named in (host, f"{host}:{port_of(address)}", f"{host}:1234"):
        ask = httpx.post if path == "/echo" else httpx.get
        options = {"json": {}} if path == "/echo" else {}
        assert ask(f"{address}{path}", headers={"Host": named}, **options).status_code == 200


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize("path", ["/health", "/metrics", "/echo"])
def test_a_name_that_was_made_to_lead_here_is_refused(address: str, host: str, path: str):
    method = "POST" if path == "/echo" else "GET"
    for named in (host, f"{host}:{port_of(address)}"):
        said = f"{method} {path} HTTP/1.1\r\nHost: {named}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with connect(address, said.encode()) as line:
            assert answer_on(line).startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 ")), named


def test_two_names_are_refused(address: str):
    with connect(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n") as line:
        assert answer_on(line).startswith(b"HTTP/1.1 400 ")


def test_a_request_with_two_lengths_is_refused_and_what_follows_is_not_taken_for_another(address: str):
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunks = b"2\r\n{}\r\n0\r\n\r\n"
    smuggled = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for lengths in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"):  # fmt: skip
        with connect(address, head + lengths + chunks + smuggled) as line:
            answer = answer_on(line)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
    with connect(address, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + smuggled) as line:
        assert answer_on(line).count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "TEXT/PLAIN; charset=x",
        "text/plain; application/json", "text/json", "application/octet-stream", "", "application/jsonx",
    ],
)  # fmt: skip
def test_what_a_form_can_send_is_refused(address: str, kind: str):
    answer = httpx.post(f"{address}/echo", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json", None]
)
def test_json_is_taken(address: str, kind: str | None):
    answer = httpx.post(f"{address}/echo", content=b'{"a": 1}', headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.json()) == (200, {"a": 1})


def test_a_page_of_another_site_is_refused_and_one_of_this_is_not(address: str):
    port = port_of(address)
    for origin in (
        "http://evil.example", "null", f"http://localhost:{port + 1}", f"http://127.0.0.1.evil.example:{port}",
        "file://", "chrome-extension://abc", f"http://localhost:{port}", "http://127.0.0.1",
    ):  # fmt: skip
        for ask in (httpx.get, httpx.post):
            path = "/health" if ask is httpx.get else "/echo"
            assert ask(f"{address}{path}", headers={"Origin": origin}).status_code == 403, origin
    for site in ("cross-site", "same-site", "anything"):
        assert httpx.post(f"{address}/echo", json={}, headers={"Sec-Fetch-Site": site}).status_code == 403
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(f"{address}/echo", json={}, headers=own).status_code == 200
    # A link on another site may be followed: the page that has it does not see where it leads.
    for mode, status in (("navigate", 200), ("no-cors", 403), ("cors", 403), ("same-origin", 403)):
        asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert httpx.get(f"{address}/health", headers=asked).status_code == status, mode
    proxied = {"Host": "eval.example.org", "Origin": "https://eval.example.org"}
    assert httpx.post(f"{address}/echo", json={}, headers=proxied).status_code == 200


def test_every_answer_says_that_no_other_site_may_embed_it(address: str):
    for answer in (
        httpx.get(f"{address}/health"),
        httpx.get(f"{address}/nowhere"),
        httpx.get(f"{address}/health", headers={"Host": "evil.example"}),
        httpx.post(f"{address}/echo", content=b"nonsense"),
    ):
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers


def request(host: str, server: str) -> dict[str, object]:
    return {"type": "http", "method": "GET", "headers": [(b"host", host.encode())], "server": (server, 8765)}


@pytest.mark.parametrize("server", ["192.168.0.7", "172.17.0.2", "fe80::1"])
def test_over_another_address_the_server_may_have_any_name(server: str):
    check_request(request("nli.example.org", server))


@pytest.mark.parametrize("server", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_over_the_loopback_address_it_may_not_wherever_else_the_server_listens(server: str):
    with pytest.raises(Refusal, match="--allowed-host"):
        check_request(request("nli.example.org", server))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9", "[::1]"])
def test_loopback_hosts(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "localhost.example.org", "example.org", "*"])
def test_hosts_that_others_may_reach(host: str):
    assert not is_loopback(host)
