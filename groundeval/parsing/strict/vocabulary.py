"""English words of absence, of telling and finding, and for the documents, of which refusals are composed."""

from __future__ import annotations

import re

from groundeval.parsing.strict.words import letters

NOT = (
    r"(?:not(?! (?:\w+ )?(?:only|just|merely|solely)\b)|no(?! (?:more|less|fewer|later|earlier)\b)|none|neither|nor"
    r"|nothing(?! but\b)|nowhere|never"
    r"|nobody|without|cannot|unable|impossible|\w+n['’]t"
    r"|(?:ca|could|wo|would|do|does|did|is|was|are|were|have|has|had)nt)"
)
GONE = (
    r"(?:missing|absent|lack(?:s|ed|ing)?|omit(?:s|ted|ting)?|skip(?:s|ped)?|silent|mute|fails?|failed|insufficient"
    r"|needs? (?:more|other|further|additional|better)|empty-handed|(?:draws?|drew) (?:a )?blank"
    r"|(?:falls?|fell|c[ao]mes? up) (?:short|empty)"
    r"|(?:leav(?:e|es|ing)|left) (?:\w+ ){0,6}?(?:out|open|blank|aside)|remains? open|stops? short|short of"
    r"|keeps? quiet|in the dark|beyond what|beyond the scope|a mystery|n/a|inconclusive|(?:declin|refus)\w+ to"
    r"|un(?:answerable|answered|addressed|available|certain|clear|determined|disclosed|documented|known|listed"
    r"|mentioned|named|recorded|reported|resolved|said|specified|stated|sure|told))"
)
NEGATION = re.compile(rf"\b(?:{NOT}|{GONE})\b", re.IGNORECASE)
_NEGATING = """
    not no none neither nor nothing nowhere never nobody without cannot unable impossible t cant couldnt wont wouldnt
    dont doesnt didnt isnt wasnt arent werent havent hasnt hadnt missing absent lack lacks lacked lacking omit omits
    omitted omitting skip skips skipped silent mute fail fails failed insufficient need needs empty blank short leave
    leaves leaving left open quiet dark beyond mystery n inconclusive unanswerable unanswered unaddressed unavailable
    uncertain unclear undetermined undisclosed undocumented unknown unlisted unmentioned unnamed unrecorded unreported
    unresolved unsaid unspecified unstated unsure untold
"""
_NEGATING_WORDS = frozenset(_NEGATING.split())
_NEGATING_STEMS = frozenset(("decl", "refu"))
"""One of these stands in any text with a negation: `t` is left of `isn't`, and `n` of `n/a`."""
GONE_ALONE = re.compile(rf"\b{GONE}\b", re.IGNORECASE)
"""What is gone, without a negated verb."""
TELLING = re.compile(
    r"\b(?:(?:un)?answer\w*|guess|speculat\w+|leav(?:e|es|ing)|remains?|inconclusive|f(?:ind|ound|inding)|locat\w+"
    r"|(?:un)?determin\w+|(?:un)?stat(?:e|es|ed|ing)|say(?:s|ing)?|said|(?:un)?mention\w*|(?:un)?specif\w+|contain\w*"
    r"|provid\w+|g(?:ive|ives|iven|iving|ave)|includ\w+|address\w*|discuss\w*|cover\w*|explain\w*|describ\w+"
    r"|nam(?:e|es|ed|ing)|identif\w+|reveal\w*|indicat\w+|list(?:s|ed)?|t(?:ell\w*|old)|know\w*|unknown|(?:un)?sure"
    r"|aware|(?:un)?certain|help\w*|conclu\w+|establish\w*|confirm\w*|detail\w*|clarif\w+|elaborat\w+"
    r"|(?:un)?disclos\w+|clue|offer\w*|support\w*|information|evidence|data|enough|(?:in)?suffic\w+|relevan\w+|refer\w*"
    r"|report\w*|show\w*|shown|document(?:ed|ing)|record\w*|have|has|had|hold\w*|see|get|there|deriv\w+|infer\w*"
    r"|comput\w+|calculat\w+|respon\w+|touch\w*|speaks?|silent|unclear|missing|drew|(?:un)?available|impossible|lack\w*"
    r"|absent|verif\w+|scope|appear\w*|about|publish\w*|read off|puts?|quot\w+|suppl(?:y|ies|ied)|add(?:s|ed)?"
    r"|(?:com|c[ao]m|turn|spell|figur|track|dig|pin|mak|work)(?:e|es|ed|s|ned|ging)? (?:\w+ )?(?:up|down|out|across)"
    r"|dug up|retriev\w+|extract\w*|spot(?:s|ted)?|trac(?:e|es|ed)|settle[sd]?)\b",
    re.IGNORECASE,
)
PLAINLY = (
    r"(?:documents?|docs?|sources?|passages?|search results?|contexts?|snippets?|excerpts?|"
    r"(?:provided|given|available|supplied|retrieved|above|these|those) (?:\w+ )?(?:results?|references?|texts?|"
    r"articles?|information|materials?|content|data|evidence|paragraphs?|pages?))"
)
"""Words that mean the documents of the question, whatever its subject."""
PERHAPS = (
    r"(?:(?:results?|references?|texts?|articles?|information|materials?|evidence|pages?|paragraphs?|paper|content)"
    r"(?! of\b)|(?:my|the|this|our) search(?:es)?)"
)
"""Words that may mean the documents or the subject of the question; used only where nothing is cited."""


def negations(text: str) -> int:
    """The number of negations, and of words for what is absent, in a text; a `nor` goes on with another negation."""
    said = letters(text)
    if _NEGATING_WORDS.isdisjoint(said) and not any(word[:4] in _NEGATING_STEMS for word in said):
        return 0
    found = [each.lower() for each in NEGATION.findall(text)]
    return len(found) - found.count("nor") or min(1, len(found))
