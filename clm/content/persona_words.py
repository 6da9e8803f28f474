"""What made-up readers are called and buy, in each language, so that a letter is seen as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass

from clm.content.locale import chain


@dataclass(frozen=True, slots=True)
class Home:
    """Where a typical reader of a language lives, and how things are called there. All names are made up."""

    first_name: str
    last_name: str
    country: str
    zone: str
    goods: tuple[str, ...]
    gift: str
    draw: str
    question: str
    answer: str


_HOMES = {
    "en": Home(
        "Amelia",
        "Carter",
        "GB",
        "Europe/London",
        ("House Assam, 250 g", "Smoked paprika, 70 g", "Masala chai, 200 g", "Cast-iron teapot", "Saffron, 2 g"),
        "a tin of our house chai",
        "a weekend in Darjeeling",
        "How long should I brew it?",
        "Four minutes in water just off the boil; two if you take it without milk.",
    ),
    "fa": Home(
        "نسترن",
        "کریمی",
        "IR",
        "Asia/Tehran",
        (
            "آسام مخصوص مغازه، ۲۵۰ گرم",
            "پاپریکای دودی، ۷۰ گرم",
            "چای ماسالا، ۲۰۰ گرم",
            "قوری چدنی",
            "زعفران سرگل، ۲ گرم",
        ),
        "یک قوطی چای ماسالای خودمان",
        "سفری به باغ‌های چای لاهیجان",
        "چند دقیقه باید دم بکشد؟",
        "چهار دقیقه در آبی که تازه از جوش افتاده؛ اگر بدون شیر می‌نوشید، دو دقیقه.",
    ),
    "ar": Home(
        "ليلى",
        "الحداد",
        "AE",
        "Asia/Dubai",
        ("شاي آسام، 250 غ", "بابريكا مدخّنة، 70 غ", "شاي ماسالا، 200 غ", "إبريق من الحديد الزهر", "زعفران، 2 غ"),
        "علبة من شاي الماسالا الخاص بنا",
        "رحلة إلى مزارع الشاي",
        "كم دقيقة يُنقع؟",
        "أربع دقائق في ماء رُفع للتو عن النار، ودقيقتان لمن يشربه بلا حليب.",
    ),
    "th": Home(
        "สุดารัตน์",
        "ใจดี",
        "TH",
        "Asia/Bangkok",
        ("ชาอัสสัม 250 กรัม", "ปาปริกาเผารมควัน 70 กรัม", "ชามาซาลา 200 กรัม", "กาน้ำชาเหล็กหล่อ", "หญ้าฝรั่น 2 กรัม"),
        "ชามาซาลาสูตรของร้านหนึ่งกระป๋อง",
        "ทริปชมไร่ชาที่เชียงราย",
        "ควรชงนานเท่าไร",
        "สี่นาทีในน้ำที่เพิ่งเดือด หรือสองนาทีถ้าดื่มแบบไม่ใส่นม",
    ),
    "ru": Home(
        "Анна",
        "Соколова",
        "RU",
        "Europe/Moscow",
        ("Ассам, 250 г", "Копчёная паприка, 70 г", "Масала-чай, 200 г", "Чугунный чайник", "Шафран, 2 г"),
        "банка нашего масала-чая",
        "поездка на чайные плантации",
        "Сколько заваривать?",
        "Четыре минуты в воде, только что снятой с огня; без молока хватит двух.",
    ),
}
_ANYWHERE = "en"


def home(locale: str) -> Home:
    """The typical reader of a locale; an English one where nobody has said who that is."""
    language = next((name for name in chain(locale, "") if name in _HOMES), _ANYWHERE)
    return _HOMES[language]
