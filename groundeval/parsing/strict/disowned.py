"""What a text says about its statements that denies them: a heading, a lead-in, a label or a later sentence."""

from __future__ import annotations

import re
from functools import lru_cache

from groundeval.parsing.strict.content import beyond, content
from groundeval.parsing.strict.vocabulary import negations

FALSE = (
    r"(?:false(?:ly|hoods?)?|(?<!go )(?<!goes )(?<!went )(?<!gone )(?<!going )wrong(?:ly)?|incorrect(?:ly)?"
    r"|untrue|untruths?|mistaken(?:ly)?|inaccura\w+|erroneous(?:ly)?|invalid|fictitious|fictional|made[- ]up|faked?"
    r"|bogus|debunked|dispro\w+|discredited|refuted|rejected|retracted|outdated|obsolete|superseded|imaginary"
    r"|an? invented|nonsense|hoax(?:es)?|myths?|misconceptions?|misbeliefs?|misinformation|fallac(?:y|ies)"
    r"|un(?:verified|confirmed|founded|proven)|dubious|discarded|distractors?|do(?:n['’]t| not) (?:believe|trust)"
    r"|(?<!no )(?<!without )(?<!beyond )doubt(?:ful)?|rumou?rs?"
    r"|(?:not |never |\w+n['’]t |(?:none|neither|nothing|not one) (?:\w+ ){0,5}?)"
    r"(?:true|correct|right(?! (?:away|after|before|now)\b)|accurate|the case|so(?! \w))"
    r"|falsch\w*|irrt[uü]m\w*|faux|fausses?|fals[oa]s?|mit[oi]s?|mythe[ns]?)"
)
_FALSE = re.compile(rf"(?i)\b{FALSE}\b")
_ERRORS = re.compile(
    r"(?i)\b(?:errors?|mistakes?|misunderstandings?|lies|fehler|erreurs?|errores"
    r"|(?:wrong|false|incorrect|inaccurate|invalid|outdated|obsolete)(?=\W+\w)(?!\W+(?:(?:and|or)\b"
    r"|(?:answer|statement|claim|explanation|reason|theor|hypothes|cause|idea|belief|conclusion)\w*)))\b"
)
"""What the statements below may explain, if the question asks for a cause: `Errors in the design`."""
_CAUSE = re.compile(
    r"(?i)\b(?:why|how(?! (?:many|much|old|long|far|tall|high|deep|often|large|big|fast|hot)\b)|caus\w+|reasons?"
    r"|leads?|led|fail\w*|effects?|problems?|warum|wieso|pourquoi|por qué|perché)\b"
)
_NOT = r"(?:not|never|no|none|neither|nobody|nothing|nowhere|cannot|\w+n['’]t|nicht|kein\w*|pas|niet|geen)"
_REDEEMED = re.compile(
    r"(?i)(?<!in )\bfacts?\b|\b(?:truth|reality|true (?:and|or|from)|(?:and|or|from) true|versus|vs|contrary|unlike"
    r"|despite|although|though|but|however|while|whereas|instead|wahrheit|fakten)\b"
    r"|\b(?:myth|misconception|error|mistake|fallac|misunderstanding)\w*\W+(?:debunk|correct|dispel|refut|bust|clear)"
    r"|\b(?:debunk|correct|dispel|refut|bust|clear)\w*(?:\W+\w+){0,3}?\W+(?:myth|misconception|error|mistake|fallac)"
    rf"|\b{_NOT}\W+(?:\w+\W+)?{FALSE}\b|\b(?:none|neither|nothing)(?:\W+\w+){{1,4}}?\W+(?!not\b){FALSE}\b"
)
"""`Myths and facts`, `Contrary to the myth`, `Not a myth`: the statements below are meant to be true."""
_FALSE_NAME = re.compile(
    rf"(?i)\W*(?:\w+\W+){{0,2}}?(?:(?:myth|misconception|fallacie|falsehood|error|mistake|misunderstanding)s"
    rf"|{FALSE} (?:answer|statement|claim|value|date|idea|belief|fact)s?)(?:\W+\w+){{0,2}}\W*"
)
_FOLLOWS = re.compile(r"(?i)\b(?:following|below|next|these)\b")
_LABEL = re.compile(r"[^:：–—\n]{1,80}(?:[:：]|\s[–—-])\s*(?=\S)")
LONGEST_LEAD = 120
"""Characters of a heading or lead-in that is read with each of the statements below it."""


def may_deny(name: str) -> bool:
    """Whether a text holds a word with which others could be denied."""
    return any(words.search(name) for words in (_FALSE, _ERRORS, _NEGATED, _EXCEPT))


