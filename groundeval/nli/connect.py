"""From a spec (`true`, `lexical`, `http://host:port`, a folder ...) to the one NLI handle this process has for it."""

from __future__ import annotations

import difflib
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from groundeval.errors import MissingExtra, UsageError
from groundeval.nli.cache import VerdictCache, default_path
from groundeval.nli.engine import VerdictStore
from groundeval.nli.model import NLI_MODELS, Factory, NLIModel, NLIOptions, identity_of
from groundeval.nli.service import NLI

ADDRESS = re.compile(r"https?://")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

_HANDLES: dict[tuple[str, str], NLI] = {}
_HANDLES_LOCK = threading.Lock()


def connect(spec: str, **options: Any) -> NLI:
    """The handle for a verifier: one for each spec and set of options in a process; nothing is loaded yet.

    `spec` is a registered name (`groundeval list nli`), `http://host:port` of a server, a hub name or folder of a
    T5-style or classifier model, or `name:model` for a registered kind with a model of your own (`minicheck:FOLDER`).
    `options` are the fields of `NLIOptions`. The handle pickles as spec and options, and a forked child gets a model
    of its own. Raises UsageError for an unknown spec or option, and for a model in each rank of a job of several.
    """
    chosen = options_from(options)
    factory, chosen = resolve(spec, chosen)
    key = (spec, json.dumps(asdict(chosen), sort_keys=True, default=repr))
    with _HANDLES_LOCK:
        handle = _HANDLES.get(key)
        if handle is None or handle.closed:
            handle = NLI.lazy(
                lambda: factory(chosen),
                name=spec,
                recipe=(_reconnect, (spec, options)),
                open_store=lambda model: _open_store(model, chosen),
            )
            _HANDLES[key] = handle
    _refuse_a_model_per_rank(spec, handle, chosen)
    return handle


def options_from(options: Mapping[str, Any]) -> NLIOptions:
    """`NLIOptions` from keyword arguments. Raises UsageError for one that does not exist, with the nearest match."""
    known = [f.name for f in fields(NLIOptions)]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            guess = f' Did you mean "{near[0]}"?' if near else ""
            raise UsageError(f'unknown NLI option "{name}".{guess}\n  Known: {", ".join(sorted(known))}')
    chosen = NLIOptions(**options)
    if chosen.dtype not in (None, "bfloat16", "float32"):
        raise UsageError(
            f'NLI option dtype={chosen.dtype!r}: allowed are "bfloat16" and "float32" (float16 overflows in T5).'
        )
    if chosen.exact not in ("batch", "generate"):
        raise UsageError(f'NLI option exact={chosen.exact!r}: allowed are "batch" and "generate".')
    return chosen


def resolve(spec: str, options: NLIOptions) -> tuple[Factory, NLIOptions]:
    """The factory that a spec stands for, and the options with its model filled in. Loads nothing."""
    if ADDRESS.match(spec):
        return NLI_MODELS.get("remote"), replace(options, model=options.model or spec.rstrip("/"))
    if spec in NLI_MODELS:
        return NLI_MODELS.get(spec), options
    kind, colon, model = spec.partition(":")
    if colon and model and kind in NLI_MODELS:
        return NLI_MODELS.get(kind), replace(options, model=model)
    path = Path(spec).expanduser()
    if spec and path.is_dir():
        return NLI_MODELS.get(_kind_of_folder(path)), replace(options, model=str(path))
    if spec and path.exists():
        raise UsageError(f"--nli {spec}: is a file; a folder with config.json and weights is needed.")
    if HUB_NAME.fullmatch(spec):
        return _of_hub, replace(options, model=spec)
    near = difflib.get_close_matches(spec, NLI_MODELS.names(), n=1, cutoff=0.5)
    guess = f' Did you mean "{near[0]}"?' if near else ""
    raise UsageError(
        f'unknown NLI model "{spec}".{guess}\n'
        f"  Allowed: {', '.join(NLI_MODELS.names())}; NAME:MODEL for a model of your own of that kind; a folder; "
        f"OWNER/MODEL of the hub; http://host:port of `groundeval serve-nli`."
    )


def kind_of_config(config: Mapping[str, Any]) -> str:
    """The kind of verifier that a model's config.json describes. Raises UsageError for one that is none."""
    architectures = config.get("architectures") or []
    if any("SequenceClassification" in name for name in architectures):
        return "classifier"
    if config.get("is_encoder_decoder") or any("ConditionalGeneration" in name for name in architectures):
        return "seq2seq"
    if any("CausalLM" in name for name in architectures):
        return "causal"
    raise UsageError(
        f"NLI model: architecture {architectures or config.get('model_type')} is neither a seq2seq model, a sequence "
        "classifier nor a causal language model.\n  Name the kind yourself if it is one of them: classifier:MODEL."
    )


def _of_hub(options: NLIOptions) -> NLIModel:
    """A verifier of the kind that the hub's config.json describes; called when the model is first needed."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise MissingExtra("An NLI model of the hub", "hf") from error
    try:
        file = hf_hub_download(options.model, "config.json", revision=options.revision)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--nli {options.model}: no such folder here, and the hub gave no config.json: {error}"
        ) from error
    return NLI_MODELS.get(_kind_of_folder(Path(file).parent))(options)


def _kind_of_folder(path: Path) -> str:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--nli {path}: the folder has no config.json, so it holds no model.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--nli {path}: config.json cannot be read: {error}") from error
    return kind_of_config(config)


def _refuse_a_model_per_rank(spec: str, handle: NLI, options: NLIOptions) -> None:
    ranks = os.environ.get("WORLD_SIZE", "1")
    if options.in_process or not ranks.isdigit() or int(ranks) <= 1 or not handle.traits.in_process:
        return
    raise UsageError(
        f"--nli {spec}: this is a job of {ranks} ranks (WORLD_SIZE), and each would load a model of its own.\n"
        "  Start one server for all, `groundeval serve-nli --model "
        f"{spec}`, and give its address: --nli http://host:8765.\n"
        "  If the memory suffices for a copy in each rank: option in_process=True."
    )


def _renew_after_fork() -> None:
    global _HANDLES_LOCK
    _HANDLES_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def _open_store(model: NLIModel, options: NLIOptions) -> VerdictStore | None:
    """The cache on disk that the options ask for."""
    if options.cache is False:
        return None
    path = default_path() if options.cache is True else Path(options.cache).expanduser()
    return VerdictCache(path, identity_of(model))


def _reconnect(spec: str, options: dict[str, Any]) -> NLI:
    return connect(spec, **options)
