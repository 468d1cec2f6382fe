"""Dates in words of other languages, and days in English words, written as English dates of the same length."""

from __future__ import annotations

import re

from groundeval.parsing.strict.words import letters

_NAMES = """
    jan: januar januari janvier enero gennaio janeiro stycznia styczeń января ledna januára tammikuuta ocak ianuarie
        január januára janúar januarja січня януари ιανουαρίου siječnja jaanuar
    feb: februar februari février febrero febbraio fevereiro lutego luty февраля února februára helmikuuta şubat
        februarie február febrúar februarja лютого февруари φεβρουαρίου veljače veebruar
    mar: märz maart mars marts marzo março marca marzec марта března maaliskuuta mart martie március березня март
        μαρτίου ožujka märts
    apr: aprile avril abril avril kwietnia kwiecień апреля dubna apríla huhtikuuta nisan aprilie április apríl aprila
        квітня април απριλίου travnja aprill
    may: mai mei maj mayo maggio maio maja мая května mája toukokuuta mayıs május maí травня май μαΐου svibnja
    jun: juni juin junio giugno junho czerwca czerwiec июня června júna kesäkuuta haziran iunie június júní junija
        червня юни ιουνίου juuni
    jul: juli juillet julio luglio julho lipca lipiec июля července júla heinäkuuta temmuz iulie július júlí julija
        липня юли ιουλίου srpnja juuli
    aug: august augustus août agosto augusti sierpnia sierpień августа srpna augusta elokuuta ağustos augusztus
        ágúst avgusta серпня август αυγούστου kolovoza
    sep: septiembre settembre setembro septembre września wrzesień сентября září septembra syyskuuta eylül
        septembrie szeptember вересня септември σεπτεμβρίου rujna
    oct: oktober octobre octubre ottobre outubro oktobra października październik октября října októbra lokakuuta ekim
        octombrie október жовтня октомври οκτωβρίου oktoober
    nov: novembre noviembre novembro novembra listopadu ноября marraskuuta kasım noiembrie nóvember листопада ноември
        νοεμβρίου studenoga
    dec: dezember décembre diciembre dicembre dezembro grudnia grudzień декабря prosince decembra joulukuuta aralık
        decembrie desember грудня декември δεκεμβρίου prosinca detsember
"""
_MONTHS: dict[str, str] = {}
for _month in re.split(r"\n(?=    \w{3}: )", _NAMES.strip("\n")):
    _short, _, _names = _month.strip().partition(":")
    _MONTHS |= dict.fromkeys(_names.split(), _short)
_DATE = re.compile(
    r"(?<![\d.,])(?P<day>\d{1,2})(?P<to_month>[.º]?\s+(?:de\s+|d['’])?)"
    rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})(?P<to_year>\.?\s+(?:del?\s+)?)(?=[12]\d{{3}}\b)",
    re.IGNORECASE,
)
_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth
    twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
"""
_DAYS = {name: str(number) for number, name in enumerate(_ORDINALS.split(), 1)}
_DAY = re.compile(
    rf"\b(?P<day>{'|'.join(sorted(_DAYS, key=len, reverse=True))})(?=\s+(?:day\s+)?of\s+(?:january|february|march|april"
    r"|may|june|july|august|september|october|november|december)\b)",
    re.IGNORECASE,
)
_DAY_WORDS = frozenset(name.rpartition("-")[2] for name in _DAYS)


def with_english_dates(text: str, filler: str) -> str:
    """The text with the month of `12. Mai 1994` and the day of `twelfth of May` in English and in figures.

    What becomes shorter is filled up with the filler, so that offsets stay.
    """
    said = letters(text)
    if not said.isdisjoint(_MONTHS):
        text = _DATE.sub(lambda found: _in_english(found, filler), text)
    if said.isdisjoint(_DAY_WORDS):
        return text
    return _DAY.sub(lambda found: _DAYS[found[0].lower()].ljust(len(found[0]), filler), text)


def _in_english(found: re.Match[str], filler: str) -> str:
    month = _MONTHS[found["month"].lower()].ljust(len(found["month"]), filler)
    return f"{found['day']}{_blank(found['to_month'])}{month}{_blank(found['to_year'])}"


def _blank(between: str) -> str:
    return " " * len(between)
