"""Documents in many scripts, each with the phrases that a multi-vector system would mark for a query about floods."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DOCUMENTS", "Document"]


class Document(NamedTuple):
    """A document; `phrases` are parts of `text` with weights, in the order they stand there."""

    id: str
    lang: str
    title: str | None
    text: str
    phrases: tuple[tuple[str, float], ...]


_LONG = (
    "The lower town has lived with its river for nine hundred years. " * 9
    + "After the last flood the council moved the pumps to the upper floor. "
    + "Nothing else is said here of water. " * 12
)

DOCUMENTS = (
    Document(
        "flood-de",
        "de",
        "Wenn der Fluss steigt",
        "Bei Hochwasser räumt die Feuerwehr zuerst die Keller am Ufer. Sandsäcke liegen im Bauhof bereit, und wer "
        "Hilfe braucht, ruft die Leitstelle an.",
        (("Hochwasser", 0.97), ("Keller", 0.4), ("Sandsäcke", 0.7)),
    ),
    Document(
        "flood-ar",
        "ar",
        "xret: ماذا نفعل عند الفيضان",
        "Rhine يرتفع منسوب النهر بسرعة بعد المطر الغزير، وعند الفيضان تُنقل الأجهزة الثمينة إلى الطابق العلوي، وتُغلق "
        "صمامات الغاز والكهرباء.",
        (("الفيضان", 0.95), ("المطر الغزير", 0.6), ("الغاز", 0.2)),
    ),
    Document(
        "flood-ja",
        "ja",
        "洪水のときの行動",
        "川の水位が上がったら、早めに高い場所へ避難してください。洪水の後は、水につかった電気製品を使わないでください。",
        (("避難", 0.7), ("洪水", 0.98)),
    ),
    Document(
        "flood-he",
        "he",
        None,
        "בזמן שיטפון אין לחצות כבישים מוצפים. יש לעלות לקומה גבוהה ולהמתין לצוותי ההצלה.",
        (("שיטפון", 0.93), ("מוצפים", 0.66)),
    ),
    Document(
        "flood-hi",
        "hi",
        "बाढ़ की तैयारी",
        "बाढ़ आने से पहले ज़रूरी काग़ज़ ऊँची जगह पर रखें और पीने का पानी जमा कर लें।",
        (("बाढ़", 0.96), ("पानी", 0.5)),
    ),
    Document("flood-en", "en", "Pumps of the lower town", _LONG, (("flood", 0.99), ("pumps", 0.55))),
    Document(
        "flood-fa", "fa", "هشدار سیل", "در هنگام سیل از کنار رودخانه دور شوید و به جاهای بلند بروید.", (("سیل", 0.94),)
    ),
    # Offsets: letters outside the BMP, a family joined by ZWJ, combining accents, a flag; "cafe" ends amid an "é".
    Document(
        "odd-und",
        "und",
        "𝔒ffsets 🌊",
        "🌊🌊 𝔣𝔩𝔬𝔬𝔡 👩\u200d👩\u200d👧\u200d👦 cafe\u0301 flood 🇫🇷 e\u0301te\u0301 flood.",
        (("𝔣𝔩𝔬𝔬𝔡", 0.9), ("cafe", 0.3), ("flood", 0.8)),
    ),
    Document(
        "flood-fr",
        "fr",
        "Après la crue",
        "La crue a laissé de la boue partout. Les voisins pompent l'eau des caves et "
        "font sécher les meubles au soleil.",
        (("crue", 0.95), ("pompent l'eau", 0.6)),
    ),
    Document(
        "flood-ru",
        "ru",
        "Паводок",
        "Во время паводка не выходите к реке и держите документы при себе.",
        (("паводка", 0.9),),
    ),
    Document(
        "hostile",
        "en",
        "<img src=x onerror=document.title='owned'>",
        "<script>document.title='owned'</script><b>bold?</b> flood \u202e reversed </div></li>",
        (("<b>bold?</b>", 0.9),),
    ),
    Document("flood-th", "th", "น้ำท่วม", "เมื่อน้ำท่วมให้ตัดไฟและย้ายของขึ้นที่สูง", (("น้ำท่วม", 0.92),)),
    Document("flood-en-2", "en", "Insurance after a flood", "Photograph every room before you start to clean it.", ()),
)
