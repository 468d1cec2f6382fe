"""Detection of clauses about answering rather than about the subject: the documents do not answer, a greeting, an
announcement of the answer.

Refusals are recognised by composition, not from a list of sentences: a negation, a word for telling or finding, and a
subject, the documents or the writer. The vocabulary is English; in other languages a refusal is a negation beside a
word for answer, document or knowing. Any other wording is taken for a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.content import PIECE, beyond, content, is_asked, is_english
from groundeval.parsing.strict.elided import filled_in, speaks
from groundeval.parsing.strict.foreign import APOLOGY, denies, has_negation
from groundeval.parsing.strict.frames import is_unreal
from groundeval.parsing.strict.generic import NEGATING_STEMS, NEGATING_WORDS
from groundeval.parsing.strict.number_words import LARGE, SMALL
from groundeval.parsing.strict.sources import SOURCE
from groundeval.parsing.strict.vocabulary import NEGATION, PERHAPS, PLAINLY, TELLING, negations
from groundeval.parsing.strict.words import letters

_FILLER = re.compile(
    r"^\W*(?:(?:no|yes|well|so|sorry|unfortunately|regrettably|however|answer|a)\s*[,.!:—-]\s*|(?:but|however"
    r"|although|though|yet|and|so)\s+)+",
    re.IGNORECASE,
)
_NAMED_SOURCE = rf"(?:{PLAINLY}|{PERHAPS})"


_SOURCED = re.compile(rf"\b{PLAINLY}\b", re.IGNORECASE)


def _gap(words: int) -> str:
    return rf"(?:\W+[\w'’]+){{0,{words}}}?\W+"


def _refusing(source: str) -> re.Pattern[str]:
    """Pattern of a negated verb of telling or finding with the writer or a source, in English word order."""
    no, tells = f"(?:{NEGATION.pattern})", f"(?:{TELLING.pattern})"
    helping = (
        r"(?:do|does|did|is|are|was|were|have|has|had|can|could|may|also|simply|actually|themselves|provided"
        r"|here|above|"
        r"given|available|that|i|we|you|gave)"
    )
    return re.compile(
        rf"\b(?:I|we)\b(?:['’]m)?{_gap(3)}{no}{_gap(5)}{tells}"
        rf"|\b{source}\b(?:\W+{helping}){{0,5}}\W+{no}"
        r"|\b(?:I|we)\b.{1,80}?\b(?:came up (?:empty|short)|drew a blank)"
        rf"|beyond what (?:\w+ )?{source}\b"
        rf"|\b{source}\b\W+(?:say|give|tell|contain|offer|provide|reveal|mention|have|include|list|name|state|report"
        rf"|indicate|show|specify|identify|suppl(?:y|ie)|specifie|identifie)s?\W+(?:us\W+)?(?:nothing|no|none)\b"
        r"|\b(?:I|we)\b.{1,80}?\b(?:find|found|see|saw|have|got)\s+(?:nothing|none|no)\b"
        rf"|\b(?:none|neither|nothing|nowhere|no)\b{_gap(3)}{source}\b{_gap(6)}{tells}"
        rf"|\bnothing\b{_gap(4)}{source}\b|\b(?:none|neither) of (?:them|these|those)\s+{tells}"
        rf"|{no}{_gap(12)}(?:in|by|from|within|on|of|using){_gap(3)}{source}\b"
        rf"|\b{source}\b{_gap(4)}{no}{_gap(3)}{tells}",
        re.IGNORECASE,
    )


_REFUSING = {False: _refusing(_NAMED_SOURCE), True: _refusing(PLAINLY)}
"""The patterns, by whether the clause is cited."""
_DOCUMENTS_DO_NOT = re.compile(
    rf"\b{PLAINLY}(?:\s+(?:also|simply|actually|themselves|provided|here|above|given|available)){{0,3}}\s+"
    r"(?:(?:do|does|did|is|are|was|were|have|has|can|could)(?:\s+not|n['’]t)|cannot|never|nowhere|fails? to|lacks?)\b",
    re.IGNORECASE,
)
"""The documents and a negated verb, whichever verb."""
_UNKNOWN = (
    r"(?:unknown|unstated|unspecified|undisclosed|unclear|unmentioned|unanswered|open|a mystery|undetermined"
    r"|unreported)"
)
_NO_ANSWER = re.compile(
    r"\b(?:no|not enough|not any|insufficient)\s+(?:\w+\s+){0,2}(?:answers?|information|details?|mention"
    r"|data|word|records?|clue|trace|hint)\b"
    r"|\b(?:unanswerable|cannot be (?:answered|determined|inferred|said|known|established))\b"
    r"|\b(?:this|that|it|the answer|the question|this information) (?:is|was|are)(?: not|n['’]t) "
    r"(?:explicitly |clearly )?(?:stated|mentioned|specified|given|provided|known|clear|answered|available|discussed|"
    r"included|addressed|covered|"
    r"described|found|answerable)\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t)(?: \w+ly)? (?:stated|mentioned|specified|disclosed|discussed|covered"
    r"|addressed|provided|indicated|detailed|reported|known|given|available|clear|recorded|named)"
    r"(?: (?:anywhere|here|either|at all|explicitly))?\W*$"
    rf"|\b(?:is|are|was|were|remains?|goes|stays?|left)(?: \w+ly)? {_UNKNOWN}(?: (?:here|to me|to us))?\W*$"
    r"|^\W*(?:they|these|none of (?:them|these)|neither)\b(?:\W+\w+){0,2}?\W+(?:not|never|fail to|\w+n['’]t|none)\W+"
    r"(?:\w+ ){0,2}(?:mention|say|state|give|specify|provide|contain|include|tell|answer|discuss|cover|address|reveal"
    r"|disclose|go into)\b"
    r"|\bnothing (?:is|was) (?:said|stated|mentioned|known|given|written|found)\b"
    r"|\bnothing (?:\w+ ){0,2}(?:about|on|regarding|concerning|to (?:say|tell|report))\b"
    r"|^\W*nothing(?: found| there| here)?\W*$"
    r"|\b(?:impossible|not possible|no way) to (?:say|tell|know|find|determine|answer|establish)\b"
    r"|\b(?:answer|that|this|it) (?:would|could|can) (?:only )?be (?:a |an? \w+ |mere |pure )?(?:guess\w*"
    r"|speculati\w+)\b"
    r"|\b(?:would|could) (?:only )?be (?:guessing|speculating|(?:a |mere |pure )?(?:guess|guesswork|speculation))\b"
    r"|\b(?:would|will) (?:rather |prefer )?not (?:to )?(?:guess|speculate)\b|\bwould have to (?:guess|speculate)\b"
    r"|\b(?:is|are|was|were) (?:lacking|missing|absent|left (?:open|out|unsaid))\W*$|\b(?:leaves?|left) out\b"
    r"|^\W*what (?:is|was) (?:missing|lacking|left out|not (?:said|given|stated|mentioned))\b|^\W*no (?:idea|clue)\W*$"
    r"|^\W*(?:but |and )?(?:came up (?:empty|short)|drew a blank)\b"
    r"|\boutside (?:of )?(?:(?:the|their|its) (?:scope|coverage)|what)\b"
    r"|\b(?:documents?|sources?|passages?|texts?|results?)\b.{0,30}\b(?:irrelevant|unrelated|unhelpful|useless"
    r"|(?:of )?no (?:help|use))\b"
    r"|\bkeeps? (?:quiet|silent)\b|\b(?:must|have to|had to|will) pass\b|\bno (?:such )?luck\b"
    r"|\b(?:is|are|remains?)(?: \w+ly)? (?:unclear|unknown|uncertain|not (?:clear|known|stated|said|specified|told))\s+"
    r"(?:\w+ )?(?:who|what|when|where|which|how|why|whether)\b"
    r"|\b(?:answer|question)(?: \w+){0,2} (?:is|was) not (?:\w+ ){0,2}(?:answered|here|there|found|in|among)\b"
    rf"|\b{PLAINLY}\b[^,.;]{{3,60}},\s*(?:but )?not\b"
    r"|^\W*(?:n/a|n\.a\.|none|nei|null|nil)\W*$",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:other|better|further|more|rather|else) than|\b(?:except|besides|apart from|aside from|unless"
    r"|save for|if not|(?:any|no|some)(?:thing|one|body) but)\b"
    r"|\b(?:maybe|perhaps|probably|likely|possibly|presumably|my guess|best guess|wrong to say|would say"
    r"|is wrong|is false)\b"
    r"|\bi (?:think|guess|believe|suppose|suspect)\b"
    r"|(?:^\W*|[,;:.]\s*|\b(?:if|but|and|or)\s+)(?:it|he|she|the answer)"
    r"(?:['’]s| is| was| (?:could|may|might|must|would) be)\b(?! (?:not|un\w+|im\w+)\b)",
    re.IGNORECASE,
)
_NO_ANSWER_FOUND = re.compile(
    r"\b(?:an?|the|any|no) (?:\w+ )?answer\b|\banswer (?:this|that|the|your) question\b", re.IGNORECASE
)
_REPORTED = re.compile(
    r"^\W*(?:(?:my|his|her|their|your) \w+|he|she|someone|somebody|people"
    r"|(?:the|some|most|many) (?:author|writer|editor|reader|critic"
    r"|user|scholar|expert|historian)s?)\s+(?:could|can|did|do|does|was|were|is|are|had|has|have)(?:n['’]t| not|not)\b"
    r"(?! (?:\w+ly )?(?:given|stated|named|mentioned|specified|known|reported|provided|recorded|listed|indicated|told"
    r"|said|found|included|described|discussed|covered|clear|available)\b)"
    rf"|^\W*(?:the|an?) (?!{SOURCE}|{PERHAPS}|answers?\b|questions?\b)\w+ (?:could|can|did|does|do|has"
    rf"|have|had)(?:n['’]t| not) "
    r"(?:find|know|answer|locate)\b|\b(?:called|titled|entitled)\s+(?:[\"“'‘«*_]|(?-i:[A-Z]))"
    r"|\b(?:he|she|man|woman|people|someone|who|they)\b[^.\"“]{0,30}\b(?:said|says|told|replied|answered"
    r"|wrote)\b[^.]{0,20}[\"“]",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"(?<!\w)(?<!the )(?<!in )(?<!for )(?<!of )(?<!on )(?<!since )(?<!from )(?<!by )(?<!between )(?<!after )"
    r"(?![12]\d{3}\b)[~$€£]?\d[\d.,]*"
)
"""A figure that is neither a year nor part of what cannot be found: `in 1902`, `the 10 largest`."""
_NUMBER_WORDS = "|".join((*SMALL, *LARGE))
_TREATS = (
    r"\b(?:discuss\w*|mention\w*|cover\w*|describ\w+|focus\w*|talk\w* about|speaks? (?:of|about)"
    rf"|(?:are|is) about(?!\W+(?:\d|(?:{_NUMBER_WORDS})\b))|deal\w* with|concern\w*|relat\w+ to|address\w*"
    r"|contain\w* (?:only )?information|provid\w+ information"
    r"|list\w*|refer\w* to|explain\w*|treat\w*|touch\w*|give\w* information)\b"
)
_MERELY = r"\b(?:only|just|merely|solely|mainly|mostly|primarily|instead|rather|largely|simply)\b"
_TOPIC = re.compile(rf"(?:{_MERELY}.*)?{_TREATS}", re.IGNORECASE)
_TREATING = re.compile(f"{_TREATS}|{_MERELY}", re.IGNORECASE)
_TOPIC_SUBJECT = re.compile(
    rf"^\W*(?:(?:but|while|although|though|whereas)\s+)?(?:(?:the|these|those|all|both|most|some|of|provided"
    rf"|given|retrieved|available"
    rf"|other)\s+)*(?:{_NAMED_SOURCE}|they|these|others|the rest|which|it|instead|that)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:you|your|please|thank(?:s| you)|sorry|apologi[sz]e|apologies|i hope|hope this|let me|feel free"
    r"|happy to)\b",
    re.IGNORECASE,
)
_ADDRESSING_WORDS = "you your please thank thanks sorry apologise apologize apologies hope let feel happy"
_ADDRESSING = frozenset(_ADDRESSING_WORDS.split())
"""One of these stands in any words that address the reader."""
_INTERJECTION = re.compile(
    r"\W*(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|great question|good question|hello|hi|hey"
    r"|thanks|thank you|hmm+|alas|oh|ah|huh|oops|no (?:such )?(?:luck|dice|clue)|beats me|search me|dunno"
    r"|(?:i wish i could|happy to"
    r"|glad to) help|honestly|to be honest|"
    r"unfortunately|sorry|got it|understood|no problem|right|well|alright|gladly|cheers|have a (?:nice"
    r"|good|great|lovely) \w+"
    rf"|{APOLOGY}"
    r"|(?:confidence|certainty)\s*[:=].{1,12})\W*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?=[;:—–\n.…(),\s])(?:[;:—–\n]|\.{3}|…|[()]|(?<!nothing)(?<!anything),?\s+(?=(?:but|however|although|though|yet|because|since"
    r"|whereas|while)\b)"
    r"|,\s*(?=(?:which|who|so|as|nor)\b)|,\s+(?=and\b))",
    re.IGNORECASE,
)

_CONCEDED = re.compile(r"\W*(?:although|though|while|whereas|even (?:though|if))\b[^,;]{3,200},\s+", re.IGNORECASE)
_I_CAN = re.compile(r"\W*I can (?:only )?(?:tell|say|inform|help|speak|answer)\b", re.IGNORECASE)

_FOREIGN_WORDS = 40


@remembered(4_096)
def may_refuse(text: str) -> bool:
    """Whether a text may hold a negation in a known language; without one it is no refusal."""
    said = set(PIECE.findall(text.lower()))
    if not said.isdisjoint(NEGATING_WORDS) or any(word.endswith("t") and word[-3:] in ("n't", "n’t") for word in said):
        return True
    if any(word[:4] in NEGATING_STEMS for word in said):
        return True
    return has_negation(text)


@remembered(4_096)
def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a sentence, split as finely as refusals need."""
    return tuple(_clauses(text))


