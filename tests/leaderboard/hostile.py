"""Hostile texts for model outputs and untrusted run folders."""

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

ATTRIBUTE = "\" onmouseover=\"window.planted=1\" x='y' onfocus='window.planted=1' autofocus tabindex=0"
ELEMENTS = (
    "<iframe srcdoc='<script>parent.planted=1</script>'></iframe><object data='javascript:parent.planted=1'></object>"
    "<base href='http://evil.example/'><form action='http://evil.example/'><input name=a autofocus></form>"
    "<meta http-equiv=refresh content='0;url=http://evil.example/'><details open ontoggle=window.planted=1>"
)
"""Elements that act without a script element, lead elsewhere, or send something."""
COMMENT = "--></style></title></textarea></noscript><!--><script>window.planted=1//--></script><![CDATA[<b>"
PLOT = "<a href='javascript:window.planted=1'>p</a> %{customdata} &lt;img src=x onerror=1&gt; $\\href{x}{y}$"
"""What plotly reads in labels: links, values, entities, formulas."""
TEMPLATE = "{{constructor.constructor('window.planted=1')()}} #{7*7} <%= 7*7 %> [[${7*7}]] {%print(7*7)%}"
CSS = "</style><style>*{display:none}</style> red;background:url(http://evil.example/) expression(window.planted=1)"
OBJECT = "constructor"

NAMES = (ATTRIBUTE, ELEMENTS, COMMENT, PLOT, TEMPLATE, CSS, OBJECT)
"""Further ones, for the names of systems."""
ALL = (SCRIPT, IMAGE, LINK, BREAKOUT, BIDI, SURROGATE, FORMULA, PROTO)
