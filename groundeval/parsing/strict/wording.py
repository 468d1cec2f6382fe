"""Detection of clauses about answering rather than about the subject: the documents do not answer, a greeting, an
announcement of the answer.

Refusals are recognised by composition, not from a list of sentences: a negation, a word for telling or finding, and a
subject, the documents or the writer. The vocabulary is English; in other languages a refusal is a negation beside a
word for answer, document or knowing. Any other wording is taken for a statement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from groundeval.parsing.strict.citations import SOURCE

_NEGATION = re.compile(
    r"\b(?:not|no|none|nothing|nowhere|neither|never|cannot|without|unable|insufficient|lack(?:s|ed|ing)?"
    r"|fail(?:s|ed)? to|missing|"
    r"absent|silent|unknown|unclear|unanswerable|unanswered|impossible|unavailable|unsure|uncertain|unspecified"
    r"|undisclosed|\w+n['’]t|"
    r"(?:do|does|did|is|was|are|were|ca|could|would|have|has|had)nt|cannot|beyond the scope)\b",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"^\W*(?:(?:no|yes|well|so|sorry|unfortunately|regrettably|however|answer)\s*[,.!:—-]\s*|(?:but|however"
    r"|although|though|yet|and|so)\s+)+",
    re.IGNORECASE,
)
_TELLING = re.compile(
    r"\b(?:answer\w*|unanswer\w*|find|found|finding|locat\w+|determin\w+|stat(?:e|es|ed|ing)|say(?:s|ing)?|said"
    r"|mention\w*|specif\w+|unspecified|contain\w*|"
    r"provid\w+|giv(?:e|es|en|ing)|gave|includ\w+|address\w*|discuss\w*|cover\w*|explain\w*|describ\w+"
    r"|identif\w+|reveal\w*|"
    r"indicat\w+|list(?:s|ed)?|tell\w*|told|know\w*|unknown|sure|unsure|aware|certain|uncertain|help|conclu\w+"
    r"|establish\w*|confirm\w*|"
    r"detail\w*|clarif\w+|elaborat\w+|disclos\w+|undisclosed|offer\w*|support\w*|information|evidence|data"
    r"|enough|suffic\w+|insufficient|relevan\w+|refer\w*|"
    r"report\w*|show\w*|shown|record\w*|have|has|had|hold\w*|see|deriv\w+|infer\w*|respon\w+|touch\w*|speak"
    r"|silent|unclear|missing|"
    r"available|unavailable|impossible|lack\w*|absent|verif\w+|scope|appear\w*|about)\b",
    re.IGNORECASE,
)
_PLAINLY = (
    r"(?:documents?|docs?|sources?|passages?|search results?|contexts?|snippets?|excerpts?|"
    r"(?:provided|given|available|supplied|retrieved|above|these|those) (?:\w+ )?(?:results?|references?|texts?|"
    r"articles?|information|materials?|content|data|evidence|paragraphs?|pages?))"
)
"""Words that mean the documents of the question, whatever its subject."""
_PERHAPS = (
    r"(?:results?|references?|texts?|articles?|information|materials?|evidence|pages?|paragraphs?|paper|content)"
    r"(?! of\b)"
)
"""Words that may mean the documents or the subject of the question; used only where nothing is cited."""
_NAMED_SOURCE = rf"(?:{_PLAINLY}|{_PERHAPS})"


def _gap(words: int) -> str:
    return rf"(?:\W+[\w'’]+){{0,{words}}}?\W+"


def _refusing(source: str) -> re.Pattern[str]:
    """Pattern of a negated verb of telling or finding with the writer or a source, in English word order."""
    no, tells = f"(?:{_NEGATION.pattern})", f"(?:{_TELLING.pattern})"
    helping = (
        r"(?:do|does|did|is|are|was|were|have|has|had|can|could|may|also|simply|actually|themselves|provided|here|above|"
        r"given|available|that|i|we|you|gave)"
    )
    return re.compile(
        rf"\b(?:I|we)\b(?:['’]m)?{_gap(3)}{no}{_gap(5)}{tells}"
        rf"|\b{source}\b(?:\W+{helping}){{0,5}}\W+{no}"
        rf"|\b(?:none|neither|nothing|nowhere|no)\b{_gap(3)}{source}\b{_gap(6)}{tells}"
        rf"|\bnothing\b{_gap(4)}{source}\b"
        rf"|{no}{_gap(12)}(?:in|by|from|within|on|of|using){_gap(3)}{source}\b"
        rf"|\b{source}\b{_gap(4)}{no}{_gap(3)}{tells}",
        re.IGNORECASE,
    )


_REFUSING = {False: _refusing(_NAMED_SOURCE), True: _refusing(_PLAINLY)}
"""The patterns, by whether the clause is cited."""
_DOCUMENTS_DO_NOT = re.compile(
    rf"\b{_PLAINLY}(?:\s+(?:also|simply|actually|themselves|provided|here|above|given|available)){{0,3}}\s+"
    r"(?:(?:do|does|did|is|are|was|were|have|has|can|could)(?:\s+not|n['’]t)|cannot|never|nowhere|fails? to|lacks?)\b",
    re.IGNORECASE,
)
"""The documents and a negated verb, whichever verb."""
_NO_ANSWER = re.compile(
    r"\b(?:no|not enough|not any|insufficient)\s+(?:\w+\s+){0,2}(?:answers?|information|details?|mention|data)\b"
    r"|\b(?:unanswerable|cannot be (?:answered|determined|inferred|said|known|established))\b"
    r"|\b(?:this|that|it|the answer|the question|this information) (?:is|was|are)(?: not|n['’]t) "
    r"(?:explicitly |clearly )?(?:stated|mentioned|specified|given|provided|known|clear|answered|available|discussed|"
    r"included|addressed|covered|"
    r"described|found|answerable)\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:other|better|further|more|rather) than|\b(?:except|besides|apart from|aside from|unless|save for|if not)\b"
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
    r"\b(?:he|she|man|woman|people|someone|who|they)\b[^.\"“]{0,30}\b(?:said|says|told|replied|answered"
    r"|wrote)\b[^.]{0,20}[\"“]",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"(?<!\w)(?<!the )(?<!in )(?<!for )(?<!of )(?<!on )(?<!since )(?<!from )(?<!by )(?<!between )(?<!after )"
    r"(?![12]\d{3}\b)[~$€£]?\d[\d.,]*"
)
"""A figure that is neither a year nor part of what cannot be found: `in 1902`, `the 10 largest`."""
_TOPIC = re.compile(
    r"(?:\b(?:only|just|merely|solely|mainly|mostly|primarily|instead|rather|largely"
    r"|simply)\b.*)?\b(?:discuss\w*|mention\w*|cover\w*|describ\w+|focus\w*|"
    r"talk\w* about|are about|is about|deal\w* with|concern\w*|relat\w+ to|address\w*"
    r"|contain\w* (?:only )?information|provid\w+ information|"
    r"list\w*|refer\w* to|explain\w*|treat\w*|touch\w*|give\w* information)\b",
    re.IGNORECASE,
)
_TOPIC_SUBJECT = re.compile(
    rf"^\W*(?:(?:the|these|those|all|both|most|some|of|provided|given|retrieved|available"
    rf"|other)\s+)*(?:{_NAMED_SOURCE}|they|these|which|it|instead|that)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:you|your|please|thank(?:s| you)|sorry|apologi[sz]e|apologies|i hope|hope this|let me|feel free"
    r"|happy to)\b",
    re.IGNORECASE,
)
_INTERJECTION = re.compile(
    r"\W*(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|great question|good question|hello|hi|hey"
    r"|thanks|thank you|"
    r"unfortunately|sorry|got it|understood|no problem|right|well|alright|gladly)\W*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[;:—–\n]|\.{3}|…|[()]|,?\s+(?=(?:but|however|although|though|yet|because|since|whereas|while)\b)"
    r"|,\s*(?=(?:which|who|so|as|nor)\b)|,\s+(?=and\b)",
    re.IGNORECASE,
)

_GENERIC_WORDS = """
    a an the this that these those it its he she they them their his her there here i we you me my our your us to of
    in on at by for from with within among about into as is are was were be been being am do does did done have has
    had having can could may might must shall should will would not no nor and or but if so than then also too any
    some all each every both either neither none one several many more most much few other others another such same
    own very just only even still yet however therefore thus hence moreover finally first second third firstly
    secondly lastly next because since while although though unless until what which who whom whose when where why
    how whether based according following above below provided given available retrieved supplied relevant specific
    exact clear direct directly explicitly question questions query asked ask answer answers answered answering
    answerable reply response summary short brief conclusion final result results search document documents doc docs
    source sources passage passages text texts article articles context contexts material materials reference
    references evidence information info data content excerpts snippets find found say says said state states stated
    mention mentions mentioned contain contains contained provide provides give gives follow follows depend depends
    meant mean means meaning different distinct various ambiguous interpretation interpretations ways way part parts
    case cases list listed details detail need needs apologize apologise sorry unfortunately afraid unable couldn't
    can't cannot don't doesn't didn't isn't aren't wasn't weren't anything something nothing everything enough
    sufficient insufficient know known unknown sure determine determined specify specified answerable unanswerable
    able include includes included cover covers covered address addresses addressed present discuss discusses locate
    support supported indicate indicates explain explains let look like looking topic subject matter regarding
    concerning related let's consider considering read using use used now again please thank thanks help helps yes
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
"""Words that say nothing about the subject of a question."""
_PIECE = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d.,]*")
_OTHER_LANGUAGES = (
    (
        r"\b(?:kein\w*|nicht|nichts)\b",
        r"\b(?:antwort\w*|beantwort\w*|\w*dokument\w*|quelle\w*|suchergebnis\w*|textstelle\w*|angaben?"
        r"|informationen|weiß|passagen)\b",
    ),
    (
        r"(?:\bne\b|\bn['’]|\bpas\b|\baucun\w*|\brien\b|\bimpossible\b)",
        r"\b(?:réponses?|répondre|sais|documents? (?:ne|fourni\w*)|les documents|résultats|sources? (?:ne"
        r"|fourni\w*)|informations?)\b",
    ),
    (
        r"\b(?:no|ning[uú]n\w*|nada|desconozco)\b",
        r"\b(?:respuestas?|responder|documentos|fuentes|resultados|sé|información)\b",
    ),
    (
        r"\b(?:non|nessun\w*|niente)\b",
        r"\b(?:rispost\w+|rispondere|documenti|fonti|risultati|lo so|informazion\w+)\b",
    ),
    (r"\b(?:não|nenhum\w*|nada)\b", r"\b(?:respostas?|responder|documentos|fontes|resultados|sei|informaç\w+)\b"),
    (
        r"\b(?:geen|niet|niets)\b",
        r"\b(?:antwoord\w*|beantwoord\w*|documenten|bronnen|zoekresultaten|weet|informatie)\b",
    ),
    (
        r"\b(?:inte|inget|inga|ikke|ingen|intet)\b",
        r"\b(?:svar\w*|besvar\w*|dokument\w*|vet|ved|käll\w*|kild\w*|sökresultat\w*|information\w*)\b",
    ),
    (r"\b(?:nie|brak)\b", r"\b(?:odpowied\w+|dokument\w*|wiem|źródł\w*|informacj\w*|wynik\w*)\b"),
    (r"\b(?:не|нет|ни\w*)\b", r"\b(?:ответ\w*|документ\w*|источник\w*|результат\w*|знаю|информаци\w*)\b"),
    (
        r"\b(?:yok\w*|değil|bulunmamakta\w*|bilmiyorum|\w+m[ae]d[ıi]\w*|\w+m[ıiuü]yor\w*)\b",
        r"\b(?:cevap\w*|yanıt\w*|belge\w*|kaynak\w*|sonuç\w*|bilgi\w*|bilmiyorum)\b",
    ),
    (
        r"(?:没有|沒有|未|无法|無法|不|无)",
        r"(?:答案|回答|文档|文件|文檔|提到|提及|信息|资料|知道|文献|来源|搜索结果|資料|資訊|清楚)",
    ),
    (
        r"(?:ません|ない|なかった|不明)",
        r"(?:答え|回答|文書|記載|情報|わかり|分かり|資料|検索結果|見つか|出典|書かれて)",
    ),
    (r"(?:없|않|못|모르)", r"(?:답|문서|정보|자료|검색|알|모르|언급)"),
    (
        r"(?:\bلا\b|\bلم\b|\bليس|\bغير\b|\bلن\b)",
        r"(?:إجابة|الإجابة|جواب|الوثائق|المستندات|المصادر|أعرف|معلومات|نتائج)",
    ),
    (r"(?:नहीं)", r"(?:उत्तर|जवाब|दस्तावेज|जानकारी|परिणाम|पता|स्रोत)"),
)
"""For each language its negations, and its words for answers, documents and knowing."""
_FOREIGN = tuple(
    (re.compile(each, re.IGNORECASE), re.compile(matter, re.IGNORECASE)) for each, matter in _OTHER_LANGUAGES
)
_NEGATING = """
    not no none nothing nowhere neither never cannot without unable insufficient lack lacks lacked lacking fail fails
    failed missing absent silent unknown unclear unanswerable unanswered impossible unavailable unsure uncertain
    unspecified undisclosed beyond nicht nichts ne n pas rien nada desconozco non niente geen niet niets inte inget inga
    ikke ingen intet nie brak yok
    dont doesnt didnt isnt wasnt arent werent cant couldnt wouldnt havent hasnt hadnt
"""
_NEGATING_WORDS = frozenset(_NEGATING.split())
_NEGATING_STEMS = frozenset(("kein", "aucu", "ning", "ness", "nenh", "bulu", "bilm"))
"""The first four letters of negations, a quick test that a text has none."""
_FOREIGN_WORDS = 40


