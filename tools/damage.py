"""Damage to JSON values and to bytes, drawn from a generator of random numbers: the same seed is the same damage."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

DEEP = "[" * 100_000
EVIL: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 10**30, 1e308, -1e308, 2**63, float("nan"), float("inf"), "", " ", "x",
    "x" * 10_000, "\ud800", "\x00", "\x1b[31m", "\ufeff", "a\u202eb", "\u0661", "½", "K\u0307" * 50, "../../etc/passwd",
    "/etc/passwd", "/proc/self/fd/0", "file:///etc/passwd", "planted.py:x", "CON", "[1][2][999999999999]", "[1]" * 500,
    "<think>" * 50, "</think></answer>", "<|end|>", "(" * 500, "a,b\nc\"d", "%s{0}${x}", "=1+1", "[](javascript:1)",
    "a. " * 200, "1" + "0" * 400, "1" * 5_000, "1e999", "2020-99-99", "0x10", [], {}, [[]], {"": None}, [None] * 50,
    {"id": "q0"}, [{"text": 1}], "@BIG@", "@DEEP@", "@NESTED@", "@TWICE@",
)  # fmt: skip
"""Values that somebody else's JSON may hold; those between @ are too odd for a JSON writer and are put in as text."""
RAW = {
    '"@BIG@"': "1" + "0" * 400,
    '"@DEEP@"': DEEP,
    '"@NESTED@"': "[" * 150 + "]" * 150,
    '"@TWICE@"': '{"a": 1, "a": [2], "id": "q0", "id": null}',
}


def damaged(value: Any, rng: random.Random) -> Any:
    """A JSON value with one part of it, at any depth, replaced, removed, renamed, doubled or put in another's place."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.1:
            return {name: each for name, each in value.items() if name != key}
        if kind < 0.14:
            return {(f"{key}s" if name == key else name): each for name, each in value.items()}
        if kind < 0.2:
            return {**value, key: copy.deepcopy(rng.choice(list(value.values())))}
        return {**value, key: damaged(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        index = rng.randrange(len(value))
        kind = rng.random()
        if kind < 0.1:
            return value * 2
        if kind < 0.15:
            return value[:index]
        return [*value[:index], damaged(value[index], rng), *value[index + 1 :]]
    if isinstance(value, str) and value and rng.random() < 0.3:
        place = rng.randrange(len(value))
        evil = rng.choice([each for each in EVIL if isinstance(each, str) and "@" not in each])
        return value[:place] + evil + value[place:]
    if isinstance(value, int) and rng.random() < 0.3:
        return value + rng.choice([-1, 1, 2**31, -(2**31), 2**64])
    return copy.deepcopy(rng.choice(EVIL))


def altered_value(value: Any, rng: random.Random) -> Any:
    """A JSON value after some damage."""
    for _ in range(rng.randrange(1, 4)):
        value = damaged(value, rng)
    return value


def as_text(value: Any) -> bytes:
    """The JSON of a value, with what no JSON writer writes."""
    text = json.dumps(value)
    for name, raw in RAW.items():
        text = text.replace(name, raw)
    return text.encode()


def torn(content: bytes, rng: random.Random) -> bytes:
    """Bytes with some of them changed, cut off, put in, removed or repeated."""
    place = rng.randrange(len(content) + 1)
    kind = rng.randrange(6)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + rng.randbytes(rng.randrange(1, 8)) + content[place:]
    if kind == 2:
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == 3:
        return content[:place] + content[place + rng.randrange(1, 50) :]
    if kind == 4:
        return rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\n\n", b" "]) + content
    return content[:place] + content[max(0, place - 50) :]


def altered(value: Any, rng: random.Random) -> bytes:
    """The JSON of a value after some damage; sometimes its bytes are damaged, too."""
    content = as_text(altered_value(value, rng))
    return torn(content, rng) if rng.random() < 0.2 else content
