"""A server of real sockets that answers as a test says, and the client that asks it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt

Answer = Callable[["Handler", dict[str, Any], int], None]
PROMPTS = [Prompt(f"s{i}", f"question {i}") for i in range(60)]
KEY = "sk-very-secret"


class Handler(BaseHTTPRequestHandler):
    """`server.answer(handler, request, attempt)` answers; attempts are counted for each prompt."""

    protocol_version = "HTTP/1.1"
    server: Server
    at_work = False

    def do_GET(self) -> None:
        if self.server.get is not None:
            self.server.get(self)
        elif self.server.models is None:
            self.reply(404, {"detail": "Not Found"})
        else:
            self.reply(200, {"data": [{"id": name, "max_model_len": 512} for name in self.server.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        with self.server.lock:
            self.server.attempts[text] += 1
            self.server.requests.append({**body, "path": self.path, "headers": dict(self.headers)})
            self.server.active += 1
            self.server.most_active = max(self.server.most_active, self.server.active)
            self.at_work = True
        try:
            self.server.answer(self, body, self.server.attempts[text])
        finally:
            self.ends()

    def ends(self) -> None:
        """Counted before the answer leaves: the client may send its next request as soon as it has it."""
        with self.server.lock:
            self.server.active -= self.at_work
            self.at_work = False

    def reply(self, status: int, content: Any, **headers: str) -> None:
        self.ends()
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reply_text(self, body: dict[str, Any], **message: Any) -> None:
        usage = {"prompt_tokens": 5, "completion_tokens": 7}
        finish = message.pop("finish_reason", "stop")
        if "prompt" in body:
            choice: dict[str, Any] = {"text": f"plain {body['prompt']}"}
        else:
            choice = {"message": message or {"content": f"answer to {body['messages'][-1]['content']}"}}
        self.reply(200, {"choices": [{**choice, "finish_reason": finish}], "usage": usage})

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.answer: Answer = lambda handler, body, attempt: handler.reply_text(body)
        self.models: list[str] | None = ["tiny"]
        self.get: Callable[[Handler], object] | None = None
        self.attempts: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.active = self.most_active = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def client(server: Server, model: str = "tiny", **options: Any) -> Generator:
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "backoff": 0.01, **options.pop("model_args", {})}
    return GENERATORS.get("openai")(GeneratorOptions(model, model_args=args, **options))


def completions(generator: Generator, prompts: list[Prompt] = PROMPTS, **params: Any) -> dict[str, Completion]:
    found = list(generator.generate(prompts, SamplingParams(**params)))
    assert sorted(c.id for c in found) == sorted(p.id for p in prompts)
    return {c.id: c for c in found}
