"""Words that look like a hedge and leave the answer asserted: `Perhaps surprisingly`, `You may have heard of`."""

from __future__ import annotations

import re

_MAY = r"(?:may|might|could)"
_REMARK = (
    r"(?:(?:un|counter)?(?:surpris|expect|intuitiv|interest|import|predict)|astonish|amaz|ironic|paradox|remarkabl|curious"
    r"|confus|fitting|notabl|famous|odd|strange)\w*\b"
)
_EXPECT = r"(?:expect|imagin|guess|think|assum|believ|suppos|suspect)\w*"
_ASSERTED = re.compile(
    rf"(?i)\b(?:perhaps|maybe|possibly|probably|arguably) (?:not |more |most |somewhat )?{_REMARK}(?=[,:])"
    rf"|\b(?:you|readers|this|that|it|which) {_MAY} (?:well |also |even )?"
    rf"(?:be |come as |have been |seem |sound |look |appear )?(?:an? )?(?:bit |little )?{_REMARK}(?!(?: you| us)? if\b)"
    rf"|\b(?:you|readers) {_MAY} (?:well |also |already )?(?:know|remember|recall|recogni[sz]e|wonder|be wondering"
    r"|(?:want|like|wish) to know|have (?:heard of|seen|noticed))\b(?! (?:that|if|whether)\b)"
    rf"|\b(?:contrary to|unlike|despite|than)(?: what)? (?:\w+ ){{1,2}}?(?:{_MAY} |would )?(?:have )?{_EXPECT}"
    rf"|\bas (?:you|one|we) {_MAY} (?:have )?(?:expect|imagin|guess)\w*"
    r"|\bit (?:seems|appears|is|may be) (?:fair|safe|right|reasonable) to (?:say|conclude|add)\b"
    r"|\botherwise (?:known|called|named|spelled)\b"
)
_PRAISE = re.compile(
    r"(?i)(?:^|[,(–—])\W{0,3}(?:who is |which is )?(?:perhaps|possibly|probably|arguably|maybe) (?:\w+ ){0,3}?"
    r"(?:(?:most|best|better|more)[ -](?P<fame>known|famous|celebrated|loved|popular|important|influential|beautiful)"
    r"|greatest|finest)\b[^,;:.()–—]{0,80}[,)–—]"
)
"""What is said of the fame of a thing in passing: `Mir, perhaps the best known of them, ...`."""


def without_remarks(text: str, written: str, question: str) -> str:
    """The text without words that hedge a remark, the reader's knowledge or the opinion of others, but not the answer.

    A hedge of what the question asks for, as in `possibly the most famous of them`, stays.
    """

    def kept(found: re.Match[str]) -> str:
        asked = (found["fame"] or "est").lower() in question.lower()
        return found[0] if asked or written in found[0] else ","

    return _PRAISE.sub(kept, _ASSERTED.sub("", text))