@lru_cache(maxsize=4_096)
def may_refuse(text: str) -> bool:
    """Whether a text may hold a negation in a known language; without one it is no refusal."""
    said = set(_PIECE.findall(text.lower()))
    if not said.isdisjoint(_NEGATING_WORDS) or any(word.endswith("t") and word[-3:] in ("n't", "n’t") for word in said):
        return True
    if any(word[:4] in _NEGATING_STEMS for word in said):
        return True
    return not text.isascii() and any(negation.search(text) for negation, _ in _FOREIGN)


def clauses(text: str) -> Iterator[str]:
    """The clauses of a sentence, split as finely as refusals need."""
    return (clause for clause in _CLAUSE.split(text) if any(map(str.isalnum, clause)))


def is_refusing(clause: str, *, cited: bool = False) -> bool:
    """Whether a clause says that there is no answer: an odd number of negations of telling or finding, with the
    documents or the writer as subject; or, where nothing is cited, with an answer or nothing else at all."""
    clause = _FILLER.sub("", clause)
    if not may_refuse(clause):
        return False
    if any(negation.search(clause) and matter.search(clause) for negation, matter in _FOREIGN):
        said = [word.lower() for word in _PIECE.findall(clause)]
        if len(said) <= _FOREIGN_WORDS and not _is_english(said):
            return True
    if len(_NEGATION.findall(clause)) % 2 == 0:
        return False
    if _REFUSING[cited].search(clause) and _TELLING.search(clause):
        return True
    if _DOCUMENTS_DO_NOT.search(clause):
        return True
    return not cited and (
        _NO_ANSWER.search(clause) is not None or (_TELLING.search(clause) is not None and not content(clause))
    )


