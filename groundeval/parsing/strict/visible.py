"""The text of an answer as its reader sees it, and as a verifier may see it.

What a reader does not see must not earn anything: invisible characters are deleted, text hidden by markup and special
tokens inside an answer are replaced by a mark, so that the statement that carried them is known.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "\ufffc"
"""Stands where something was hidden from the reader; a character that text has no use for (OBJECT REPLACEMENT)."""

_SPECIAL_TOKEN = (
    r"<\|[^<>|\n]{0,40}\|>|</?s>|<(?:pad|unk|bos|eos|mask|cls|sep|extra_id_\d{1,3}|(?:start|end)_of_turn)>"
    r"|<｜[^<>\n]{1,40}｜>|(?-i:\[/?INST\]|\[(?:CLS|SEP|PAD|MASK|UNK)\])|<</?SYS>>"
)
_HIDDEN_MARKUP = (
    r"<!--.*?(?:-->|\Z)|<(script|style|template|del|strike)\b.*?(?:</\1\s*>|\Z)"
    r"|<(\w+)\b(?=[^<>]*>)[^<>]*?\b(?:hidden\b|style\s*=)[^<>]*>.*?(?:</\2\s*>|\Z)"
    r"|~~[^~\n]+~~|(?<![\w~])~(?=[^\s~])[^~\n]*(?<!\s)~(?![\w~])"
    r"|\\(?:[hv]?phantom|(?:text)?color)\b[^\n]*"
)
_DEFINITION = (
    r"(?m:^\ {0,3}\[(?:[^\[\]\n]+\]:[ \t]*[#<][^\n]*"
    r"|[^\[\]\d\n]+\]:[ \t]*\S+(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$))"
)
"""A line that Markdown takes for the target of links, and does not show: `[//]: # (...)`."""
_CONTROL = r"[\x00-\x08\x0e-\x1b\x7f\u202d\u202e\u2800-\u28ff\U000e0000-\U000e007f\ufffc]+"
_HIDING = re.compile(f"{_HIDDEN_MARKUP}|{_DEFINITION}|{_SPECIAL_TOKEN}|{_CONTROL}", re.DOTALL | re.IGNORECASE)
_EMPHASIS = re.compile(r"(?<![\w*_`])[*_`]+(?![\s*_`])|(?<=[^\s*_`])[*_`]+(?![\w*_`])")
_PICTURED = {
    code: name[-1]
    for code in range(0x1F100, 0x1F200)
    if re.search(r"(?:NEGATIVE|REGIONAL).* LETTER [A-Z]$", name := unicodedata.name(chr(code), ""))
}
"""Letters that Unicode takes for symbols: white on black, and those of flags."""
_ENDING = re.compile(rf"(?:\s*(?:{_SPECIAL_TOKEN}))+\s*\Z", re.IGNORECASE)
_END_WINDOW = 2_000
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202c\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]"
)
_BLANK = re.compile(r"[\x80-\x9f\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")

_VERIFIER_MARK = re.compile(
    r"(?i)(premise|hypothesis|\b(?:entail(?:s|ed|ment)?|contradict(?:s|ed|ion)?|neutral|label|verdict|predict(?:ion)?"
    r"|claim|document|statement|context|evidence|output|score|true|false))\s*[:=]+"
)


def visible(text: str) -> str:
    """The text with compatibility forms unified (NFKC), line ends as `\\n`, and nothing invisible in it, nor the marks
    of Markdown's emphasis.

    Special tokens at the very end are what generation leaves behind and go without a trace. Elsewhere they, control
    characters and markup that hides text become `HIDDEN`.
    """
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _LINE_END.sub("\n", text)).translate(_PICTURED))
    text = _BLANK.sub(" ", _without_ending(text))
    return _EMPHASIS.sub("", _HIDING.sub(HIDDEN, text))


def _without_ending(text: str) -> str:
    # Only the end is searched: a pattern anchored there would be tried at every place of a long text.
    while found := _ENDING.search(text[-_END_WINDOW:]):
        text = text[: -len(found[0])]
    return text


def for_verifier(text: str) -> str:
    """The text as part of an NLI pair: one line, without what is hidden, and with no words that address the verifier.

    `hypothesis: 1` becomes `hypothesis 1`: the words stay, since the reader sees them, and no longer look like the
    fields of a prompt.
    """
    return " ".join(_VERIFIER_MARK.sub(r"\1 ", text.replace(HIDDEN, " ")).split())
