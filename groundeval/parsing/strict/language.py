"""Language identification from script and function words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from groundeval.parsing.remembered import remembered

_FUNCTION_WORDS = {
    "en": "the of and is was in to that it for on with as were are by from at which this be his her has had not an its"
    " do does did what why how who when where which should will would can could have you they but or if there than",
    "de": "der die das und ist war den dem des ein eine einen einer einem im zum zur vom mit auf für von"
    " nicht wurde wird sich als auch bei über hat führte etwa durch nach am sie er es wie dass vor unter",
    "fr": "le la les des du et est était dans que pour sur avec une un au aux qui pas par ce cette ont été plus dont",
    "es": "el la los las de del y es fue en que para con por una un al su se lo",
    "it": "il lo la gli le di del della dei delle e è era in che per con una un al nel nella si più sono dal alla fu",
    "pt": "o os as de do da dos das e é foi em que para com por uma um ao no na se mais como são tem pelo pela",
    "nl": "de het een en is was van in dat op met voor niet zijn werd door te ook aan bij uit naar om maar hij",
    "sv": "och är var en ett som på av för med att den det till inte om från vid har blev sig",
    "da": "og er var en et som på af for med at den det til ikke om fra ved har blev sig i",
    "pl": "i w na z że jest był się do nie jak przez od dla po oraz które został była",
    "tr": "ve bir bu ile için olarak olan da de en çok daha gibi kadar sonra ilk",
    "ru": "и в на что не с по для это как был была было из от к его который",
}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _words in _FUNCTION_WORDS.items():
    for _word in dict.fromkeys(_words.split()):
        _LANGUAGES_OF.setdefault(_word, []).append(_language)
"""For each function word the languages that have it."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")), ("ko", re.compile("[\uac00-\ud7af]")), ("zh", re.compile("[\u4e00-\u9fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")), ("ar", re.compile("[\u0600-\u06ff]")), ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")), ("el", re.compile("[\u0370-\u03ff]")),
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")


_PARTICLE = re.compile(
    r"(?<=\w )(?:d[aeiou]s?|del|della|van|von|der|den|la|le|el|y|e|ter|ten|zu|zur|af|av|of|of the|in|and|the)(?= [A-Z])"
)
"""A word of a name: `Ludwig van Beethoven`, `University of Cambridge`."""


@remembered(4_096)
def _counted(text: str) -> dict[str, int]:
    """Number of function words of each language in a text; if most of its letters are of another script, that script
    counts instead."""
    letters = sum(map(str.isalpha, text))
    for code, script in _SCRIPTS:
        if letters and not text.isascii() and len(found := script.findall(text)) > letters / 2:
            return {code: len(found)}
    said = _WORD.findall(_PARTICLE.sub("", text))
    counts = Counter(code for word in said for code in _LANGUAGES_OF.get(word.lower(), ()))
    # In the order of the languages, so that of two with as many words the same one comes first.
    return {code: counts[code] for code in _FUNCTION_WORDS if code in counts}


def language(text: str) -> str | None:
    """Code of the language with most function words in the text, or of its script; None if it has neither."""
    counts = _counted(text)
    return max(counts, key=lambda code: counts[code]) if counts else None


def differs(text: str, question: str, documents: Callable[[], str]) -> bool:
    """Whether a text is in another language than its question, or than the documents if the question is too short.

    It has function words of another language and none, or far fewer, of this one, and words that neither the question
    nor the documents have. A text of one or two words is a name, which has no language.
    """
    counts = _counted(text)
    if not counts or len(_WORD.findall(text)) < 3:
        return False
    asked = language(question) or language(documents())
    if asked is None:
        return False
    own = max(counts, key=lambda code: counts[code])
    if own == asked or counts[own] < 3 * counts.get(asked, 0) + 1:
        return False
    known = {*_WORD.findall(question.lower()), *_WORD.findall(documents().lower())}
    return any(not word[0].isupper() and word not in known for word in _WORD.findall(text))