def _clauses(text: str) -> Iterator[str]:
    found = _CONCEDED.match(text)
    pieces = _CLAUSE.split(text) if found is None else [found[0], *_CLAUSE.split(text[found.end() :])]
    about_documents = False
    for clause in pieces:
        if any(map(str.isalnum, clause)):
            # "The passages cover the cost, but not the length": the documents still speak.
            yield filled_in(clause) if about_documents else clause
            about_documents = (
                about_documents or is_about_documents(clause) or speaks(clause) or _I_CAN.match(clause) is not None
            )


LONGEST_REFUSAL = 2_000
"""Characters. The patterns allow words between their parts, so that their time grows with the square of the length."""


def is_refusing(clause: str, *, cited: bool = False) -> bool:
    """Whether a clause says that there is no answer: an odd number of negations of telling or finding, with the
    documents or the writer as subject; or, where nothing is cited, with an answer or nothing else at all.

    A clause of more than `LONGEST_REFUSAL` characters is a statement.
    """
    return len(clause) <= LONGEST_REFUSAL and _REFUSES[cited](clause)


def _refuses(clause: str, cited: bool) -> bool:
    clause = _FILLER.sub("", uncontracted(clause))
    if not may_refuse(clause) or is_unreal(clause):
        return False
    said = [word.lower() for word in PIECE.findall(clause)]
    if len(said) <= _FOREIGN_WORDS and not is_english(said) and denies(clause):
        return True
    count = negations(clause)
    if count % 2 == 0:
        return not cited and not count and _NO_ANSWER.search(clause) is not None
    if _REFUSING[cited].search(clause) and TELLING.search(clause):
        return True
    if _DOCUMENTS_DO_NOT.search(clause):
        return True
    return not cited and (
        _NO_ANSWER.search(clause) is not None
        or (not content(clause) and (TELLING.search(clause) is not None or _SOURCED.search(clause) is not None))
    )


