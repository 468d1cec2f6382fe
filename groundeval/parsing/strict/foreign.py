"""Refusals in other languages than English: a negation beside a word for answer, document or knowing."""

from __future__ import annotations

import re

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.words import letters

APOLOGY = (
    r"(?:(?:sinto|lamento)(?: muito)?|desculp[ae]\w*|désolée?s?|pardon|(?:lo )?(?:siento|lamento)(?: mucho)?"
    r"|disculp[ea]\w*|perdón|lamentablemente|mi dispiace|spiacente|purtroppo|malheureusement|infelizmente"
    r"|(?:es tut mir |tut mir )?leid|leider|bedaure|entschuldigung|helaas|het spijt me|tyvärr|förlåt|beklager"
    r"|desværre|dessverre|valitettavasti|niestety|przykro mi|przepraszam|bohužel|sajnos|üzgünüm|maalesef"
    r"|к сожалению|извините|простите|죄송합니다|미안합니다|很?抱歉|对不起|對不起|申し訳(?:ありません|ございません)"
    r"|すみません|残念ながら|آسف|عذرا|للأسف|क्षमा करें|מצטער)"
)
"""What opens a refusal and says nothing."""
_LANGUAGES = (
    (
        r"\b(?:kein\w*|nicht|nichts|nirgends|nirgendwo)\b",
        r"\b(?:antwort\w*|beantwort\w*|\w*dokument\w*|quelle\w*|suchergebnis\w*|textstelle\w*|angaben?"
        r"|informationen|weiß|passagen|genannt|erwähnt|angegeben|hervor|vermerkt|steht|gefunden|findet)\b",
    ),
    (
        r"(?:\bne\b|\bn['’]|\bpas\b|\baucun\w*|\brien\b|\bimpossible\b)",
        r"\b(?:réponses?|répondre|sais|documents? (?:ne|fourni\w*)|les documents|résultats|sources? (?:ne"
        r"|fourni\w*)|informations?|indiqué\w*|précisé\w*|mentionné\w*|trouvé?\w*)\b",
    ),
    (
        r"\b(?:no|ning[uú]n\w*|nada|desconozco)\b",
        r"\b(?:respuestas?|responder|documentos|fuentes|resultados|sé|información|indican?|mencionan?|encuentr\w+)\b",
    ),
    (
        r"\b(?:non|nessun\w*|niente)\b",
        r"\b(?:rispost\w+|rispondere|documenti|fonti|risultati|lo so|informazion\w+"
        r"|indicat[oaie]|riportat[oaie]|menzionat[oaie]|dicono)\b",
    ),
    (r"\b(?:não|nenhum\w*|nada)\b", r"\b(?:respostas?|responder|documentos|fontes|resultados|sei|informaç\w+)\b"),
    (
        r"\b(?:geen|niet|niets|nergens)\b",
        r"\b(?:antwoord\w*|beantwoord\w*|documenten|bronnen|zoekresultaten|weet|informatie|vermeld|genoemd|gevonden)\b",
    ),
    (
        r"\b(?:inte|inget|inga|ikke|ingen|intet)\b",
        r"\b(?:svar\w*|besvar\w*|dokument\w*|vet|ved|käll\w*|kild\w*|sökresultat\w*|information\w*)\b",
    ),
    (
        r"\b(?:nie|brak)\b",
        r"\b(?:odpowied\w+|dokument\w*|wiem|źródł\w*|informacj\w*|wynik\w*|podan\w*|wymienion\w*|wspomnian\w*)\b",
    ),
    (
        r"\b(?:не|нет|ни\w*|умалчива\w*)\b",
        r"\b(?:указан\w*|назван\w*|упом\w+|ответ\w*|документ\w*|источник\w*|результат\w*|знаю|информаци\w*)\b",
    ),
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
    (
        r"\b(?:ei|eivät|en|puuttu\w*)\b",
        r"\b(?:vasta(?:u|t)\w*|asiakirj\w*|dokument\w*|läht\w*|tietoa?|tiedä|löy\w*|hakutulo\w*|maini\w*)\b",
    ),
    (
        r"\b(?:tidak|tak|bukan|belum|tiada)\b",
        r"\b(?:jawa[bp]an\w*|menjawab|dokumen\w*|sumber\w*|informasi|maklumat|tahu|ditemukan|menemukan|hasil|\w*sebutkan)\b",
    ),
    (
        r"\b(?:ne\w+|nie|žádn\w*|žiadn\w*|nic)\b",
        r"\b(?:odpov[ěe][dď]\w*|dokument\w*|zdroj\w*|inform[aá]c\w*|výsled\w*|uveden\w*|nev[íi]m\w*|neviem)\b",
    ),
    (
        r"\b(?:nu|nici\w*|nimic)\b",
        r"\b(?:r[ăa]spun\w*|document\w*e|surse\w*|informați\w*|știu|rezultate\w*|menționa\w*)\b",
    ),
    (r"(?:không|chưa|chẳng)", r"(?:trả lời|tài liệu|nguồn|thông tin|kết quả|biết|đề cập|tìm thấy)"),
    (
        r"\b(?:δεν|δε|μη|καμία|κανένα\w*|τίποτα)\b",
        r"\b(?:απάντησ\w*|απαντ\w*|έγγραφ\w*|πηγ\w*|πληροφορ\w*|γνωρίζω|ξέρω|αποτελέσματα|αναφέρ\w*|βρήκα)\b",
    ),
    (
        r"\b(?:не|нема\w*|ні\w*|няма|није|нису|нищо)\b",
        r"\b(?:відповід\w*|отговор\w*|одговор\w*|документ\w*|джерел\w*|източни\w*|извор\w*|інформаці\w*|информаци\w*|знам?ю?"
        r"|результат\w*|резултат\w*)\b",
    ),
    (
        r"\b(?:ne|nije|nisu|nema|nisam|nijed\w+|ni|niso|nič)\b",
        r"\b(?:odgovor\w*|dokument\w*|izvor\w*|informacij\w*|podat\w*|znam|vem|rezultat\w*)\b",
    ),
    (
        r"\b(?:nem|nincs\w*|sem|semmi\w*)\b",
        r"\b(?:válasz\w*|dokumentum\w*|forrás\w*|információ\w*|tudom|talál\w*|eredmény\w*)\b",
    ),
    (r"(?:אין|לא|אינ|ללא)", r"(?:תשוב|מסמכ|מקור|מידע|יודע|תוצאות|מצאתי)"),
    (r"(?:ไม่|มิได้|ไร้)", r"(?:คำตอบ|เอกสาร|ข้อมูล|แหล่ง|ทราบ|ผลการค้นหา|ตอบ|ระบุ)"),
    (r"(?:نیست|نمی|ندار|نشد|هیچ|نیاف|نکرد)", r"(?:پاسخ|جواب|اسناد|سند|منابع|اطلاعات|نتایج|دانم)"),
    (r"(?:نہیں)", r"(?:جواب|دستاویز|معلوم|نتائج)"),
    (r"(?:নেই|না|নি)", r"(?:উত্তর|নথি|তথ্য|উৎস|জানি|ফলাফল|দলিল)"),
    (r"(?:இல்லை|வில்லை)", r"(?:பதில்|ஆவண|தகவல்|விடை)"),
    (r"(?:లేదు|లేవు)", r"(?:సమాధాన|పత్ర|సమాచార|జవాబు)"),
    (
        r"\b(?:no|cap|res)\b",
        r"\b(?:resposta|respostes|respondre|documents no|els documents|les fonts|informació)\b",
    ),
    (r"\b(?:ei|pole|puudu\w*)\b", r"\b(?:vastus\w*|dokumen\w*|allika\w*|teave\w*|tea)\b"),
    (r"\b(?:nėra|ne\w+)\b", r"\b(?:atsaky\w*|dokument\w*|šaltini\w*|informacij\w*)\b"),
    (r"\b(?:nav|ne\w+)\b", r"\b(?:atbild\w*|dokument\w*|avot\w*|informācij\w*)\b"),
    (r"\b(?:wala\w*|hindi)\b", r"\b(?:sagot|dokumento|impormasyon|alam)\b"),
    (r"\b(?:haina|hakuna|hazina|hayana|sijui|si|haku\w+)\b", r"\b(?:majibu|jibu|hati|nyaraka|habari|sijui)\b"),
)
"""For each language its negations, and its words for answers, documents and knowing."""
_PATTERNS = tuple((re.compile(each, re.IGNORECASE), re.compile(matter, re.IGNORECASE)) for each, matter in _LANGUAGES)
_ANY_NEGATION = re.compile("|".join(f"(?:{each})" for each, _ in _LANGUAGES), re.IGNORECASE)


