"""The `ray` verifier: another verifier in the actors of a Ray cluster, each with its own copy of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from groundeval.cluster import ActorPool, ClusterOptions, portable
from groundeval.errors import GroundevalError, option
from groundeval.nli.model import (
    NLI_MODELS,
    Factory,
    NLIModel,
    NLIOptions,
    PartialFailure,
    Traits,
    identity_of,
    register_nli,
    traits_of,
)
from groundeval.records import Pair, Verdict

SHARES = 4
"""Batches for each actor that one call is cut into, so that the actors finish at about the same time."""

Outcome = Verdict | GroundevalError


class RayVerifier:
    """The verdicts, the identity and so the score folder of a verifier that judges in several actors."""

    def __init__(self, spec: str, options: NLIOptions) -> None:
        from groundeval.nli.handles import resolve

        cluster = ClusterOptions.of(None, options.ray)
        factory, self._options = resolve(spec, replace(options, model="", ray={}))
        self._factory: Factory = factory
        # In this process it is asked what it is; its weights are loaded in the actors alone.
        self._verifier = factory(self._options)
        own = traits_of(self._verifier)
        # A cluster that every rank of a job would start for itself is as much as a model in every rank.
        self.traits: Traits = replace(own, in_process=cluster.address is None, instant=False)
        self._pool: ActorPool[Sequence[Pair], list[Outcome]] = ActorPool(
            cluster, name=option("nli", f"ray:{spec}"), uses_gpu=own.kind in ("seq2seq", "classifier", "causal")
        )

    @property
    def name(self) -> str:
        """The name of the verifier in the actors."""
        return self._verifier.name

    @property
    def revision(self) -> str | None:
        """The version of the verifier in the actors."""
        return self._verifier.revision

    def identity(self) -> dict[str, Any]:
        """That of the verifier: where it runs does not change its verdicts."""
        return identity_of(self._verifier, NLI_MODELS.code(self._factory))

    def cost(self, pair: Pair) -> int:
        """The verifier's own cost, divided by the actors, so that one call of `score` is a batch for each."""
        own: Callable[[Pair], int] | None = getattr(self._verifier, "cost", None)
        return (len(pair.premise) + len(pair.hypothesis) if own is None else own(pair)) // (self._pool.actors or 1) + 1

    def check(self) -> None:
        """What the verifier checks without its weights, and whether the cluster answers."""
        check = getattr(self._verifier, "check", None)
        if callable(check):
            check()
        self._pool.check()

    def load(self) -> None:
        """Start the actors, with the precision that this process would use."""
        dtype = self.identity().get("dtype")
        model = Path(self._options.model).expanduser()
        options = replace(
            self._options,
            model=str(model.resolve()) if self._options.model and model.exists() else self._options.model,
            dtype=dtype if dtype in ("float32", "bfloat16") else self._options.dtype,
        )
        self._pool.start(partial(_Worker, self._factory, options))

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure when single pairs cannot be judged."""
        self.load()
        size = -(-len(pairs) // (SHARES * self._pool.actors))
        parts = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        place = {id(part): number for number, part in enumerate(parts)}
        found: list[list[Outcome]] = [[]] * len(parts)
        for part, outcomes in self._pool.map(parts):
            if isinstance(outcomes, Exception):
                raise outcomes
            found[place[id(part)]] = outcomes
        outcomes = [outcome for part in found for outcome in part]
        verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
        if len(verdicts) < len(outcomes):
            raise PartialFailure(outcomes)
        return verdicts

    def close(self) -> None:
        """End the actors."""
        self._pool.close()


class _Worker:
    """The verifier in an actor."""

    def __init__(self, factory: Factory, options: NLIOptions) -> None:
        self._model: NLIModel = factory(options)

    def load(self) -> None:
        load = getattr(self._model, "load", None)
        if callable(load):
            load()

    def work(self, pairs: Sequence[Pair]) -> list[Outcome]:
        try:
            return list(self._model.score(pairs))
        except PartialFailure as failure:
            return [each if isinstance(each, Verdict) else portable(each) for each in failure.outcomes]


@register_nli("ray")
def ray(options: NLIOptions) -> NLIModel:
    """Another verifier in the actors of a Ray cluster: `ray:true`, `ray:NAME`, `ray:NAME:MODEL`, `ray:FOLDER`."""
    return RayVerifier(options.model, options)