_REFUSES = {cited: remembered(4_096)(partial(_refuses, cited=cited)) for cited in (False, True)}
_CONTRACTED = re.compile(r"(?i)\b(ca|wo|\w+?)n['’]t\b")


def uncontracted(clause: str) -> str:
    """The clause with `cannot` and `not` for `can't` and `n't`."""
    if "n't" not in clause and "n’t" not in clause:
        return clause
    return _CONTRACTED.sub(
        lambda found: {"ca": "cannot", "wo": "will not"}.get(found[1].lower(), f"{found[1]} not"), clause
    )


def is_negated(clause: str) -> bool:
    """Whether a clause has an odd number of negations."""
    return negations(clause) % 2 == 1


def is_telling(phrase: str) -> bool:
    """Whether a phrase has a word of telling or finding."""
    return TELLING.search(phrase) is not None


def is_of_answer(clause: str) -> bool:
    """Whether a refusing clause denies an answer as such: `I couldn't find an answer to ...`."""
    return _NO_ANSWER_FOUND.search(clause) is not None


def is_reported(sentence: str) -> bool:
    """Whether the sentence reports another's words: a reported refusal is not a refusal."""
    return _REPORTED.search(sentence) is not None


def turns(clause: str) -> bool:
    """Whether a clause contrasts with the one before it."""
    return re.match(r"\W*(?:but|however|although|though|yet)\b", clause, re.IGNORECASE) is not None


