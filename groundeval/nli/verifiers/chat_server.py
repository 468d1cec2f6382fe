"""The `causal` verifier behind an OpenAI-compatible server that returns the tokens' log-probabilities."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from groundeval.errors import BackendError, GroundevalError, SampleError, UsageError, excerpt, option, unknown
from groundeval.http.client import Client, Json, Plain, Refused, RequestRejected, TooLarge, Unreadable
from groundeval.http.dialect import LENGTH_FIELDS, UNFIT, Dialect, refused_parameters
from groundeval.nli.model import NLIOptions, Traits, fill
from groundeval.nli.remote import CONNECTIONS, FIRST_CONTACT, PLAIN, Outcome, side_by_side
from groundeval.nli.spec import Spec
from groundeval.nli.verifiers.causal import LEAST_SHARE, says_neither
from groundeval.nli.verifiers.local import verdicts_of
from groundeval.records import Pair, Verdict

KEY_VARIABLE = "OPENAI_API_KEY"
MOST_LIKELY = 20
"""Number of tokens whose log-probabilities are requested; the most that servers return."""
NEEDED = ("logprobs", "top_logprobs", *LENGTH_FIELDS)
"""Parameters without which there are no probabilities, or a whole answer is paid for."""


class ChatServer:
    """Probability of `yes` against `no` among the most likely first tokens of a chat model's answer.

    The weights behind a server's model name may change, so verdicts are cached on disk only if a `revision` is given.
    Properties that a server does not report (chat template, quantization) are not part of the identity.
    """

    def __init__(self, spec: Spec, options: NLIOptions, name: str) -> None:
        assert options.address is not None
        # Only the server knows how many tokens a text has.
        by_tokens = spec.chunks is not None and spec.chunks.by == "tokens"
        self.spec = replace(spec, chunks=None) if by_tokens else spec
        self._options = options
        self._words = {word.lower(): True for word in spec.yes} | {word.lower(): False for word in spec.no}
        self._model = spec.model
        self._found = self._asked = False
        # A length whose name the user chose keeps it.
        self._dialect = Dialect(next((name for name in LENGTH_FIELDS if name in options.model_args), None))
        self._client = Client(
            options.address if urlsplit(options.address).path else f"{options.address}/v1",
            token=options.token or os.environ.get(KEY_VARIABLE),
            timeout=options.timeout,
            patience=options.patience,
            connections=CONNECTIONS,
            service="an OpenAI-compatible server",
            token_variable=KEY_VARIABLE,
        )

    @property
    def name(self) -> str:
        """The served model's name; the address until it is known."""
        return self._model or self._client.address

    @property
    def revision(self) -> str | None:
        """The version, if the user has given one."""
        return self.spec.revision

    @property
    def traits(self) -> Traits:
        """The traits that the verifier declares."""
        return self.spec.traits(in_process=False, persistent=self.revision is not None)

    def identity(self) -> dict[str, Any]:
        """Everything known that determines the verdicts; of the address only the host."""
        self._find_model()
        return {
            "name": self.name,
            "model": self._model,
            "revision": self.revision,
            "server": urlsplit(self._client.address).hostname,
            "kind": self.spec.kind,
            "fidelity": self.spec.fidelity,
            "template": self.spec.template,
            "yes": list(self.spec.yes),
            "no": list(self.spec.no),
            "threshold": self.spec.threshold,
            "chunking": self.traits.chunking,
            **({"model_args": dict(self._options.model_args)} if self._options.model_args else {}),
        }

    def cost(self, pair: Pair) -> int:
        """An eighth of the characters: one call of `score` gets enough pairs for many requests in flight."""
        return (len(pair.premise) + len(pair.hypothesis)) // 8 + 1

    def check(self) -> None:
        """Send one request to check that the server is reachable, serves the model and gives probabilities. Only once.

        Raises UsageError or BackendError.
        """
        if self._asked:
            return
        self._find_model()
        try:
            self._probability(PLAIN)
        except (RequestRejected, SampleError, TooLarge) as error:
            raise UsageError(
                f"{option('nli', self.name)} at {self._client.address}: cannot judge: {error}\n"
                "  The server must answer chat completions with `logprobs` and `top_logprobs`, and the model's answer "
                f"must begin with yes or no.{self._advice(error)}"
            ) from error
        self._asked = True

    def _advice(self, error: Exception) -> str:
        """Advice to leave out the parameters that a refusal names, if the verifier does not need them."""
        if not isinstance(error, RequestRejected):
            return ""
        refused = refused_parameters(self._dialect.written(self._parameters()), error.status, error.answer)
        spare = {name: None for name in refused if name not in NEEDED}
        return f"\n  Leave out {', '.join(spare)}: {option('nli_options', model_args=spare)}" if spare else ""

    def load(self) -> None:
        """Run `check`: the server holds the weights."""
        self.check()

    def _find_model(self) -> None:
        """Find the model that the server serves. Raises UsageError if it is not the one requested, or BackendError."""
        if self._found:
            return
        patience = min(self._client.patience, FIRST_CONTACT)
        try:
            served = self._client.ask("GET", "/models", read=_names, patience=patience)
        except RequestRejected:
            served = []  # A server without a list of models; the first request will tell.
        if self._model is None and len(served) != 1:
            raise UsageError(
                f"{option('nli', f'causal@{self._client.address}')}: which of its models? "
                f"({', '.join(served) or 'it lists none'})\n"
                f"  Name it: {option('nli', f'causal:MODEL@{self._client.address}')}"
            )
        if self._model is not None and served and self._model not in served:
            raise unknown(f"model at {self._client.address}:", self._model, served)
        self._model = self._model or served[0]
        self._found = True

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure for pairs that cannot be judged."""
        self.load()
        return verdicts_of(side_by_side(lambda some: [self._judged(pair) for pair in some], [[pair] for pair in pairs]))

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _judged(self, pair: Pair) -> Outcome:
        try:
            parts = self.spec.parts(pair.premise)
            return self.spec.verdict([self._probability(Pair(part, pair.hypothesis)) for part in parts])
        except (TooLarge, Unreadable) as error:
            return SampleError(f"{error}\n  Hypothesis: {excerpt(pair.hypothesis)}")
        except RequestRejected as error:
            unfit = error.status in UNFIT
            return SampleError(f"{error}\n  Hypothesis: {excerpt(pair.hypothesis)}") if unfit else error
        except Refused as refusal:
            # It was accepted at the start: the server has changed, and what is computed can be kept.
            return BackendError(str(refusal))
        except GroundevalError as error:
            return error

    def _probability(self, pair: Pair) -> float:
        while True:
            sent = self._dialect.written(self._parameters())
            body, plain = ({**sent, **self._question(each)} for each in (pair, PLAIN))
            try:
                first = self._client.ask(
                    "POST",
                    "/chat/completions",
                    body,
                    read=_first_token,
                    plain=None if pair is PLAIN else Plain("POST", "/chat/completions", plain, _first_token),
                )
            except RequestRejected as error:
                # Whatever its temperature, the server tells the probabilities that the model gives the tokens.
                if not self._dialect.learns(sent, error.status, error.answer, ("temperature",)):
                    raise
            else:
                break
        if not first:
            raise SampleError(f"{self._client.address}: its answers lack `logprobs`.")
        return self._share_of_yes(first)

    def _question(self, pair: Pair) -> Json:
        return {"model": self._model, "messages": [{"role": "user", "content": fill(self.spec.template, pair)}]}

    def _parameters(self) -> Json:
        """The parameters sent besides model and messages; the user's take precedence, `none` leaves one out."""
        usual: Json = {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": MOST_LIKELY}
        return {
            name: value for name, value in {**usual, **self._options.model_args}.items() if str(value).lower() != "none"
        }

    def _share_of_yes(self, first: Mapping[str, float]) -> float:
        """The probability of yes against no, in any case. Raises SampleError if they are unlikely or missing."""
        found = {True: 0.0, False: 0.0}
        for token, logprob in first.items():
            says = self._words.get(token.strip().lower())
            if not logprob < math.inf:
                raise SampleError(f"{self.name}: {logprob} is not a log-probability (of token {token!r}).")
            if says is not None:
                found[says] += math.exp(min(0.0, logprob))
        share = sum(found.values())
        if share < LEAST_SHARE:
            raise says_neither(self.name, max(first, key=lambda token: first[token]), share)
        return found[True] / share


def _names(answer: Json) -> list[str]:
    """The names in a list of models; empty for any other answer."""
    models = answer.get("data")
    return [str(each["id"]) for each in models if "id" in each] if isinstance(models, list) else []


def _first_token(answer: Json) -> dict[str, float]:
    """The most likely first tokens and their log-probabilities; empty if the server does not return them.

    Raises ValueError for an answer that is not a completion.
    """
    try:
        logprobs = answer["choices"][0].get("logprobs")
        places = logprobs.get("content") if logprobs else None
        if not places:
            return {}
        return {str(each["token"]): float(each["logprob"]) for each in places[0].get("top_logprobs") or ()}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"not a completion ({error!r})") from None
