"""The documents that a request gives to the model as blocks of its turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.parts import Data

TYPES = ("document", "search_result")
_INNER = ("document", "searchResult")
"""Fields in which Bedrock's Converse keeps the same two, without a type."""
_NESTED = ("content", "toolResult")


def document_blocks(content: Any) -> list[Data]:
    """The documents and search results of a turn or of several turns, also those that a tool returned, in their order.

    Other blocks are left out.
    """
    if isinstance(content, list):
        return [found for block in content for found in document_blocks(block)]
    if not isinstance(content, Mapping):
        return []
    if is_document(content):
        return [content]
    return [found for name in _NESTED for found in document_blocks(content.get(name))]


def is_document(block: Data) -> bool:
    """Whether a block says of itself that it is a document or a search result."""
    inner = [block.get(name) for name in _INNER]
    return block.get("type") in TYPES or any(isinstance(each, Mapping) and "source" in each for each in inner)


def is_result(block: Data) -> bool:
    """Whether a document block is a search result: these are counted on their own."""
    return block.get("type") == "search_result" or "searchResult" in block