_NAMED = re.compile(
    r"(?<=[^.!?\s] )(?<![\"“'‘«])[A-Z][\w'’]+ [A-Z][\w'’]+(?! (?:article|passage|page|document|text|entry|film|site)\b)"
    r"|\b(?:is|was|are|were|be|been)\s+(?:by\s+)?([A-Z][\w'’]+)\W*$|(?:可能|也许|或许|大概)是?(.+)"
)
"""What could be an answer: a name of two words, or one that a sentence ends with, or what a hedge introduces."""
_TURNS = re.compile(
    r",\s+(?:aber|jedoch|doch|sondern|mais|pero|sino|ma|mas|porém|maar|men|но|ale|ama|fakat|tetapi|nhưng)\b|，(?:但|不过)|、しかし"
)
"""`but` of other languages."""


def guesses(clause: str, question: str) -> bool:
    """Whether a refusing clause adds an exception, a guess, or a figure that is not in the question."""
    if _EXCEPT.search(clause) and beyond(_EXCEPT.split(clause)[-1] or "", question):
        return True
    if any(
        (segment[:1].isupper() or segment[:1].isdigit())
        and beyond(segment, question)
        and not re.match(r"(?:I|We)\b", segment)
        for segment in re.split(r",\s+", clause)[1:]
    ):
        return True
    if any(not has_negation(turn) for turn in _TURNS.split(clause)[1:]):
        return True
    if any(not is_asked(found[0], question) for found in _NAMED.finditer(clause)):
        return True
    return any(figure not in question for figure in _FIGURE.findall(clause))


