"""Porter's stemmer (Porter 1980, "An algorithm for suffix stripping") with NLTK's departures from it.

ROUGE with stemming is defined by the stems of NLTK's `PorterStemmer`. Importing NLTK takes more processor time than
scoring a thousand answers does, so the rules are written here; the tests compare them with NLTK's, word by word.
"""

from __future__ import annotations

from groundeval.parsing.remembered import remembered

_IRREGULAR = {
    "skies": "sky",
    "sky": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "news": "news",
    "innings": "inning",
    "inning": "inning",
    "outings": "outing",
    "outing": "outing",
    "cannings": "canning",
    "canning": "canning",
    "howe": "howe",
    "proceed": "proceed",
    "exceed": "exceed",
    "succeed": "succeed",
}

Rules = dict[str, str]
"""Endings and their replacements, in the order in which they are tried."""

_PLURALS: Rules = {"sses": "ss", "ies": "i", "ss": "ss", "s": ""}
_STEP_2: Rules = {
    "ational": "ate",
    "tional": "tion",
    "enci": "ence",
    "anci": "ance",
    "izer": "ize",
    "bli": "ble",
    "alli": "al",
    "entli": "ent",
    "eli": "e",
    "ousli": "ous",
    "ization": "ize",
    "ation": "ate",
    "ator": "ate",
    "alism": "al",
    "iveness": "ive",
    "fulness": "ful",
    "ousness": "ous",
    "aliti": "al",
    "iviti": "ive",
    "biliti": "ble",
    "fulli": "ful",
    "logi": "log",
}
_STEP_3: Rules = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4: Rules = dict.fromkeys(
    (
        *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion"),
        *("ou", "ism", "ate", "iti", "ous", "ive", "ize"),
    ),
    "",
)
_STEP_2_ENDINGS, _STEP_3_ENDINGS, _STEP_4_ENDINGS = tuple(_STEP_2), tuple(_STEP_3), tuple(_STEP_4)

_SHAPES = bytes(ord("v" if chr(code) in "aeiou" else "y" if chr(code) == "y" else "c") for code in range(256))


@remembered(65_536)
def stem(word: str) -> str:
    """The stem of a word of lower-case ASCII letters and digits; a word of one or two characters is its own stem.

    Cached, since texts share their words.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _without_inflection(_without_plural(word))
    if word.endswith("y") and len(word) > 2 and _shape(word)[-2] == "c":
        word = word[:-1] + "i"
    word = _without_final_e(_step_4(_step_3(_step_2(word))))
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _shape(word: str) -> str:
    """A `c` for each consonant and a `v` for each vowel. A y is a consonant at the start and after a vowel."""
    shape = word.encode("ascii").translate(_SHAPES).decode("ascii")
    if "y" not in shape:
        return shape
    resolved: list[str] = []
    for letter in shape:
        if letter == "y":
            letter = "v" if resolved and resolved[-1] == "c" else "c"
        resolved.append(letter)
    return "".join(resolved)


def _measure(stem: str) -> int:
    """Porter's m: the number of times that consonants follow vowels."""
    return _shape(stem).count("vc")


def _is_short(stem: str) -> bool:
    """Porter's *o: whether the stem ends like `wil` or `hop`, or is like `at`."""
    shape = _shape(stem)
    return (shape.endswith("cvc") and stem[-1] not in "wxy") or shape == "vc"


def _without_plural(word: str) -> str:
    """Step 1a."""
    if not word.endswith("s"):
        return word
    if len(word) == 4 and word.endswith("ies"):
        return word[:-1]
    ending = next(each for each in _PLURALS if word.endswith(each))
    return word[: -len(ending)] + _PLURALS[ending]


def _without_inflection(word: str) -> str:
    """Step 1b: -ed and -ing."""
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    if not word.endswith(("ed", "ing")):
        return word
    stem = word[:-2] if word.endswith("ed") else word[:-3]
    shape = _shape(stem)
    if "v" not in shape:
        return word
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if len(stem) > 1 and stem[-1] == stem[-2] and shape[-1] == "c":
        return stem if stem[-1] in "lsz" else stem[:-1]
    return stem + "e" if shape.count("vc") == 1 and _is_short(stem) else stem


def _step_2(word: str) -> str:
    if not word.endswith(_STEP_2_ENDINGS):
        return word
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _step_2(word[:-2])
    ending = next(each for each in _STEP_2 if word.endswith(each))
    stem = word[: -len(ending)]
    # The l of -logi counts as the stem's, so that geo- and theo- go with archaeo- and philo-.
    measured = word[:-3] if ending == "logi" else stem
    return stem + _STEP_2[ending] if _measure(measured) > 0 else word


def _step_3(word: str) -> str:
    if not word.endswith(_STEP_3_ENDINGS):
        return word
    ending = next(each for each in _STEP_3 if word.endswith(each))
    stem = word[: -len(ending)]
    return stem + _STEP_3[ending] if _measure(stem) > 0 else word


def _step_4(word: str) -> str:
    if not word.endswith(_STEP_4_ENDINGS):
        return word
    ending = next(each for each in _STEP_4 if word.endswith(each))
    stem = word[: -len(ending)]
    return stem if _measure(stem) > 1 and (ending != "ion" or stem[-1] in "st") else word


def _without_final_e(word: str) -> str:
    """Step 5a."""
    if not word.endswith("e"):
        return word
    stem = word[:-1]
    measure = _measure(stem)
    return stem if measure > 1 or (measure == 1 and not _is_short(stem)) else word
