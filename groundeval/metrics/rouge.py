"""ROUGE-Lsum (Lin 2004, section 3.2), bit-identical to the package `rouge-score` and faster.

It is faster for three reasons: a text is tokenised once, however many others it is compared with; words are stemmed
once; and the table of the longest common subsequence (LCS) is kept as bits, one integer for each token of the candidate
(Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from groundeval.parsing.remembered import remembered
from groundeval.parsing.statements import sentences
from groundeval.parsing.stemming import stem

_TOKEN = re.compile(r"[a-z0-9]+")
_UNSTEMMED = 3
"""Words of this many characters or fewer are not stemmed."""

Tokens = tuple[str, ...]


def rouge_lsum(output: str, references: Iterable[str]) -> float:
    """F-measure of an output against its best-matching reference, in [0, 1]; 0 without references.

    Texts are lower-cased, then split into sentences: the order matters, and is ALCE's.
    """
    candidate = sentence_tokens(output)
    return max((f_measure(sentence_tokens(reference), candidate) for reference in references), default=0.0)


@remembered(4_096)
def sentence_tokens(text: str) -> tuple[Tokens, ...]:
    """The tokens of each sentence of a text; a line break ends a sentence too."""
    lines = (line for sentence in sentences(text.lower()) for line in sentence.split("\n"))
    return tuple(tokens(line) for line in lines if line)


def tokens(text: str) -> Tokens:
    """The stemmed words of a text: runs of ASCII letters and digits."""
    words: list[str] = _TOKEN.findall(text.lower())
    return tuple([stem(word) if len(word) > _UNSTEMMED else word for word in words])


def f_measure(reference: Sequence[Tokens], candidate: Sequence[Tokens]) -> float:
    """F-measure of summary-level LCS, in [0, 1]; 0 where either side has no tokens.

    A token of the reference is a hit if it is on the LCS of its sentence with some sentence of the candidate. No token
    has more hits than the candidate has occurrences of it.
    """
    available = Counter(token for sentence in candidate for token in sentence)
    length, candidate_length = sum(map(len, reference)), available.total()
    if not length or not candidate_length:
        return 0.0
    found: Counter[str] = Counter()
    distinct = tuple(dict.fromkeys(candidate))
    for sentence in reference:
        found.update(in_common(sentence, distinct))
    hits = sum(min(count, available[token]) for token, count in found.items())
    recall, precision = hits / length, hits / candidate_length
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def in_common(sentence: Tokens, candidates: Iterable[Tokens]) -> list[str]:
    """The tokens of a sentence on its LCS with some candidate, each occurrence once."""
    occurrences: dict[str, int] = {}
    for position, token in enumerate(sentence):
        occurrences[token] = occurrences.get(token, 0) | 1 << position
    union = 0
    for candidate in candidates:
        union |= _lcs(occurrences, len(sentence), candidate)
    return [token for position, token in enumerate(sentence) if union >> position & 1]


def _lcs(occurrences: dict[str, int], length: int, candidate: Tokens) -> int:
    """The positions of one LCS of a sentence with a candidate, as bits.

    A sentence often has several, and the union depends on the choice: take the one that `rouge-score` reads from its
    table. From the end of both, take a token that is the same; else leave out one of the sentence's, unless that would
    make the rest of the LCS shorter: then leave out one of the candidate's.
    """
    everything = (1 << length) - 1
    # Bit i of `flat` is 0 where the LCS with the candidate so far grows by the sentence's token i.
    flat = everything
    columns: list[tuple[int, int]] = []
    for token in candidate:
        same = occurrences.get(token, 0)
        if same:
            both = flat & same
            flat = (flat + both | flat - both) & everything
        elif not columns or not columns[-1][0]:
            # A token that the sentence lacks changes nothing after another one, or at the start.
            continue
        # Going back through this column, the sentence's tokens are left out down to one that is in `stops`.
        columns.append((same, (flat ^ everything) | same))
    lcs, end = 0, length
    for same, stops in reversed(columns):
        end = (stops & (1 << end) - 1).bit_length()
        if not end:
            break
        last = 1 << end - 1
        if same & last:
            lcs |= last
            end -= 1
    return lcs
