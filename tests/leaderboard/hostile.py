"""What a hostile model or a stranger's run folder could say."""

from __future__ import annotations

SCRIPT = "<script>window.planted = 1</script>"
IMAGE = '<img src=x onerror="window.planted = 1">'
LINK = "[click](javascript:window.planted=1) <a href='javascript:window.planted=1'>x</a>"
BREAKOUT = "</script></td></table>'\"><svg onload=window.planted=1> {{ 7*7 }} {% raw %} ${7*7} `x` \\u003cscript>"
BIDI = "abc\u202edcba\u2066hidden\u2069\u200b\ufeff\u0000\u0007\u2028\u2029"
SURROGATE = "lone \ud800 surrogate"
FORMULA = '=HYPERLINK("http://evil.example","x")'
PROTO = "__proto__"
HUGE = "x [1] <b>" * 1_200_000

ALL = (SCRIPT, IMAGE, LINK, BREAKOUT, BIDI, SURROGATE, FORMULA, PROTO)
