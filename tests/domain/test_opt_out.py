"""What people write when they want no more messages, and what they write otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clm.domain.opt_out import TWILIO_WORDS, answered_by_twilio, is_bare_yes, understand

STOP = {
    "English": (
        "STOP", "stop.", "Stop!!!", "  sToP \n", "s.t.o.p", "S T O P", "STOOOOOP", "🛑 stop 🛑", "STOP 1", "Stopp",
        "Stop please", "PLEASE STOP!", "pls stop", "ok stop now thanks", "stop stop stop", "stop it", "No, stop",
        "please stop texting me", "Stop txting me", "stop sending me this", "unsubscribe", "unsubscribe me",
        "plz unsub", "UNSUBSCRIBE!", "opt out", "opt-out", "OPTOUT", "I'd like to opt out of these", "Cancel", "END",
        "quit", "revoke", "STOPALL", "stop all", "remove me", "take me off your list",
        "Remove me from this list please",
        "do not contact me again", "Don't text me anymore", "Don't text me. STOP", "don’t message me", "leave me alone",
        "no more texts please", "cancel my subscription", "I withdraw my consent", "wrong number", "lose my number",
        "can you stop?", "How do I stop this?", "I want this to stop", "STOP I never signed up for this",
        "Stop, I don't want this", "why don't you stop", "why won't you stop texting me", "not interested",
        "stop sending me these offers every single day of the week, I have had enough of it all, honestly",
        "Hi! How do I unsubscribe?", "I don't want to receive these", "ＳＴＯＰ", "st\u00adop", "s\u200btop",
    ),
    "Persian": (
        "لغو", "توقف", "لغو۱۱", "لغو11", "۱۱ لغو", "لغو.", "لطفاً لغو", "لغو کنید لطفا", "لغو عضویت", "لغو پيامك",
        "دیگه پیام نفرستید", "لطفا دیگر پیامک نفرستید", "نمی‌خواهم", "پیامک نمی‌خوام", "شماره من را حذف کنید", "قطع کنید",
        "مزاحم نشوید", "لـــغو", "بس است",
    ),
    "Arabic": (
        "إلغاء", "الغاء", "إلـغـاء", "إِلْغَاء", "توقف", "أوقف", "أوقفوا الرسائل", "إيقاف", "قف", "لا ترسل",
        "لا ترسلوا لي رسائل", "إلغاء الاشتراك", "الغاء الاشتراك من فضلك", "احذفوا رقمي", "لا أريد رسائلكم",
        "ما أبي رسائل", "كفى",
    ),
    "Thai": (
        "ยกเลิก", "หยุด", "ยกเลิกครับ", "ยกเลิกค่ะ", "กรุณายกเลิก", "ขอยกเลิกการรับข่าวสาร", "ยกเลิก SMS", "หยุดส่ง",
        "หยุดส่งข้อความได้แล้ว", "หยุดได้แล้ว", "ไม่ต้องส่งมาอีก", "เลิกส่งได้แล้วนะ", "ไม่รับข้อความแล้ว", "STOP ครับ", "อย่าส่งมาอีก",
    ),
    "Russian": (
        "стоп", "СТОП!", "Стоп, пожалуйста", "отписаться", "Отпишите меня", "отпишите меня пожалуйста", "отписка",
        "хочу отписаться", "не присылайте больше", "Не пишите мне", "хватит!", "прекратите рассылку", "отмена",
        "отказ от рассылки", "удалите мой номер", "оставьте меня в покое", "больше не надо",
    ),
    "Spanish": ("BAJA", "PARAR", "baja por favor", "darme de baja", "quiero darme de baja", "no me envíen más",
                "cancelar", "dejen de enviarme mensajes", "no quiero recibir más", "salir"),
    "French": ("ARRET", "ARRÊT", "Stop svp", "arrêtez", "merci d'arrêter les sms", "désabonnez-moi", "stop pub",
               "ne m'envoyez plus de sms", "je ne veux plus de vos messages", "me désabonner"),
    "German": ("STOPP", "Stopp bitte", "abmelden", "bitte keine SMS mehr", "hör auf", "Hören Sie auf!", "kündigen",
               "Löschen Sie meine Nummer", "ENDE", "lasst mich in Ruhe"),
    "Portuguese": ("SAIR", "PARAR", "pare de enviar", "não envie mais", "me descadastre", "cancelar", "quero sair",
                   "não quero receber"),
    "Italian": ("ANNULLA", "basta", "basta sms", "non inviatemi più sms", "cancellami", "Disiscrivimi per favore"),
    "Turkish": ("DUR", "DURDUR", "İPTAL", "iptal et", "ıptal", "mesaj atmayın", "sms istemiyorum",
                "lütfen mesaj göndermeyin"),
}  # fmt: skip
SOMETHING_ELSE = {
    "English": (
        "don't stop", "Don’t stop!", "I can't stop wearing it", "when does the bus stop?", "never stop", "non-stop fun",
        "Which stop is nearest?", "the next stop", "bus stop", "I'll stop by tomorrow", "stop my order",
        "cancel my order please", "don't stop texting me, I love it", "please don't unsubscribe me",
        "I don't want to opt out", "at the weekend", "the end was great", "I quit my job yesterday",
        "Nothing can stop me now", "it never stops", "no", "No thanks", "fine", "red", "Thanks!", "Where is my order?",
        "unstoppable", "what time do you open", "full stop", "do you stop at Leeds?", "one-stop shop",
        "remove the lid?",
    ),
    "Persian": ("لغو سفارش", "متوقف نکنید", "ایستگاه توقف", "سفارشم کجاست؟", "ممنون", "نه", "بله"),
    "Arabic": ("إلغاء الطلب", "متى يتوقف الباص", "لا تتوقف", "شكرا", "نعم", "أبدا", "لا"),
    "Thai": ("ยกเลิกคำสั่งซื้อ", "ร้านหยุดวันไหน", "วันหยุดเปิดไหม", "อย่าหยุดส่ง", "ขอบคุณค่ะ", "ไม่"),
    "Russian": ("нон-стоп", "не отписывайте меня", "где автобусная остановка", "спасибо", "нет", "отменить заказ"),
    "others": (
        "cancelar mi pedido", "no pares", "para mi madre", "n'arrêtez pas", "c'est dur", "non", "nicht stoppen",
        "das Ende der Woche", "siparişimi iptal edin", "durma", "não pare", "annulla il mio ordine",
    ),
    "nothing": ("", " ", "👍", "12345", "…?!", "\u200c"),
}  # fmt: skip
START = ("START", "start please", "unstop", "YES", "Start again", "subscribe", "شروع", "اشتراك", "เริ่ม", "สมัครครับ",
         "подписаться", "Старт!", "alta", "anmelden", "başlat")  # fmt: skip
HELP = ("HELP", "help?", "INFO", "help me please", "راهنما", "کمک", "مساعدة", "ช่วยเหลือ", "ช่วยเหลือหน่อยค่ะ", "помощь",
        "ayuda", "aide", "Hilfe", "ajuda", "aiuto", "yardım")  # fmt: skip


def _cases(table: dict[str, tuple[str, ...]]) -> list[object]:
    return [pytest.param(text, id=f"{tongue}: {text!a}") for tongue, texts in table.items() for text in texts]


@pytest.mark.parametrize("text", _cases(STOP))
def test_an_opt_out_is_understood(text: str) -> None:
    """However somebody says that they want no more messages, that is what is understood."""
    assert understand(text) == "stop"


@pytest.mark.parametrize("text", _cases(SOMETHING_ELSE))
def test_something_else_is_no_opt_out(text: str) -> None:
    """A word for stopping that plainly speaks of something else, or is turned round, opts nobody out or in."""
    assert understand(text) is None


@pytest.mark.parametrize("text", START)
def test_starting_again_is_understood(text: str) -> None:
    """The words for starting again, with a please or without."""
    assert understand(text) == "start"


@pytest.mark.parametrize("text", HELP)
def test_asking_for_help_is_understood(text: str) -> None:
    """The words for help, with a please or without."""
    assert understand(text) == "help"


@pytest.mark.parametrize(("word", "meaning"), TWILIO_WORDS.items())
def test_what_twilio_understands_we_understand(word: str, meaning: str) -> None:
    """Twilio acts on these words by itself; what we keep must not say otherwise."""
    for written in (word, word.upper(), f" {word.title()}\n"):
        assert understand(written) == meaning
        assert answered_by_twilio(written)
    assert not answered_by_twilio(f"{word} please")


def test_a_bare_yes_is_told_from_the_others() -> None:
    """YES starts again, but answers other questions too."""
    assert is_bare_yes("Yes!")
    assert not is_bare_yes("START")


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    """Whatever characters come, there is an answer, and capitals make no difference to an opt-out."""
    assert understand(text) in {"stop", "start", "help", None}


@given(
    st.sampled_from([text for texts in STOP.values() for text in texts]), st.sampled_from(["🙏", "!!", " ", "\n", "7"])
)
def test_what_is_no_letter_changes_nothing(text: str, ornament: str) -> None:
    """Pictures, figures and punctuation around an opt-out leave it one."""
    assert understand(f"{ornament}{text}{ornament}") == "stop"
