"""Serving a site on the loopback address, and uploading it to a hub."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from frames import answer_on, connect
from hub_server import hub
from many_runs import write_run

from groundeval.cli.app import main
from groundeval.errors import BackendError, UsageError
from groundeval.leaderboard.build import build
from groundeval.leaderboard.push import push
from groundeval.leaderboard.serve import open_server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaderboard")
    write_run(folder / "runs", "one", samples=20)
    return build([folder / "runs"], folder / "site").site


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    with open_server(site, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_server_gives_the_site_with_its_policy_and_nothing_outside(site: Path, address: str):
    page = httpx.get(f"{address}/")
    assert page.content == (site / "index.html").read_bytes()
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    (site.parent / "secret.txt").write_text("mine")
    assert httpx.get(f"{address}/%2e%2e/secret.txt").status_code == 404


def test_the_server_listens_on_the_loopback_address_only(site: Path):
    with open_server(site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_wrong_usage(site: Path):
    with open_server(site, 0) as server, pytest.raises(UsageError, match="--port"):
        open_server(site, server.server_port)


def test_a_folder_that_is_no_site_is_wrong_usage(tmp_path: Path):
    assert main(["leaderboard", "serve", str(tmp_path)]) == 2
    assert main(["leaderboard", "push", str(tmp_path), "me/board"]) == 2


@pytest.mark.parametrize("kind", ["space", "dataset"])
def test_every_file_of_the_site_is_uploaded_and_old_runs_are_deleted(site: Path, kind: str):
    with hub() as state:
        state.files |= {"leaderboard.json": (site / "leaderboard.json").read_bytes(), "runs/old.html": b"old"}
        address = push(site, "me/board", kind=kind, endpoint=state.address, token="hf_secret")  # type: ignore[arg-type]
        files = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
        readme = state.files.pop("README.md").decode()
        assert state.files == files
    assert address.endswith("/commit/1234")
    assert state.tokens == {"Bearer hf_secret"}
    assert state.kinds == {f"{kind}s"}
    [created] = state.created
    assert (created["name"], created["organization"], created["type"]) == ("board", "me", kind)
    assert ("sdk: static" in readme) == (kind == "space")


FRESH = {".gitattributes": b"", "README.md": b"# board"}
TEMPLATE = {"index.html": b"My static Space", "style.css": b""}
"""What the hub puts into a new static Space."""


@pytest.mark.parametrize("files", [{}, FRESH, {**FRESH, **TEMPLATE}])
def test_a_new_repository_and_an_empty_one_take_a_site(site: Path, files: dict[str, bytes]):
    with hub() as state:
        state.files |= files
        push(site, "me/board", endpoint=state.address, token="hf_secret")
        assert state.files["leaderboard.json"] == (site / "leaderboard.json").read_bytes()


@pytest.mark.parametrize(
    "others",
    [{"runs/1/model.bin": b"mine"}, {"leaderboard.json": b'{"kind": "another"}'}, {"leaderboard.json": b"no JSON"}],
)
def test_a_repository_that_holds_anything_else_is_left_alone(
    site: Path, others: dict[str, bytes], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with hub() as state:
        state.files |= {**FRESH, **others}
        assert main(["leaderboard", "push", str(site), "me/board", "--endpoint", state.address]) == 2
        assert state.files == {**FRESH, **others}
    assert f"me/board: already exists and holds no leaderboard but {next(iter(others))}" in capsys.readouterr().err


def test_a_page_that_somebody_made_of_a_new_space_is_left_alone(site: Path):
    with hub() as state:
        state.files |= {**FRESH, **TEMPLATE}
        state.commits.insert(0, "Update index.html")
        with pytest.raises(UsageError, match=r"holds no leaderboard but index\.html, style\.css"):
            push(site, "me/board", endpoint=state.address, token="hf_secret")
        assert state.files == {**FRESH, **TEMPLATE}


def test_a_hub_that_nobody_answers_for_is_a_failed_backend(site: Path):
    with hub() as state:
        address = state.address
    with pytest.raises(BackendError, match="cannot be reached"):
        push(site, "me/board", endpoint=address, token="hf_secret")


def test_a_hub_that_refuses_is_a_failed_backend(site: Path):
    with hub() as state:
        state.refuses = 403
        with pytest.raises(BackendError, match="the hub refused"):
            push(site, "me/board", endpoint=state.address, token="hf_secret")


def test_a_name_that_is_none_is_wrong_usage(site: Path):
    with hub() as state, pytest.raises(UsageError, match="not the name of a repository"):
        push(site, "a/b/c", endpoint=state.address, token="hf_secret")


def test_pages_of_other_sites_are_refused_and_no_page_may_frame_the_site(address: str):
    assert httpx.get(f"{address}/index.html", headers={"Host": "evil.example"}).status_code == 421
    assert httpx.get(f"{address}/assets/data.js", headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.post(f"{address}/index.html").status_code == 405
    for path in ("/", "/index.html", "/assets/data.js", "/data/figures.js", "/nowhere"):
        headers = httpx.get(f"{address}{path}").headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-cache"


def test_what_is_private_is_served_only_at_its_address(site: Path):
    with open_server(site, 0, private=True) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        assert httpx.get(server.address).content == (site / "index.html").read_bytes()
        assert httpx.get(f"{server.address}data/figures.js").status_code == 200
        for path in ("/", "/index.html", "/data/figures.js", "/x/index.html", server.address[len(root) : -2] + "/"):
            assert httpx.get(root + path).status_code == 404, path
        assert len(server.address) > len(root) + 20
        server.shutdown()


ODD = [
    b"GET /%00 HTTP/1.1", b"GET //etc/passwd HTTP/1.1", b"GET /%2fetc/passwd HTTP/1.1",
    b"GET /..%2fsecret.txt HTTP/1.1", b"GET /%252e%252e/secret.txt HTTP/1.1",
    b"GET /" + b"a" * 5_000 + b" HTTP/1.1", b"GET /" + b"a/" * 5_000 + b" HTTP/1.1",
    b"GET /fifo.html HTTP/1.1", b"GET * HTTP/1.1", b"GET http://evil.example/x HTTP/1.1", b"GET /%ff%fe HTTP/1.1",
    b"PUT /index.html HTTP/1.1", b"OPTIONS / HTTP/1.1", b"CONNECT /index.html HTTP/1.1", b"PRI * HTTP/2.0",
    b"GET /big.bin HTTP/1.1\r\nRange: bytes=" + b"9" * 5_000 + b"-", b"GET /big.bin HTTP/1.1\r\nRange: bytes=x",
    b"GET /index.html HTTP/1.1\r\nX: " + b"a" * 200_000, b"\x16\x03\x01\x02\x00",
    b"GET /index.html HTTP/1.1\r\nno colon",
]  # fmt: skip


def test_odd_requests_are_refused_and_the_next_is_served(site: Path, address: str, capfd: pytest.CaptureFixture[str]):
    (site.parent / "secret.txt").write_text("SECRET")
    (site / "big.bin").write_bytes(b"x" * 1_000)
    os.mkfifo(site / "fifo.html")
    try:
        for odd in ODD:
            with connect(address, odd + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n") as line:
                answer = answer_on(line)
            # A head that is too long is reset before it is read.
            assert not answer or answer[9:10] == b"4", (odd[:50], answer[:50])
            assert b"SECRET" not in answer
            assert b"root:" not in answer
        assert httpx.get(f"{address}/index.html").status_code == 200
    finally:
        (site / "fifo.html").unlink()
        (site / "big.bin").unlink()
    assert capfd.readouterr().err == ""


def test_a_client_that_reads_nothing_does_not_keep_the_server_from_ending(site: Path):
    (site / "big.bin").write_bytes(bytes(30_000_000))
    try:
        with open_server(site, 0) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            with connect(server.address.rstrip("/"), b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n") as line:
                assert line.recv(10) == b"HTTP/1.1 2"
                threading.Thread(target=server.shutdown, daemon=True).start()
                thread.join(30)  # half of what other servers grant a request in flight
                assert not thread.is_alive()
    finally:
        (site / "big.bin").unlink()


def test_links_out_of_the_site_are_not_followed(site: Path, address: str):
    (site.parent / "outside.txt").write_text("mine")
    (site / "link.txt").symlink_to(site.parent / "outside.txt")
    try:
        assert httpx.get(f"{address}/link.txt").status_code == 404
        assert httpx.get(f"{address}/runs/").status_code == 404
    finally:
        (site / "link.txt").unlink()
