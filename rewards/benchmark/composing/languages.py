"""Refusals by language, in parts: openings, sources, sentences, what the sources hold instead, closings."""

from __future__ import annotations

from dataclasses import dataclass

from groundeval.rewards.benchmark.language import ABOUT


@dataclass(frozen=True, slots=True)
class Language:
    """The parts of a refusal. Sentences end without a stop; `{}` is the source, and in `held` a document's title."""

    openings: tuple[str, ...]
    sources: tuple[str, ...]
    sentences: tuple[str, ...]
    held: tuple[str, ...]
    stop: str = "."
    closings: tuple[str, ...] = ("",)


_ASKED = ("the answer", "the answer to this question", "an answer to your question", "this information")
_SAYING = (
    *("say this", "mention this", "state this", "specify this", "answer this", "address this", "tell"),
    *(f"{verb} {asked}" for verb in ("contain", "provide", "give", "include", "hold") for asked in _ASKED),
)
_LOOKING = (
    *("I could not find", "I couldn't find", "I was unable to find", "I did not find", "I cannot locate"),
    "I see no sign of",
)
ENGLISH = Language(
    ("", "Unfortunately, ", "I'm sorry, but ", "Sorry. ", "Based on what was provided, "),
    (
        *("the documents", "the provided passages", "the search results", "the given sources", "the retrieved texts"),
        *("these documents", "the excerpts above"),
    ),
    (
        *(f"{{}} {negation} {said}" for negation in ("do not", "don't") for said in _SAYING),
        *(f"{looking} {asked} in {{}}" for looking in _LOOKING for asked in _ASKED),
        *("nothing in {} answers this question", "none of {} answers the question", "there is no answer in {}"),
        *("there is no information about this in {}", "the answer is not in {}", "the answer cannot be found in {}"),
        *("{} leave this open", "the question cannot be answered from {}"),
        "no answer can be given on the basis of {}",
        *("I don't know", "I can't answer this", "I cannot answer the question based on {}", "I have no answer"),
        "I do not know: {} are silent on it",
    ),
    ("", " They only discuss related topics.", *(f" {held}" for held in ABOUT)),
    closings=("", " You may want to consult other sources.", " Please share further documents if you have any."),
)
OTHERS: dict[str, Language] = {
    "German": Language(
        ("", "Leider: ", "Es tut mir leid. "),
        ("den Dokumenten", "den bereitgestellten Texten", "den Suchergebnissen", "den angegebenen Quellen"),
        (
            "In {} steht dazu nichts",
            "In {} wird das nicht erwähnt",
            "Ich konnte in {} keine Antwort auf die Frage finden",
            "Aus {} geht das nicht hervor",
            "Anhand von {} lässt sich die Frage nicht beantworten",
        ),
        ("", " Es geht dort nur um „{}“."),
    ),
    "French": Language(
        ("", "Désolé. ", "Malheureusement, "),
        ("les documents", "les documents fournis", "les sources", "les résultats de recherche"),
        (
            "je n'ai pas trouvé la réponse dans {}",
            "{} ne répondent pas à cette question",
            "{} ne le précisent pas",
            "il n'y a aucune réponse à cette question dans {}",
        ),
        ("", " Il y est seulement question de « {} »."),
    ),
    "Spanish": Language(
        ("", "Lo siento. ", "Lamentablemente, "),
        ("los documentos", "los documentos proporcionados", "las fuentes", "los resultados de la búsqueda"),
        (
            "no encontré la respuesta en {}",
            "{} no responden a esta pregunta",
            "{} no lo mencionan",
            "no hay ninguna respuesta a esta pregunta en {}",
        ),
        ("", " Solo tratan de «{}»."),
    ),
    "Italian": Language(
        ("", "Mi dispiace. ", "Purtroppo "),
        ("i documenti", "i documenti forniti", "i risultati della ricerca"),
        (
            "{} non rispondono a questa domanda",
            "{} non lo dicono",
            "{} non contengono la risposta",
        ),
        ("", " Parlano soltanto di «{}»."),
    ),
    "Portuguese": Language(
        ("", "Sinto muito. ", "Infelizmente, "),
        ("os documentos", "os documentos fornecidos", "os resultados da pesquisa"),
        (
            "{} não respondem a esta pergunta",
            "{} não mencionam isso",
            "não encontrei a resposta: {} não a contêm",
        ),
        ("", " Eles tratam apenas de «{}»."),
    ),
    "Dutch": Language(
        ("", "Sorry. ", "Helaas: "),
        ("de documenten", "de bronnen", "de zoekresultaten"),
        (
            "in {} staat geen antwoord op deze vraag",
            "{} vermelden dit niet",
            "ik heb het antwoord niet gevonden in {}",
        ),
        ("", " Ze gaan alleen over ‘{}’."),
    ),
    "Swedish": Language(
        ("", "Tyvärr. "),
        ("dokumenten", "källorna", "sökresultaten"),
        ("svaret finns inte i {}", "{} innehåller inget svar på frågan", "jag hittade inget svar i {}"),
        ("", " De handlar bara om ”{}”."),
    ),
    "Polish": Language(
        ("", "Niestety. "),
        ("w dokumentach", "w podanych źródłach", "w wynikach wyszukiwania"),
        ("{} nie ma odpowiedzi na to pytanie", "nie znalazłem odpowiedzi {}", "{} nie jest to podane"),
        ("", " Mowa tam tylko o „{}”."),
    ),
    "Russian": Language(
        ("", "К сожалению, "),
        ("в документах", "в предоставленных источниках", "в результатах поиска"),
        ("{} нет ответа на этот вопрос", "{} это не указано", "я не нашёл ответа {}"),
        ("", " Там говорится только о «{}»."),
    ),
    "Turkish": Language(
        ("", "Üzgünüm. "),
        ("belgelerde", "verilen kaynaklarda"),
        ("bu sorunun cevabı {} yok", "{} bu bilgi verilmiyor", "{} cevabı bulamadım"),
        ("",),
    ),
    "Chinese": Language(
        ("", "很抱歉，"),
        ("文档", "提供的资料", "搜索结果"),
        ("{}中没有提到这一点", "我在{}中没有找到答案", "根据{}无法回答这个问题"),
        ("", "其中只谈到“{}”。"),
        "。",
    ),
    "Japanese": Language(
        ("", "申し訳ありませんが、"),
        ("文書", "提供された資料", "検索結果"),
        ("{}には答えが記載されていません", "{}の中に答えは見つかりませんでした", "{}からは回答できません"),
        ("", "「{}」についての情報しかありません。"),
        "。",
    ),
    "Korean": Language(
        ("", "죄송합니다. "),
        ("문서", "제공된 자료", "검색 결과"),
        ("{}에는 답이 없습니다", "{}에서 답을 찾을 수 없습니다"),
        ("",),
    ),
}
"""Other languages than English."""