def _is_english(said: Collection[str]) -> bool:
    return sum(word in _GENERIC for word in said) > len(said) / 2


def content(text: str) -> list[str]:
    """The content words of a text, lower-cased."""
    return [
        word
        for each in _PIECE.findall(text)
        if (word := each.lower().replace("’", "'")) not in _GENERIC
        and word.removesuffix("'s") not in _GENERIC
        and not _TELLING.fullmatch(word)
        and not _NEGATION.fullmatch(word)
    ]


def beyond(text: str, question: str) -> list[str]:
    """The content words of a text that are not in the question, inflections aside."""
    asked = {word[:4] for word in content(question)}
    return [word for word in content(text) if word[:4] not in asked]


def is_negated(clause: str) -> bool:
    """Whether a clause has an odd number of negations."""
    return len(_NEGATION.findall(clause)) % 2 == 1


def is_of_answer(clause: str) -> bool:
    """Whether a refusing clause denies an answer as such: `I couldn't find an answer to ...`."""
    return _NO_ANSWER_FOUND.search(clause) is not None


def is_reported(sentence: str) -> bool:
    """Whether the sentence reports another's words: a reported refusal is not a refusal."""
    return _REPORTED.search(sentence) is not None


def turns(clause: str) -> bool:
    """Whether a clause contrasts with the one before it."""
    return re.match(r"\W*(?:but|however|although|though|yet)\b", clause, re.IGNORECASE) is not None


