"""Serving a site on the loopback address, and uploading it to a hub."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hub_server import hub
from many_runs import write_run

from groundeval.cli import main
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
        state.files["runs/old.html"] = b"old"
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


def test_a_hub_that_refuses_is_a_failed_backend(site: Path):
    with hub() as state:
        state.refuses = 403
        with pytest.raises(BackendError, match="the hub refused"):
            push(site, "me/board", endpoint=state.address, token="hf_secret")


def test_a_name_that_is_none_is_wrong_usage(site: Path):
    with hub() as state, pytest.raises(UsageError, match="not the name of a repository"):
        push(site, "a/b/c", endpoint=state.address, token="hf_secret")
