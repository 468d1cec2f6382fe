"""Merged copies of a LoRA model's weights for another process or engine; the base is unchanged, bit for bit.

peft merges an adapter by adding its update to the base weights and unmerges it by subtracting it. In bfloat16 that is
not exact, and a trainer that does so at every step trains another base than it saves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def merged_parameters(model: Any) -> Iterator[tuple[str, Any]]:
    """Every parameter of a peft model by name, those with an adapter as a copy with the adapter merged into it.

    One layer is copied at a time; its copy is freed when the next parameter is requested.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = {
        id(parameter): module
        for module in model.modules()
        if isinstance(module, BaseTunerLayer)
        for parameter in module.get_base_layer().parameters()
    }
    for name, parameter in model.named_parameters():
        layer = adapted.get(id(parameter))
        if layer is None:
            yield name, parameter.data
            continue
        with _merged_copy(layer):
            yield name, parameter.data


@contextmanager
def _merged_copy(layer: Any) -> Iterator[None]:
    """Context in which a layer's base holds copies of its weights with the adapter merged into them."""
    parameters = list(layer.get_base_layer().parameters())
    kept = [parameter.data for parameter in parameters]
    for parameter in parameters:
        parameter.data = parameter.data.clone()
    try:
        layer.merge()
        yield
    finally:
        if layer.merged:
            layer.unmerge()
        for parameter, data in zip(parameters, kept, strict=True):
            parameter.data = data


@contextmanager
def unchanged(parameters: Iterable[Any]) -> Iterator[None]:
    """Context that restores the values of parameters at its end. Holds a copy of each.

    For weights that are sharded over processes, each of which copies its own share.
    """
    kept = [(parameter, parameter.detach().clone()) for parameter in parameters]
    try:
        yield
    finally:
        for parameter, values in kept:
            parameter.data.copy_(values)