def restates(text: str, question: str) -> bool:
    """Whether a text names at least half of the content words of the question."""
    asked = {word[:4] for word in content(question)}
    said = {word[:4] for word in content(text)}
    return not said or 2 * len(said & asked) >= len(asked)


def guesses(clause: str, question: str) -> bool:
    """Whether a refusing clause adds an exception, a guess, or a figure that is not in the question."""
    if _EXCEPT.search(clause) and beyond(_EXCEPT.split(clause)[-1] or "", question):
        return True
    if any(
        (segment[:1].isupper() or segment[:1].isdigit()) and beyond(segment, question)
        for segment in re.split(r",\s+", clause)[1:]
    ):
        return True
    return any(figure not in question for figure in _FIGURE.findall(clause))


def is_about_documents(clause: str) -> bool:
    """Whether a clause says what the documents are about: `which only discuss its length`."""
    return (
        _TOPIC_SUBJECT.match(clause) is not None
        and _TOPIC.search(clause) is not None
        and not re.search(r"\bthat\b", clause[12:])
    )


def is_courtesy(sentence: str, question: str = "") -> bool:
    """Whether a sentence only addresses the reader: `Let me know if you need anything else!`."""
    if _INTERJECTION.fullmatch(sentence):
        return True
    if not _ADDRESS.search(sentence) or re.search(r"\d", sentence):
        return False
    names = re.findall(r"(?<=[^.!?\s] )[A-Z][\w'’]+", sentence)
    return all(name in question or re.match(r"I\b", name) for name in names)


def says_nothing(sentence: str, question: str) -> bool:
    """Whether a sentence holds only words of the question and generic words, and no negation."""
    return not beyond(sentence, question) and not _NEGATION.search(sentence)


_OPENER = re.compile(rf"(?:[^,.;:]{{1,80}},|(?:the )?{SOURCE} \w+ that\b|[^,.;:]{{1,40}}:)\s+", re.IGNORECASE)


def without_opener(sentence: str) -> str:
    """The sentence without an opening phrase that says nothing on the subject: `According to the documents, ...`."""
    found = _OPENER.match(sentence)
    return sentence[found.end() :] if found and not content(found[0]) else sentence
