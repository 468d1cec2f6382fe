"""Resolving a spec (`true`, `lexical`, `http://host:port`, a folder ...) to the process's one NLI handle for it."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from groundeval.errors import UsageError, did_you_mean, no_such, option, unknown
from groundeval.nli.cache import VerdictCache, default_path
from groundeval.nli.engine import VerdictStore
from groundeval.nli.model import NLI_MODELS, Factory, NLIModel, NLIOptions, identity_of
from groundeval.nli.remote import check_addresses
from groundeval.nli.service import NLI
from groundeval.nli.weights import kind_of_config, read_config

ADDRESS = re.compile(r"https?://")
AT_ADDRESS = re.compile(r"(?P<name>[\w.-]+)(?::(?P<model>.+?))?@(?P<address>https?://.+)")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
HOST_AND_PORT = re.compile(r"[\w.-]+:\d{2,5}/?")

_HANDLES: dict[tuple[str, Factory, str], NLI] = {}
_HANDLES_LOCK = threading.Lock()


def connect(spec: str, **options: Any) -> NLI:
    """The handle for a verifier: one for each spec and set of options in a process; nothing is loaded yet.

    `spec` is a registered name (`groundeval list nli`), `http://host:port` of a server (or of several, joined by
    commas), a hub name or folder of a T5-style, classifier or chat model, `name:model` for a model of your own used
    like a registered one (`minicheck:FOLDER`), or `causal:model@http://host:port/v1` for one behind an
    OpenAI-compatible server. `options` are the fields of `NLIOptions`. The handle pickles as spec and options; a forked
    child loads its own model. Raises UsageError for an unknown spec or option, and for an in-process model in a job of
    several ranks.
    """
    chosen = options_from(options)
    factory, chosen = resolve(spec, chosen)
    # The factory, since a notebook may register another one under the same name.
    key = (spec, factory, json.dumps(asdict(chosen), sort_keys=True, default=repr))
    code = NLI_MODELS.code(factory)
    with _HANDLES_LOCK:
        handle = _HANDLES.get(key)
        if handle is None or handle.closed:
            handle = NLI.lazy(
                lambda: factory(chosen),
                name=spec,
                recipe=(_reconnect, (spec, options)),
                code=code,
                open_store=lambda model: _open_store(model, code, chosen),
            )
            _HANDLES[key] = handle
    _refuse_a_model_per_rank(spec, handle, chosen)
    return handle


def options_from(options: Mapping[str, Any]) -> NLIOptions:
    """`NLIOptions` from keyword arguments.

    Raises UsageError for an unknown name, with the nearest match, and for a value that is not allowed.
    """
    known = [f.name for f in fields(NLIOptions)]
    for name in options:
        if name not in known:
            raise unknown("NLI option", name, known)
        _check_type(name, options[name])
    chosen = NLIOptions(**options)
    if chosen.dtype not in (None, "bfloat16", "float32"):
        raise UsageError(
            f'NLI option dtype={chosen.dtype!r}: allowed are "bfloat16" and "float32" (float16 overflows in T5).'
        )
    if chosen.exact not in ("batch", "generate"):
        raise UsageError(f'NLI option exact={chosen.exact!r}: allowed are "batch" and "generate".')
    if chosen.threshold is not None and not 0 <= chosen.threshold <= 1:
        raise UsageError(f"NLI option threshold={chosen.threshold!r}: must be a number from 0 to 1.")
    if chosen.max_length is not None and chosen.max_length < 1:
        raise UsageError(f"NLI option max_length={chosen.max_length!r}: must be 1 or more tokens.")
    return chosen


def _check_type(name: str, value: Any) -> None:
    """Raises UsageError for a value of the wrong type: YAML, for instance, reads `label=yes` as true."""
    from pydantic import TypeAdapter, ValidationError

    if name in ("dtype", "exact", "cache"):
        return
    try:
        TypeAdapter(get_type_hints(NLIOptions)[name]).validate_python(value, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Input ").lower()
        written = option("nli_options", **{name: '"..."'})
        quoted = f"\n  As a text: {written}" if "string" in problem else ""
        raise UsageError(f"NLI option {name}={value!r}: {problem}.{quoted}") from None


def resolve(spec: str, options: NLIOptions) -> tuple[Factory, NLIOptions]:
    """The factory of a spec, and the options with its model filled in. Loads nothing."""
    if ADDRESS.match(spec):
        check_addresses(spec)
        return NLI_MODELS.get("remote"), replace(options, model=options.model or spec.rstrip("/"))
    if spec == "ray" and not options.model:
        raise UsageError(f"{option('nli', 'ray')}: name the verifier, as in {option('nli', 'ray:true')}.")
    if spec in NLI_MODELS:
        return NLI_MODELS.get(spec), options
    if at := AT_ADDRESS.fullmatch(spec):
        factory = NLI_MODELS.get(at["name"])
        return factory, replace(options, model=at["model"] or options.model, address=at["address"].rstrip("/"))
    kind, colon, model = spec.partition(":")
    if colon and model and kind in NLI_MODELS:
        _check_inner(kind, model, options)
        return NLI_MODELS.get(kind), replace(options, model=model)
    path = Path(spec).expanduser()
    if spec and path.is_dir():
        return NLI_MODELS.get(_kind_of_folder(path)), replace(options, model=str(path))
    if spec and path.exists():
        raise UsageError(f"{option('nli', spec)}: is a file; expected a folder with config.json and weights.")
    if HUB_NAME.fullmatch(spec):
        return _of_hub, replace(options, model=spec)
    meant = f" Did you mean http://{spec}?" if HOST_AND_PORT.fullmatch(spec) else did_you_mean(spec, NLI_MODELS.names())
    raise UsageError(
        f'unknown NLI model "{spec}".{meant}\n'
        f"  Allowed: {', '.join(NLI_MODELS.names())}; NAME:MODEL for a model of your own of that kind; a folder; "
        f"OWNER/MODEL of the hub; http://host:port of `groundeval serve-nli`; causal:MODEL@http://host:port/v1."
    )


def _check_inner(kind: str, model: str, options: NLIOptions) -> None:
    """Raises UsageError for a name or a folder within a spec (`ray:NAME`, `minicheck:FOLDER`) that does not exist."""
    if kind == "ray":
        if ADDRESS.match(model) or AT_ADDRESS.fullmatch(model) or model.partition(":")[0] == "ray":
            raise UsageError(
                f"{option('nli', f'ray:{model}')}: Ray runs verifiers in its actors; servers are given by their "
                f"addresses, {option('nli', 'http://a:8765,http://b:8765')}."
            )
        resolve(model, options)
    elif model.startswith(("/", "./", "../", "~")) and not Path(model).expanduser().is_dir():
        raise no_such(model, "folder", given=option("nli", f"{kind}:{model}"))


def _of_hub(options: NLIOptions) -> NLIModel:
    """A verifier of the kind given by the hub's config.json; called when the model is first needed."""
    config = read_config(options.model, options.revision, options.trust_remote_code)
    return NLI_MODELS.get(kind_of_config(config.to_dict()))(options)


