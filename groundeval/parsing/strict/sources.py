"""Words that name a source, in the languages that the grammar of citations knows."""

from __future__ import annotations

SOURCE = (
    r"(?:documents?|docs?|sources?|refs?|references?|passages?|(?:search )?results?|contexts?|snippets?|excerpts?|"
    r"citations?|footnotes?|dokument\w*|quellen?|document[oi]s?|fuentes?|font[ei]s?|bron(?:nen)?|belge\w*|kaynak\w*"
    r"|документ\w*|источник\w*|джерел\w*|文档|文献|文件|资料|来源|資料|出典|문서|자료|출처|وثيقة|المستند|مستند|المصدر|مصدر"
    r"|दस्तावेज़?|स्रोत|เอกสาร|แหล่ง|tài liệu)"
)
"""Words that name a source, in the languages that the grammar knows."""
