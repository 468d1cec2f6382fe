"""The `openai` backend: any OpenAI-compatible server (vLLM, llama.cpp, Ollama, commercial ones)."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from groundeval.aio import run_anywhere
from groundeval.errors import BackendError, GroundevalError, UsageError, excerpt, option, unknown
from groundeval.generation.backends.openai_answers import completion_of
from groundeval.generation.backends.openai_outages import Outages
from groundeval.generation.backends.openai_requests import (
    Answer,
    asked,
    dispensable,
    messages,
    parameter_refused,
    plain,
    sampling_parameters,
)
from groundeval.generation.backends.openai_settings import MODEL_ARGS, base_url, number
from groundeval.generation.interface import Completion, Generator, SamplingParams, register_generator
from groundeval.generation.sampling import check_sampling
from groundeval.http.body import json_object
from groundeval.http.dialect import LENGTH_FIELDS, Dialect, refused_parameters
from groundeval.http.retrying import NoAnswer, Retries
from groundeval.models.files import check_model_args
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.harmony import HARMONY
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags
from groundeval.parsing.reasoning_formats import tags_of_model
from groundeval.records import Prompt, Rendered

LONGEST_PAUSE, LONGEST_RETRY_AFTER = 60.0, 600.0
PLAIN = Prompt("plain", "What is the capital of Italy?")
"""A prompt that every working server completes: where it is completed, the failure of another is that other's own."""
PLAIN_TOKENS = 16
BROKEN_OFF = ("abort", "error")
"""Finish reasons of servers (such as vLLM's) that stopped in the middle: the text is not an answer."""
WITHHELD = "content_filter"
"""Finish reason of an answer that the server's filter removed or cut: the rest is not the model's answer."""