def _kind_of_folder(path: Path) -> str:
    file = path / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{option('nli', path)}: the folder has no config.json, so it is not a model.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{option('nli', path)}: config.json cannot be read: {error}") from error
    return kind_of_config(config)


def _refuse_a_model_per_rank(spec: str, handle: NLI, options: NLIOptions) -> None:
    ranks = os.environ.get("WORLD_SIZE", "1")
    if options.in_process or not ranks.isdigit() or int(ranks) <= 1 or not handle.traits.in_process:
        return
    raise UsageError(
        f"{option('nli', spec)}: this is a job of {ranks} ranks (WORLD_SIZE), and each would load its own copy.\n"
        "  Start one server for all, `groundeval serve-nli --model "
        f"{spec}`, and give its address: {option('nli', 'http://host:8765')}.\n"
        "  If there is memory for a copy in each rank: option in_process=True."
    )


def _renew_after_fork() -> None:
    global _HANDLES_LOCK
    _HANDLES_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def _open_store(model: NLIModel, code: str | None, options: NLIOptions) -> VerdictStore | None:
    """The cache on disk given by the options."""
    if options.cache is False:
        return None
    path = default_path() if options.cache is True else Path(options.cache).expanduser()
    return VerdictCache(path, identity_of(model, code))


def _reconnect(spec: str, options: dict[str, Any]) -> NLI:
    return connect(spec, **options)
