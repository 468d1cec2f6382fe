"""Tokens with their places in a text."""

from __future__ import annotations

Spanned = list[tuple[str, int, int]]
"""Tokens, each with its start and end in the text."""