class OpenAIGenerator:
    """Completions from a server, several at once, with retries.

    The chat endpoint is used, with the server's own chat template; with `--no-apply-chat-template` the completions
    endpoint. A request that fails for good is the error of its sample; a parameter that the server does not take stops
    the run at its first answer. The key is read from the environment only, and appears in no record and no message.
    """

    independent = True
    """Answers do not depend on others of their window: finished ones are kept when the window fails."""
    has_defaults = True
    """A sampling parameter that is left out is the server's to choose."""

    def __init__(self, options: GeneratorOptions) -> None:
        args = options.model_args
        check_model_args(args, MODEL_ARGS, "openai")
        self.options = options
        self.url = base_url(args.get("base_url") or os.environ.get("OPENAI_BASE_URL"))
        self.concurrency = int(number(args, "concurrency", 16, at_least=1))
        self.timeout = number(args, "timeout", 600, at_least=0.01)
        self._attempts = int(number(args, "max_retries", 6, at_least=0)) + 1
        self._retries = Retries(number(args, "backoff", 1.0, at_least=0), LONGEST_PAUSE, LONGEST_RETRY_AFTER)
        field = args.get("max_tokens_field")
        if field is not None and field not in LENGTH_FIELDS:
            raise unknown("max_tokens_field", str(field), LENGTH_FIELDS)
        self._dialect = Dialect(field)
        self.request: Mapping[str, Any] | None = None
        if "max_model_len" in args and "tokenizer" not in args:
            raise UsageError(f"{option('model_args')}: max_model_len needs tokenizer=..., to count the prompts' tokens")
        if options.chat_template_kwargs and options.apply_chat_template is False:
            raise UsageError(
                f"{option('chat_template_kwargs')}: no chat template is applied "
                f"({option('apply_chat_template', False)})"
            )
        self._format: Any = None
        self._served_length: int | None = None
        self._reached = False
        self._down = False
        self._answered = False

    @property
    def window(self) -> int:
        """Number of prompts per call: enough to keep all connections busy."""
        return max(64, 4 * self.concurrency)

    @property
    def context_length(self) -> int | None:
        """Largest number of tokens of prompt and answer together; None without a tokenizer to count them."""
        if "tokenizer" not in self.options.model_args:
            return None
        asked = self.options.model_args.get("max_model_len")
        if asked is None:
            self.load()
            return self._served_length
        return int(asked)

    @property
    def reasoning_tags(self) -> ReasoningTags | None:
        """The tags around the model's reasoning: those named, those of the tokenizer, or those its name suggests."""
        form = self._tokenizer()
        known = self.options.reasoning_tags if form is None else form.reasoning_tags
        return known or tags_of_model(self.options.model)

    @property
    def guesses_reasoning_tags(self) -> bool:
        """Whether only the model's name shows its reasoning tags."""
        form = self._tokenizer()
        return (self.options.reasoning_tags if form is None else form.reasoning_tags) is None

    def load(self) -> None:
        """Connect to the server. Raises BackendError if it does not answer, UsageError for wrong settings."""
        if self._reached and not self._down:
            return
        try:
            found = run_anywhere(lambda: self._models(self._attempts))
        except NoAnswer as error:
            raise BackendError(f"{self.url}: the server does not answer: {self._clean(error)}") from error
        self._understand(found)

    def check(self) -> None:
        """Request the server's models once. Raises UsageError for a wrong key, address or model.

        A server that does not answer now is left to `load`, which retries.
        """
        if self._reached:
            return
        try:
            found = run_anywhere(lambda: self._models(1))
        except NoAnswer:
            return
        self._understand(found)

    def _understand(self, found: Answer) -> None:
        """Read the list of models. Raises UsageError for a wrong key or model."""
        if found.status in (401, 403):
            raise self._refused(found)
        try:
            served = {str(model["id"]): dict(model) for model in json_object(found.body)["data"]}
        except (ValueError, KeyError, TypeError):
            served = {}  # A server without a list of models; the first request will tell.
        name = self.options.model
        bare = name.partition(":")[0]
        model = served.get(name) or next((m for key, m in served.items() if key.partition(":")[0] == bare), None)
        if served and model is None:
            raise unknown(option("model"), name, list(served)[:50])
        length = (model or {}).get("max_model_len")
        self._served_length = length if type(length) is int and length > 0 else None
        self._reached, self._down = True, False

    def render(self, prompt: Prompt) -> Rendered:
        """The messages as JSON, with tokens and prefill given `--model-args tokenizer=...`."""
        text = plain(prompt) if self._is_plain else json.dumps(messages(prompt), ensure_ascii=False)
        form = self._tokenizer()
        if form is None:
            return Rendered(text, None)
        encoded = form.encode(prompt)
        return Rendered(text, len(encoded.ids), encoded.prefill)

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts, in the order of the server's answers, in a thread: callable from any event loop."""
        check_sampling(params, has_defaults=True)
        self.load()
        finished: queue.Queue[Completion | BaseException | None] = queue.Queue()
        cancelled = threading.Event()

        def work() -> None:
            try:
                asyncio.run(self._complete_all(prompts, params, finished, cancelled))
                finished.put(None)
            except BaseException as error:
                finished.put(error)

        thread = threading.Thread(target=work, name="groundeval-openai", daemon=True)
        thread.start()
        try:
            while (result := finished.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            cancelled.set()
            thread.join()

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts; of the address only the host, since ports do not identify models."""
        args = self.options.model_args
        return {
            "backend": "openai",
            "model": self.options.model,
            "revision": self.options.revision,
            "server": urlsplit(self.url).hostname,
            "endpoint": "completions" if self._is_plain else "chat/completions",
            "chat_template_kwargs": dict(self.options.chat_template_kwargs),
            # Only with a tokenizer can prompts be cut to a length and the template's prefill be known.
            **({"tokenizer": args["tokenizer"], "context_length": self.context_length} if "tokenizer" in args else {}),
        }

    def close(self) -> None:
        """Nothing stays open between windows."""

    async def _models(self, attempts: int) -> Answer:
        seconds = min(30.0, self.timeout)

        async def ask() -> Answer:
            found = await asyncio.wait_for(asked(client, "GET", f"{self.url}/models", None), seconds)
            if found.refusal.repeat:
                raise found.refusal
            return found

        async with self._client() as client:
            return await self._retries.call_async(ask, attempts)

    async def _complete_all(
        self,
        prompts: Sequence[Prompt],
        params: SamplingParams,
        finished: queue.Queue[Completion | BaseException | None],
        cancelled: threading.Event,
    ) -> None:
        waiting = iter(prompts)

        async def worker(client: httpx.AsyncClient, outages: Outages) -> None:
            for prompt in waiting:
                if self._down:
                    finished.put(Completion(prompt.id, "", error=f"not tried: {self.url} failed too often in a row"))
                    continue
                try:
                    completion = await self._complete(client, prompt, params, outages)
                    outages.completed()
                    self._answered = True
                except NoAnswer as error:
                    self._down = self._down or await outages.is_down_after(int(error.repeat))
                    completion = Completion(prompt.id, "", error=self._clean(error))
                except GroundevalError:
                    raise
                except Exception as error:
                    # What a server can make a library do is this sample's misfortune, not that of the others.
                    self._down = self._down or await outages.is_down_after(1)
                    completion = Completion(prompt.id, "", error=self._clean(repr(error)))
                finished.put(completion)

        async with self._client() as client:
            outages = self._outages(client, params)
            workers = [
                asyncio.ensure_future(worker(client, outages)) for _ in range(min(self.concurrency, len(prompts)))
            ]
            pending = set(workers)
            try:
                while pending and not cancelled.is_set():
                    done, pending = await asyncio.wait(pending, timeout=0.2, return_when=asyncio.FIRST_EXCEPTION)
                    for one in done:
                        one.result()
            finally:
                for one in workers:
                    one.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _complete(
        self, client: httpx.AsyncClient, prompt: Prompt, params: SamplingParams, outages: Outages
    ) -> Completion:
        async def once() -> Completion:
            found = await self._post(client, prompt, params, outages)
            if found.status in (401, 403, 404) and not await outages.works():
                raise self._refused(found)
            if found.status != 200:
                raise found.refusal
            try:
                tags = self.reasoning_tags or REASONING_TAGS
                # Reasoning that the server has split off has no channels any more.
                tags = REASONING_TAGS if tags == HARMONY else tags
                form = self._tokenizer()
                prefill = "" if form is None else form.prefill
                completion = completion_of(prompt.id, json_object(found.body), prefill, tags)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise NoAnswer(f"malformed answer: {excerpt(found.body.decode('utf-8', 'replace'))}") from error
            if completion.finish_reason in BROKEN_OFF:
                raise NoAnswer(f"the server aborted the answer: {completion.finish_reason}")
            if completion.finish_reason == WITHHELD:
                raise NoAnswer("the server's content filter withheld the answer or part of it", repeat=False)
            return completion

        return await self._retries.call_async(lambda: outages.ask(prompt.id, once), self._attempts)

    async def _post(
        self, client: httpx.AsyncClient, prompt: Prompt, params: SamplingParams, outages: Outages
    ) -> Answer:
        """The answer to a prompt; what the server's refusals teach is tried at once. Raises UsageError for others."""
        while True:
            sent = self._parameters(prompt, params)
            body = {"model": self.options.model, **sent, **self._asked_for(prompt)}
            # Bounded as a whole: otherwise a server that sends a byte now and then would never time out.
            found = await asyncio.wait_for(asked(client, "POST", self._place, body), self.timeout)
            if not self._dialect.learns(sent, found.status, found.body, dispensable(params)):
                break
        refused = refused_parameters(sent, found.status, found.body)
        if refused and not self._answered and not await outages.works():
            said = self._clean(found.refusal)
            raise parameter_refused(self.url, {name: sent[name] for name in refused}, said)
        if found.status == 200:
            self.request = {name: each for name, each in sent.items() if name != "seed"}
        return found

    def _outages(self, client: httpx.AsyncClient, params: SamplingParams) -> Outages:
        """What is known of the server while a window is sent to it."""
        short = replace(params, max_new_tokens=PLAIN_TOKENS)

        async def completes_plain() -> bool:
            body = {"model": self.options.model, **self._parameters(PLAIN, short), **self._asked_for(PLAIN)}
            try:
                return (await asyncio.wait_for(asked(client, "POST", self._place, body), self.timeout)).status == 200
            except (NoAnswer, httpx.HTTPError, asyncio.TimeoutError):
                return False

        return Outages(self.url, completes_plain)

    def _asked_for(self, prompt: Prompt) -> dict[str, Any]:
        return {"prompt": plain(prompt)} if self._is_plain else {"messages": messages(prompt)}

    @property
    def _place(self) -> str:
        return f"{self.url}/{'completions' if self._is_plain else 'chat/completions'}"

    def _parameters(self, prompt: Prompt, params: SamplingParams) -> dict[str, Any]:
        found = sampling_parameters(params, prompt.id)
        if self.options.chat_template_kwargs and not self._is_plain:
            found["chat_template_kwargs"] = dict(self.options.chat_template_kwargs)
        return self._dialect.written(found)

    @property
    def _is_plain(self) -> bool:
        return self.options.apply_chat_template is False

    @property
    def _key_name(self) -> str:
        return str(self.options.model_args.get("api_key_env", "OPENAI_API_KEY"))

    def _client(self) -> httpx.AsyncClient:
        key = os.environ.get(self._key_name)
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key.strip()}"} if key else {})}
        limits = httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        return httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(self.timeout, connect=10), limits=limits)

    def _tokenizer(self) -> Any:
        name = self.options.model_args.get("tokenizer")
        if name is not None and self._format is None:
            from groundeval.models.local import load_format

            self._format = load_format(self.options, {})
        return self._format

    def _refused(self, found: Answer) -> GroundevalError:
        said = self._clean(found.refusal)
        if self._answered:
            # Key, address and model were right before: the server has changed, and the run can resume when it is back.
            return BackendError(f"{self.url}: refuses requests that it accepted before. The server says: {said}")
        if found.status == 404:
            return UsageError(
                f"{option('model', self.options.model)} at {self.url}: not found. The server says: {said}"
            )
        return UsageError(
            f"{self.url}: access refused. The server says: {said}\n"
            f"  The key is read from the environment variable {self._key_name} "
            f"({'set' if os.environ.get(self._key_name) else 'not set'}). "
            f"Another variable: {option('model_args', api_key_env='NAME')}"
        )

    def _clean(self, error: object) -> str:
        """A message with the key removed, in case the server repeats it."""
        text = str(error)
        key = (os.environ.get(self._key_name) or "").strip()
        return text.replace(key, "***") if key else text


@register_generator("openai")
def openai(options: GeneratorOptions) -> Generator:
    """An OpenAI-compatible server: `--model NAME --model-args base_url=http://host:port/v1`."""
    return OpenAIGenerator(options)