def is_about_documents(clause: str) -> bool:
    """Whether a clause says what the documents are about: `which only discuss its length`."""
    return (
        _TOPIC_SUBJECT.match(clause) is not None
        and _TOPIC.search(clause) is not None
        and not re.search(r"\bthat\b", clause[12:])
    )


def topics(clause: str) -> str:
    """What is left of a clause about documents without the words that say so: what they are about."""
    return _TREATING.sub(" ", clause)


def is_courtesy(sentence: str, question: str = "") -> bool:
    """Whether a sentence only addresses the reader: `Let me know if you need anything else!`."""
    if _INTERJECTION.fullmatch(sentence):
        return True
    if _ADDRESSING.isdisjoint(letters(sentence)) or not _ADDRESS.search(sentence) or re.search(r"\d", sentence):
        return False
    names = re.findall(r"(?<=[^.!?\s] )[A-Z][\w'’]+", sentence)
    return all(is_asked(name, question) or re.match(r"I\b", name) for name in names)


def only_asks(sentence: str, question: str) -> bool:
    """Whether a sentence is a question that names nobody and no figure that the question of the example does not."""
    if not sentence.rstrip().endswith("?") or len(PIECE.findall(sentence)) < 3:
        return False
    names = re.findall(r"(?<=[^.!?\s] )[A-Z][\w'’]+|\d+", sentence)
    return all(is_asked(name, question) for name in names)


def says_nothing(sentence: str, question: str) -> bool:
    """Whether a sentence holds only words of the question and generic words, and no negation."""
    return not negations(sentence) and not beyond(sentence, question)


_OPENER = re.compile(rf"(?:[^,.;:]{{1,80}},|(?:the )?{SOURCE} \w+ that\b|[^,.;:]{{1,40}}:)\s+", re.IGNORECASE)


def without_opener(sentence: str) -> str:
    """The sentence without an opening phrase that says nothing on the subject: `According to the documents, ...`."""
    found = _OPENER.match(sentence)
    return sentence[found.end() :] if found and not content(found[0]) else sentence
