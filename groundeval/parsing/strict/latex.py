"""The visible text of LaTeX: words inside of commands, environments as lists, and quantities as they are printed."""

from __future__ import annotations

import re

_COMMAND = re.compile(
    r"\\(?!cite|foot|textsuperscript|sout|st\b|xout|[bx]?cancel|tiny|censor|hide|color)[a-zA-Z]{2,20}\*?\s?\{([^{}\\\n]*[^{}\\\n\d,;\s][^{}\\\n]*)\}"
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-zA-Z*]{1,20}\}(?:\[[^\]\n]{0,40}\])?[ \t]*\n?")
_ENTRY = re.compile(r"(?:^|\n)?[ \t]*\\item\b(?:\[[^\]\n]{0,40}\])?[ \t]*")
_HEADED = re.compile(r"(?m)^[ \t]*\\(?:sub)*(?:section|paragraph|chapter)\*?\{([^{}\n]*)\}[ \t]*")

_QUANTITY = re.compile(r"\\(?:SI|qty)\{([^{}\n]{1,40})\}\{([^{}\n]{1,80})\}")
_PREFIX = re.compile(r"\\(kilo|centi|milli|micro|mega|giga|nano|deci|hecto)\s?\\")
_SCALE = re.compile(r"(?i)\\(?:degree)?([cf])(?:elsius|ahrenheit)\b")
_DEGREE = re.compile(r"\^?\{?\\(?:circ|degree|textdegree)\b(?:\{\})?\s?\}?")
_SPACE = re.compile(r"(?<=[\w{}])\\[,;: ](?=[\\^°{\w])")
_MATH = re.compile(r"\$(?=\d)([^$\n]{1,80}?\\[^$\n]{1,80}?)\$(?!\d)|\\\((?=\d)([^()\n]{1,80}?)\\\)")


def without_commands(text: str) -> str:
    """The text as LaTeX sets it: environments as lists, headings, quantities, and the words inside other commands."""
    text = _HEADED.sub(r"# \1\n", _ENTRY.sub("\n- ", _ENVIRONMENT.sub("", text)))
    text = _MATH.sub(lambda found: _DEGREE.sub("°", found[1] or found[2]), text)
    text = _SCALE.sub(lambda found: f"°{found[1].upper()}", _QUANTITY.sub(_quantity, text))
    text = _SPACE.sub(" ", _DEGREE.sub("°", text))
    for _ in range(4):
        text, count = _COMMAND.subn(r"\1", text)
        if not count:
            break
    return text


def _quantity(found: re.Match[str]) -> str:
    """`10 kilometre` for `\\SI{10}{\\kilo\\metre}`."""
    unit = _SCALE.sub(lambda scale: f"°{scale[1].upper()}", found[2])
    return " ".join([found[1], *_PREFIX.sub(r"\1", unit).replace("\\", " ").split()])