def denies_next(said: str) -> bool:
    """Whether a sentence without a citation calls what comes after it false, or is a name of such things."""
    if len(said) > LONGEST_LEAD or not (_FALSE.search(said) or _ERRORS.search(said)):
        return False
    return _FOLLOWS.search(said) is not None or _FALSE_NAME.fullmatch(said) is not None


def label_that_denies(said: str) -> str:
    """The label before a statement that may call it false, `Myth: ...`; empty if there is none."""
    label = _LABEL.match(said)
    return label[0] if label and (_FALSE.search(label[0]) or _ERRORS.search(label[0])) else ""


def calls_false(about: str, question: str, told: str = "") -> bool:
    """Whether what is said about a statement calls it false: not if the question asks for what is, nor if `told`, the
    text of documents, speaks so."""
    return any(word not in told.lower() for word in _false_words(about, question)) if about else False


@lru_cache(1_024)
def _false_words(about: str, question: str) -> tuple[str, ...]:
    if asks_for_it(question):
        return ()
    about = _ERRORS.sub(" ", about) if _CAUSE.search(question) else about
    return tuple(word for line in about.split("\n") if (word := _false_word(line)))


def _false_word(line: str) -> str:
    """The beginning of the word by which a line calls something false; empty if it does not."""
    false = _FALSE.search(line) or _ERRORS.search(line)
    if false is None or line.rstrip().endswith("?") or _REDEEMED.search(line):
        return ""
    return false[0].lower()[:6]


_EXCEPT = re.compile(
    r"(?i)\b(?:except(?: for)?|excluding|other than|all but|but not|apart from|aside from|not)\W*$|^\W*exceptions?\b"
    r"|^\W*non[- ]\w"
)
_BESIDE = re.compile(r"\([^()\n]*\)")
_CLAUSE = re.compile(r"(?i)[,;—–]|\b(?:but|however|yet|although|though)\b")
_PARTLY = re.compile(
    r"(?i)\bnot (?:the )?(?:only|just|merely|all|every\w*|quite|exactly|yet|until|to be|necessarily|one but)\b"
    r"|\bno(?:\.|t)? ?\d"
    r"|\bno (?:single|one|exact|precise|doubt|fewer|less|more|later|earlier)\b"
    r"|\b(?:know[ns]?|sure|certain|agrees?|exact\w*|precise\w*)\b"
)
"""`Not only`, `not known exactly`: a negation that leaves what stands below as it is."""
_NEGATED = re.compile(rf"(?i)\b{_NOT}\b")
_NOT_WHAT = re.compile(
    rf"(?i)\b(?:what|where|whom?|when|which|that|those|things|die|der|das|qui|que)\b.{{0,60}}?\b{_NOT}\b"
    r"|^\W*(?:not|never) (?!enough)\w+|\b(?:nobody|(?:none|neither) of (?:these|those|them|the \w+)\W*$)\b"
    r"|\b(?<!is )(?<!are )(?<!was )(?<!were )(?<!do )(?<!does )(?<!did )(?<!has )(?<!have )(?<!had )(?<!can )"
    r"(?<!could )(?<!will )(?<!would )(?<!be )(?:not|never|nicht) \w+(?:ed|en|ing|in|on|at|of|from|to|by|t)\b"
)
"""A negation within the name of what is listed: `What it does not do`, `Elements not named after it`. One that is the
sentence itself, `There is no consensus:`, tells what is known."""
_NOT_FIRST = re.compile(r"(?i)\W*(?:not|never)\b")
"""`It is Rome, not Paris`."""
_REASONED = re.compile(r"(?i)\W*(?:why|how|if|warum|wie)\b")


@lru_cache(1_024)
def says_what_is_not(about: str, question: str) -> bool:
    """Whether what is said about a statement says that it is not what is asked: `Where it is not buried:`,
    `All except:`; not if the question asks so."""
    if not about or asks_for_it(question):
        return False
    return any(_says_what_is_not(_BESIDE.sub(" ", line).rstrip(" :："), question) for line in about.split("\n"))


def _says_what_is_not(line: str, question: str) -> bool:
    if line.endswith("?") or _REASONED.match(line) or _FALSE.search(line):
        return False
    if _EXCEPT.search(line):
        return True
    last = _CLAUSE.split(line)[-1]
    is_contrast = last != line and _NOT_FIRST.match(last) is not None
    if is_contrast or not _NEGATED.search(last) or _PARTLY.search(last):
        return False
    if content(last) and not beyond(last, question):
        return True
    return _NOT_WHAT.search(last) is not None and not _CAUSE.search(question)


def asks_for_it(question: str) -> bool:
    """Whether a question asks for what is false, or for what is not."""
    return bool(_FALSE.search(question) or _ERRORS.search(question) or negations(question) or _EXCEPT.search(question))
