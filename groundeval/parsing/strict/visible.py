"""The visible text of an answer, for its reader and for a verifier.

Text that a reader does not see must not score: invisible characters are deleted; text hidden by markup and special
tokens inside an answer are replaced by a mark, which identifies the statement that carried them. Visible text stays as
it is written, so that it means the same to the verifier as to the reader (`10⁶` is not `106`).
"""

from __future__ import annotations

import re

from groundeval.parsing.special_tokens import SPECIAL_TOKEN, without_ending
from groundeval.parsing.strict.folding import folded
from groundeval.parsing.strict.hypertext import has_markup, shown
from groundeval.parsing.strict.latex import without_commands
from groundeval.parsing.strict.markdown import has_layout, laid_out
from groundeval.parsing.strict.marks import HIDDEN

_LATEX = (
    r"\\iffalse\b.*?(?:\\fi\b|\Z)|\\begin\{comment\}.*?(?:\\end\{comment\}|\Z)"
    r"|\\(?:[hv]?phantom|(?:text)?color|transparent|fontsize\{0|scalebox\{0)\b[^\n]*"
    r"|(?m:^[ \t]*%[^\n]*)|(?<=[.!?\])}])[ \t]+%[^\n]*"
)
_COMMENT = re.compile(r"(?<!\S)/\*.*?(?:\*/|\Z)|\{#.*?#\}|\{%.*?%\}|\{\{!.*?\}\}|<%.*?%>", re.DOTALL)
_COMMENT_OPENINGS = ("/*", "{#", "{%", "{{!", "<%")
"""Comments of style sheets and of templates, which a page that is made from them does not show."""
_STRUCK = r"~~[^~\n]+~~|(?<![\w~])~(?=[^\s~])[^~\n]*(?<!\s)~(?![\w~])"
_DEFINITION = (
    r"(?m:^\ {0,3}\[(?:[^\[\]\n]+\]:[ \t]*[#<][^\n]*"
    r"|[^\[\]\d\n^]+\]:[ \t]*\S+(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$))"
)
"""A Markdown link definition, which is not rendered: `[//]: # (...)`."""
_CONTROL = r"[\x00-\x08\x0e-\x1b\x7f\u202d\u202e\u2800-\u28ff\U000e0000-\U000e007f\ufffc]+"
_HAS_CONTROL = re.compile(_CONTROL)
_IN_HIDDEN = ("<", "~", "\\", "%", "]:")
_OPENS_TOKEN = re.compile(r"\[(?!\d)")
"""What hides text holds one of these, or begins with a bracket that no figure follows, or is a control character."""
_HIDING = re.compile(f"{_STRUCK}|{_DEFINITION}|{SPECIAL_TOKEN}|{_LATEX}|{_CONTROL}", re.DOTALL | re.IGNORECASE)
_ENDING = re.compile(rf"(?:\s*(?:{SPECIAL_TOKEN}))+\s*\Z", re.IGNORECASE)
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202c\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0100-\U000e01ef\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\ue000-\uf8ff]"
)
_BLANK = re.compile(r"[\x80-\x9f\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")

_VERIFIER_MARK = re.compile(
    r"(?i)(premise|hypothesis|\b(?:entail(?:s|ed|ment)?|contradict(?:s|ed|ion)?|neutral|label|verdict|predict(?:ion)?"
    r"|claim|document|statement|context|evidence|output|score|true|false))\s*[:=]+"
)


LONGEST = 100_000
"""Characters of the longest text that is read; a longer one is no answer, so that a text costs a second at most."""


def visible(text: str) -> str:
    """The text as a browser or a Markdown renderer shows it, one block per line, without invisible characters.

    Special tokens at the very end are left over from generation and are dropped. Elsewhere special tokens, control
    characters and markup that hides text become `HIDDEN`. A text of more than `LONGEST` characters is left as it is.
    """
    if len(text) > LONGEST:
        return text
    text = without_ending(_INVISIBLE.sub("", _LINE_END.sub("\n", text)), _ENDING)
    if not text.isascii():
        text = _BLANK.sub(" ", text)
    if any(opening in text for opening in _COMMENT_OPENINGS):
        text = _COMMENT.sub(HIDDEN, text)
    if any(each in text for each in _IN_HIDDEN) or _OPENS_TOKEN.search(text) or _HAS_CONTROL.search(text):
        text = _HIDING.sub(HIDDEN, text)
    if "\\" in text:
        text = without_commands(text)
    if has_markup(text):
        text = shown(text)
    return laid_out(text) if has_layout(text) else text


def for_verifier(text: str) -> str:
    """The text as part of an NLI pair: one line, without hidden text, and with nothing that looks like a prompt field.

    `hypothesis: 1` becomes `hypothesis 1`: the words stay, since the reader sees them.
    """
    return " ".join(_without_fields(text.replace(HIDDEN, " ")).split())


def _without_fields(text: str) -> str:
    if text.isascii():
        return _VERIFIER_MARK.sub(r"\1 ", text) if ":" in text or "=" in text else text
    plain = folded(text)
    if len(plain) != len(text):
        return _VERIFIER_MARK.sub(r"\1 ", text)
    pieces, end = list[str](), 0
    for found in _VERIFIER_MARK.finditer(plain):
        pieces += [text[end : found.end(1)], " "]
        end = found.end()
    return "".join([*pieces, text[end:]])