_ABSENCES = re.compile(
    r"\b(?:schweig\w+|fehl(?:t|en)|unklar|unbekannt|manqu(?:e|ent)|inconnue?s?|manca(?:no)?|falta[n]?|desconocid\w+"
    r"|ontbre\w+|onbekend|saknas|mangler|brakuje|nieznan\w+|отсутств\w+|неизвест\w+)\b|不明|不详|未知|不詳|미상",
    re.IGNORECASE,
)
"""Words for what is missing or unknown, which need no negation."""


_PLAIN = """
    nicht nichts ne n pas rien no nada desconozco non niente geen niet niets inte inget inga ikke ingen intet nie brak
    nirgends nirgendwo nergens bilmiyorum tidak tak bukan belum tiada ei en nu nimic nic nem sem ni nije nisu nisam niso
    cap res pole nav hindi si impossible
"""
_PLAIN_WORDS = frozenset(_PLAIN.split())
_STEMS = """
    kein aucu ning ness nenh bulu puut puud nici ninc semm nije wala haku hain hazi haya siju
    schw fehl unkl unbe manq inco manc falt desc ontb onbe sakn mang brak niez
"""
_PLAIN_STEMS = frozenset(_STEMS.split())
"""Negations without accents, and the beginnings of others, to tell at once that a text in plain letters has none."""


@remembered(4_096)
def has_negation(text: str) -> bool:
    """Whether a text holds a negation, or a word for what is missing, in one of the languages."""
    said = letters(text)
    if "".join(said).isascii() and not any(map(_may_negate, said)):
        return False
    return _ANY_NEGATION.search(text) is not None or _ABSENCES.search(text) is not None


@remembered(16_384)
def _may_negate(word: str) -> bool:
    return (
        word in _PLAIN_WORDS
        or word[:4] in _PLAIN_STEMS
        or word.startswith(("ne", "yok"))
        or any(each in word for each in ("mad", "med", "yor"))
    )


def denies(clause: str) -> bool:
    """Whether a clause negates an answer, a document or knowing in one of the languages."""
    return has_negation(clause) and any(
        negation.search(clause) and matter.search(clause) for negation, matter in _PATTERNS
    )
