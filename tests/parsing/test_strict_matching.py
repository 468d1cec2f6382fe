"""Finding gold answers on token boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.strict.folding import folded
from groundeval.parsing.strict.matching import equals, holds, spelled
from groundeval.parsing.strict.tokens import tokens


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("Paris", "It is Paris."),
        ("Paris", "It is Paris's best."),
        ("Paris", "the Paris-based firm"),
        ("Paris", "Paris–London"),
        ("the United States", "in United States of America"),
        ("4,207 metres", "about 4207 metres high"),
        ("4207 metres", "about 4,207 metres high"),
        ("U.S.", "the US army"),
        ("US", "the U.S. army"),
        ("L'Orfeo", "his opera L’Orfeo was"),
        ("H. G. Wells", "by H. G. Wells"),
        ("H.G. Wells", "by H.G. Wells."),
        ("9 November 1989", "on 9 November 1989."),
        ("ﬁve", "five of them"),
    ],
)
def test_an_alias_is_found_however_it_is_punctuated(alias: str, text: str):
    assert holds([alias], tokens(text))


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("2", "in 1992"),
        ("2", "4,207"),
        ("207 metres", "4,207 metres"),
        ("12 million", "1.2 million"),
        ("2", "1.2"),
        ("Oslo", "in Osloer"),
        ("Rome", "Romeo"),
        ("art", "party"),
        ("...", "anything at all"),
        ("the", "the cat"),
        ("", "anything at all"),
        ("Paris London", "Paris and London"),
    ],
)
def test_an_alias_inside_a_longer_word_or_number_or_without_tokens_is_not_found(alias: str, text: str):
    assert not holds([alias], tokens(text))


def test_an_item_must_be_the_whole_alias():
    assert equals(["The Harvesters"], tokens("Harvesters"))
    assert not equals(["Harvesters"], tokens("The Harvesters of 1565"))
    assert not equals([""], tokens("..."))


@pytest.mark.parametrize(
    ("alias", "text", "question", "written"),
    [
        ("4,207 metres", "about 4,207 metres", "", "4,207 metres"),
        ("4,207 metres", "about 4207 m high", "", "4207 m"),
        ("10,000 metres", "about 10 km", "", "10 km"),
        ("10,000 metres", "over ten thousand metres", "", "ten thousand metres"),
        ("15 cm", "about 150 mm deep", "", "150 mm"),
        ("4 g", "4,000mg a day", "", "4,000mg"),
        ("2.5 kg", "2500 grammes", "", "2500 grammes"),
        ("8.50 am", "in class by 08:50", "", "08:50"),
        ("8:50 p.m.", "ab 20.50 Uhr", "", "20.50 Uhr"),
        ("9 am", "from 9:00 on", "", "9:00"),
        ("4 March 1890", "on 4th March 1890", "", "4th March 1890"),
        ("4 March 1890", "on March 4, 1890", "", "March 4, 1890"),
        ("17 November 1869", "on the 17th of November 1869", "", "17th of November 1869"),
        ("17 November 1869", "on 17 Nov. 1869", "", "17 Nov. 1869"),
        ("Herbert George Wells", "by H. G. Wells", "", "H. G. Wells"),
        ("Herbert George Wells", "by HG Wells", "", "HG Wells"),
        ("Merian Cooper", "by Merian C. Cooper", "", "Merian C. Cooper"),
        ("United States", "in the United States", "", "United States"),
        ("U.S.", "The U. S. bought it", "", "U. S"),
        ("two", "Mars has 2 moons", "", "2"),
        ("fifteen players", "a team fields 15", "How many players are there?", "15"),
        ("東京", "首都は東京です", "", "東京"),
        ("서울", "수도는 서울이다", "", "서울"),
        ("กรุงเทพ", "เมืองหลวงคือกรุงเทพมหานคร", "", "กรุงเทพ"),
    ],
)
def test_the_same_thing_is_found_however_it_is_spelled(alias: str, text: str, question: str, written: str):
    assert spelled([alias], text, question) == written


@pytest.mark.parametrize(
    ("alias", "text", "question"),
    [
        ("108 grains", "10⁸ grains", ""),
        ("4,207 metres", "4,207 feet", ""),
        ("10 km", "10 m", ""),
        ("15 cm", "15 mm", ""),
        ("8.50 am", "8.50 pm", ""),
        ("8.50 am", "version 8.50", ""),
        ("4 March 1890", "on 5 March 1890", ""),
        ("Herbert George Wells", "by J. G. Wells", ""),
        ("Merian Cooper", "by Merian and Gary Cooper", ""),
        ("fifteen players", "a team fields 15", "How big is a team?"),
        ("art", "a party", ""),
    ],
)
def test_another_thing_is_not_found(alias: str, text: str, question: str):
    assert spelled([alias], text, question) is None


def test_letter_forms_are_folded_and_raised_figures_are_not():
    assert folded("ⓡ𝗼ｍｅ ﬁ 🅰") == "rome fi A"
    assert folded("10⁶ CO₂ 3½ ™") == "10⁶ CO₂ 3½ ™"


@given(strict_text)
def test_a_text_holds_itself_if_it_has_tokens(text: str):
    found = tokens(text)
    assert holds([text], found) == equals([text], found) == bool(found)


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("12 May 1874", "lit on 1874-05-12."),
        ("12 May 1874", "lit on 12.05.1874."),
        ("May 12, 1874", "lit on 12. 5. 1874"),
        ("31 December 1874", "lit on 12/31/1874"),
        ("12 May 1874", "1874年5月12日"),
        ("12 May 1874", "on the 12th day of May, 1874"),
        ("17 November 1869", "in November 1869, on the 17th"),
        ("2,406 pipes", "two thousand four hundred and six pipes"),
        ("306", "three hundred six"),
        ("1,500,000", "1.5 million"),
    ],
)
def test_dates_in_figures_and_long_number_words_are_found(alias: str, text: str):
    assert spelled([alias], text) is not None


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("5 December 1874", "on 05/12/1874"),
        ("12 May 1874", "1874-12-05"),
        ("12 May 1874", "version 12.5.1874.3"),
        ("105", "one hundred, five"),
        ("306", "three hundred and six hundred"),
        ("22", "twenty and two"),
    ],
)
def test_a_date_that_may_mean_two_days_and_numbers_side_by_side_are_not_found(alias: str, text: str):
    assert spelled([alias], text) is None


@pytest.mark.parametrize(
    ("alias", "text", "is_given"),
    [
        ("12 May 1994", "Der Film kam am 12. Mai 1994 ins Kino.", True),
        ("12 May 1994", "Der Film kam am 12. Juni 1994 ins Kino.", False),
        ("12 May 1994", "el 12 de mayo de 1994", True),
        ("12 May 1994", "1994년 5월 12일에 개봉했다", True),
        ("12 May 1994", "on the twelfth of May, 1994", True),
        ("12 May 1994", "on the eleventh of May, 1994", False),
        ("8,412", "Port Selby hatte 2021 laut der Zählung 8.412 Einwohner.", True),
        ("8,412", "The value of the constant is 8.412 in the table.", False),
        ("340 metres", "Das Wrack liegt in 340 Metern Tiefe auf dem Grund.", True),
        ("340 metres", "The wreck is in the sea at 340 fathoms.", False),
    ],
)
def test_dates_and_numbers_in_another_language_match_by_their_values(alias: str, text: str, is_given: bool):
    assert (spelled([alias], text) is not None) == is_given


@pytest.mark.parametrize(
    ("alias", "text", "is_given"),
    [
        ("1,410 metres", "该山高1410米。", True),
        ("120 km", "全长120公里", True),
        ("4.2 million euros", "耗资420万欧元", True),
        ("4.2 million euros", "Sie kostete rund 4,2 Millionen Euro", True),
        ("1,410 metres", "१४१० मीटर", True),
        ("1,410 metres", "该山高1411米。", False),
        ("4.2 million euros", "耗资42万欧元", False),
        ("10 km", "Es sind 10 Meter", False),
        ("102 million dollars", "it cost $102M", True),
        ("$102 million", "it cost one hundred and two million dollars", True),
        ("102 million dollars", "it is 102 m long", False),
        ("2.5 to 3.5 metres", "it spans 250 to 350 cm", True),
        ("2.5 to 3.5 metres", "it spans 250 to 350 mm", False),
        ("Nausicaä", "Nausicaa", True),
        ("Krakow", "Kraków", True),
        ("Nausicaä", "Nausicab", False),
    ],
)
def test_numbers_of_other_languages_money_ranges_and_accents(alias: str, text: str, is_given: bool) -> None:
    assert (spelled([alias], text) is not None) == is_given


@pytest.mark.parametrize(
    ("alias", "text", "is_given"),
    [
        ("12 April 1981", "STS-1: April 12, 1981", True),
        ("12 April 1981", "Apollo 7 (April 12, 1981)", True),
        ("12 April 1981", "shuttle flight 1 april 12, 1981", True),
        ("12 April", "flight 1: Apr. 12", True),
        ("12 April 1981", "on 12. April 1981", True),
        ("12 April 1981", "12-Apr-1981", True),
        ("12 April", "on the 12th of April 20 people came", True),
        ("1 April", "flight 1: April 12", False),
        ("1 April 1981", "flight 1: April 12, 1981", False),
        ("7 April 1981", "Apollo 7 April 12, 1981", False),
    ],
)
def test_a_number_before_a_month_is_its_day_only_if_nothing_parts_the_two(alias: str, text: str, is_given: bool):
    assert (spelled([alias], text) is not None) == is_given


@pytest.mark.parametrize(
    ("alias", "texts"),
    [
        ("63.5 °C", ["63.5℃", "63.5 ºC", "63.5 degrees C", "63.5 deg. C", "63.5 degrees Celsius", "63.5 oC", "63.5˚C"]),
        ("146.3 °F", ["146.3℉", "146.3 degrees Fahrenheit", "146.3ºF"]),
        ("336.65 K", ["336.65 kelvins"]),
        ("8 degrees", ["8°", "8º", "8 deg"]),
        ("12 km", ["12 ㎞", "12 kilometres", "12,000 m"]),
        ("3 m²", ["3 ㎡", "3 m2", "3 m^2", "3 square metres", "3 sq. m"]),
        ("3 km²", ["3 ㎢", "3,000,000 m²"]),
        ("3 cubic feet", ["3 ft³", "3 cu ft"]),
        ("7 μm", ["7 µm", "7 ㎛", "7 micrometres", "0.007 mm"]),
        ("40,000,000 km", ["40 million km"]),
        ("40%", ["40 per cent", "40 percent", "40 %"]),
    ],
)
def test_a_unit_may_be_a_sign_a_word_or_squared(alias: str, texts: list[str]):
    assert [text for text in texts if spelled([alias], f"It is {text} there.") is None] == []


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("63.5 °C", "63.5℉"),
        ("63.5 °C", "63.5 degrees"),
        ("63.5 °C", "63.5 K"),
        ("3 km²", "3000 m²"),
        ("3 cm³", "0.03 m³"),
        ("3 m²", "3 m³"),
        ("3 m²", "3 square feet"),
        ("40,000,000 km", "40,000,000 m"),
    ],
)
def test_another_unit_or_power_is_another_thing(alias: str, text: str):
    assert spelled([alias], f"It is {text} there, as the table says.") is None
