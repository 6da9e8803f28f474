"""The words by which people say stop, start and help, language by language (the rule is in clm.domain.opt_out).

Accents may be left out: these are made plain as what people write is. Bare yes and no are in no list but Twilio's own:
they answer whatever was asked, and are no word about messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from clm.domain import plain_words


def _words(text: str) -> frozenset[str]:
    return frozenset(plain_words.words(text))


def _phrases(text: str) -> frozenset[str]:
    """Phrases, separated by commas."""
    return frozenset(" ".join(plain_words.words(phrase)) for phrase in text.split(","))


@dataclass(frozen=True, slots=True)
class Tongue:
    """How one language says it. What is not of any use in a language is left empty."""

    stop: frozenset[str]
    """Words that in a short message mean: no more of these."""
    stop_whole: frozenset[str]
    """What means that only where it is the whole message: `cancel` is one thing, `cancel my order` another."""
    stop_phrases: frozenset[str]
    """What means that wherever it stands."""
    start: frozenset[str]
    help: frozenset[str]
    courtesy: frozenset[str] = frozenset()
    """Words that change nothing, dropped before anything is compared."""
    not_: frozenset[str] = frozenset()
    """Words that turn what follows round: do not stop."""
    not_after: frozenset[str] = frozenset()
    """The same, where the word follows."""
    other_before: frozenset[str] = frozenset()
    """After these the word is something else: the bus stop."""
    other_after: frozenset[str] = frozenset()
    """Before these the word is something else: stop by, stop my parcel."""
    questions: frozenset[str] = frozenset()
    """A clause that begins with one asks for something else."""


ENGLISH = Tongue(
    stop=_words("stop stopp stpo sotp stip stopall unsubscribe unsuscribe unsubscibe unsub optout desist"),
    stop_whole=_phrases(
        "end, quit, cancel, revoke, opt out, stop all, remove, remove me, block, enough, no more, cease, stop end,"
        " cancel all, delete, delete me, quit it, fuck off, go away, piss off, not interested, im not interested,"
        " no longer interested, wrong number, end texts, cancel texts, cancel messages, quit texting me"
    ),
    stop_phrases=_phrases(
        "stop texting, stop txting, stop sending, stop messaging, stop contacting, stop calling, stop spamming,"
        " stop bothering, stop emailing, stop all texts, stop all messages, stop the texts, stop the messages,"
        " stop these texts, stop these messages, stop your texts, stop your messages, stop promotions, stop promo,"
        " stop marketing, stop spam, unsubscribe me, opt me out, opt out of, want to opt out, like to opt out,"
        " wish to opt out, opting out, remove me from, take me off, take my number off, remove my number,"
        " delete my number, lose my number, remove this number, do not text me, do not contact me, do not message me,"
        " do not send me any, do not send me anything, dont text me, dont contact me, dont message me,"
        " dont send me any, dont send me anything, dont send me these, do not send me these, leave me alone,"
        " no more texts, no more text, no more messages, no more sms, no more marketing, no more spam, quit texting,"
        " quit sending, quit messaging, cease and desist, cancel my subscription, cancel subscription,"
        " end my subscription, cancel these texts, cancel these messages, revoke my consent, revoke consent,"
        " withdraw my consent, withdraw consent, dont want these texts, dont want these messages,"
        " dont want your texts, dont want your messages, dont want any more, dont want to receive,"
        " do not want to receive, dont want to get, do not wish to receive, no longer wish to receive,"
        " no longer want to receive, not interested in your, how do i stop this,"
        " how do i stop these, how do i stop getting, how to stop this, how to stop these, how can i stop these"
    ),
    start=_phrases(
        "start, yes, unstop, subscribe, resubscribe, opt in, optin, opt me in, subscribe me, resubscribe me,"
        " sign me up, start again, restart, resume, start texting me, start texting me again, yes start"
    ),
    help=_phrases("help, info, help me, information, i need help, need help, more info, get help"),
    courtesy=_words(
        "please pls plz plse pleas kindly thanks thank thankyou thx ty cheers hi hello hey dear sir madam sorry ok okay"
        " now just immediately asap again already can could would will you u team guys message msg messages reply text"
    ),
    not_=_words(
        "dont not never cant cannot wont doesnt didnt couldnt wouldnt shouldnt isnt non without unable nothing nobody"
    ),
    other_before=_words(
        "bus train tram tube metro next last full pit short one truck door station which what first second the a an my"
        " your our every each nearest ll ill"
    ),
    other_after=_words(
        "by at over off shop sign light watch motion order orders delivery parcel payment package refund shipping"
    ),
    questions=_words("when where which what who whose whats wheres whens is are was were does do did has have"),
)

RUSSIAN = Tongue(
    stop=_words(
        "стоп стопп остановите остановить прекратите прекратить отписаться отписка отпишите отписать отпишитесь"
        " отпиши отписываюсь хватит отвалите отстаньте отвяжитесь"
    ),
    stop_whole=_phrases(
        "отмена, отменить, отказ, отказаться, отказываюсь, отключить, отключите, отключи, удалить, удалите,"
        " удалите меня, не надо, не нужно, не интересно, достали, стоп все, stop, отменить подписку,"
        " не интересует, надоели"
    ),
    stop_phrases=_phrases(
        "отпишите меня, отписаться от, хочу отписаться, стоп рассылка, стоп смс, прекратите слать,"
        " прекратите присылать, прекратите рассылку, хватит слать, хватит присылать, хватит писать, не присылайте,"
        " не присылать, не пишите, не шлите, не отправляйте, не беспокойте, больше не надо, больше не нужно,"
        " отказ от рассылки, отказаться от рассылки, отказываюсь от, отключите рассылку, отключить рассылку,"
        " отмените подписку, отменить рассылку, отмена подписки, удалите мой номер, удалите меня из, уберите мой номер,"
        " уберите меня, исключите меня, отзываю согласие, перестаньте слать, перестаньте писать,"
        " перестаньте присылать, не хочу получать, не желаю получать, оставьте меня в покое"
    ),
    start=_phrases(
        "старт, начать, подписаться, подпишите меня, подписка, возобновить, хочу подписаться, снова подписаться"
    ),
    help=_phrases("помощь, помогите, справка, инфо, информация, нужна помощь, хелп"),
    courtesy=_words(
        "пожалуйста пожалуста плиз спасибо здравствуйте привет добрый день вечер меня мне уже сейчас немедленно"
    ),
    not_=_words("не нон без ни нельзя невозможно"),
    other_before=_words("автобус поезд где когда"),
    other_after=_words("кран кадр заказ доставку посылку листы"),
    questions=_words("когда где куда какая какой почему"),
)

PERSIAN = Tongue(
    stop=_words("توقف متوقف لغوش انصراف نفرستید نفرست نفرستین نفرستيد"),
    stop_whole=_phrases(
        "لغو, لغو شود, لغو کن, لغو کنید, لغو شه, قطع, قطع کنید, قطع کن, بس است, بسه, نمیخوام, نمیخواهم,"
        " نمی خوام, نمی خواهم, حذف, حذفم کنید, حذف کنید, خاموش, کنسل, استاپ, مزاحم نشوید, مزاحم نشو, کافیه"
    ),
    stop_phrases=_phrases(
        "لغو عضویت, لغو اشتراک, لغو پیامک, لغو ارسال, لغو پیام, لغو تبلیغات, لغو خبرنامه, قطع پیامک, قطع پیام,"
        " قطع ارسال, پیامک نفرستید, پیام نفرستید, پیام ندهید, پیام ندید, پیامک ندهید, پیامک ندید, اسمس نفرستید,"
        " دیگر نفرستید, دیگه نفرستید, دیگر پیام, دیگه پیام, دیگه پیامک, دیگر پیامک, ارسال نکنید, شماره من را حذف,"
        " شماره منو حذف, شماره ام را حذف, شمارمو حذف, من را حذف, منو حذف, از لیست حذف, پیامک نمیخوام,"
        " پیام نمیخوام, تبلیغات نمیخوام, پیامک نمیخواهم, نمیخواهم پیامک, نمیخوام پیامک, مزاحم نشوید, پیامک قطع,"
        " پیامکها را قطع, تبلیغات نفرستید, ارسال پیامک را متوقف"
    ),
    start=_phrases("شروع, عضویت, شروع مجدد, عضو, عضو میشوم, فعال, فعالسازی, استارت"),
    help=_phrases("کمک, راهنما, راهنمایی, اطلاعات, راهنمایی کنید, کمکم کنید, کمک کنید"),
    courtesy=_words("لطفا لطفاً ممنون مرسی سپاس سلام خواهشا خواهش میکنم متشکرم را رو دیگه دیگر این"),
    not_=_words("بدون بی"),
    not_after=_words("نکن نکنید نکنین نشود نشو نشوید نشه ندارد نداره"),
    other_before=_words("ایستگاه بدون"),
    other_after=_words("سفارش سفارشم خرید خریدم اتوبوس پارکینگ"),
    questions=_words("کی کجا کجاست چرا کدام"),
)

ARABIC = Tongue(
    stop=_words("توقف توقفوا اوقف اوقفوا ايقاف وقف وقفوا كفي كفايه بطلوا ستوب"),
    stop_whole=_phrases(
        "الغاء, الغ, الغي, الغوا, قف, حذف, احذفني, احذفوني, لا اريد, ما ابي, مابي, مش عايز, مش عاوز,"
        " انسحاب, خروج, خلاص, الغاء الكل, انهاء"
    ),
    stop_phrases=_phrases(
        "الغاء الاشتراك, الغاء اشتراك, الغاء اشتراكي, الغاء التسجيل, الغوا اشتراكي, الغ اشتراكي, الغي اشتراكي,"
        " الغاء الرسائل, ايقاف الرسائل, ايقاف الارسال, اوقف الرسائل, اوقفوا الرسائل, اوقفوا الارسال, توقف عن الارسال,"
        " توقفوا عن, توقف عن ارسال, وقف الرسائل, وقفوا الرسائل, لا ترسل, لا ترسلوا, لا ترسلون, لا تراسلني, لا تراسلوني,"
        " لا تزعجني, لا تزعجوني, لا اريد رسائل, لا اريد رسائلكم, لا اريد المزيد, لا اريد استقبال, لا ارغب في,"
        " لا ارغب باستلام, احذف رقمي, احذفوا رقمي, حذف رقمي, ازاله رقمي, ازيلوا رقمي, ازل رقمي, شيلوا رقمي,"
        " ما ابي رسائل, مش عايز رسايل, مش عايز رسائل, بلا رسائل, كفي رسائل, لا تبعت, لا تبعتوا, بطلوا تبعتوا"
    ),
    start=_phrases("بدء, ابدء, اشترك, اشتراك, اعاده الاشتراك, استئناف, تفعيل, ستارت"),
    help=_phrases("مساعده, المساعده, ساعدني, ساعدوني, معلومات, احتاج مساعده"),
    courtesy=_words(
        "من فضلك فضلكم لو سمحت سمحتم سمحتوا رجاء الرجاء ارجوك ارجوكم شكرا مرحبا السلام عليكم فورا الان يرجي حالا"
    ),
    not_=_words("لا ما لم لن بدون بلا غير ليس دون"),
    other_before=_words("متي اين بدون محطه موقف ایستگاه"),
    other_after=_words("طلب طلبي الطلب الطلبيه الحافله الباص الشحنه"),
    questions=_words("متي اين هل لماذا كم ليش"),
)

SPANISH = Tongue(
    stop=_words("parar pare paren desuscribir desuscribirme desuscribirse desuscribanme cancelen"),
    stop_whole=_phrases(
        "baja, cancelar, salir, fin, alto, basta, eliminar, quitar, para, deten, detener, no molestar, anular,"
        " cancelar todo, darme baja, dejen, ya no, no quiero, no me interesa"
    ),
    stop_phrases=_phrases(
        "dar de baja, darme de baja, darse de baja, denme de baja, dame de baja, deme de baja, dadme de baja,"
        " quiero la baja, solicito la baja, cancelar suscripcion, cancelar mi suscripcion, cancelar la suscripcion,"
        " anular suscripcion, no me envien, no me envie, no me envies, no enviar mas, no envien mas, no mas mensajes,"
        " no mas sms, no me manden, no me mandes, no me escriban, no me escribas, dejen de enviar, dejen de enviarme,"
        " deje de enviar, deja de enviar, deja de enviarme, dejen de mandar, dejen de molestar, deja de escribirme,"
        " paren de enviar, eliminen mi numero, borren mi numero, quiten mi numero, no quiero recibir, no deseo recibir,"
        " no quiero mas mensajes"
    ),
    start=_phrases("alta, iniciar, empezar, comenzar, suscribir, suscribirme, reanudar, quiero suscribirme"),
    help=_phrases("ayuda, ayudame, informacion, necesito ayuda, auxilio"),
    courtesy=_words("por favor porfavor porfa gracias hola ya ahora buenos buenas dias tardes"),
    not_=_words("no nao sin nunca jamas ni"),
    other_before=_words("mas muy el un voz en"),
    other_after=_words("pedido compra envio"),
    questions=_words("cuando donde que cual"),
)

FRENCH = Tongue(
    stop=_words("arret arreter arretez arrete stoppez desabonner desabonnez desinscrire desinscrivez desinscription"),
    stop_whole=_phrases(
        "annuler, fin, resilier, desabonnement, se desabonner, me desabonner, ca suffit, supprimer,"
        " stop sms, stop pub, plus de sms, desabonnez moi"
    ),
    stop_phrases=_phrases(
        "me desabonner, desabonnez moi, desinscrivez moi, me desinscrire, arreter les sms, arretez les sms,"
        " arretez de m envoyer, arrete de m envoyer, arreter de m envoyer, arretez de m ecrire,"
        " ne m envoyez plus, ne m envoie plus, ne plus recevoir, ne m ecrivez plus, ne me contactez plus,"
        " ne me contacter plus, plus de messages, plus de sms, plus de pub, supprimez mon numero, supprimer mon numero,"
        " retirez moi, retirez mon numero, enlevez moi, enlevez mon numero, je ne veux plus, ne souhaite plus,"
        " resilier mon abonnement, annuler mon abonnement, stop a la pub, stop aux sms, laissez moi tranquille"
    ),
    start=_phrases("commencer, demarrer, reprendre, m abonner, s abonner, abonnement, inscription"),
    help=_phrases("aide, aidez moi, besoin d aide, infos, information, renseignement"),
    courtesy=_words("s il vous te plait svp stp merci bonjour bonsoir salut maintenant d les des"),
    not_=_words("n ne pas jamais sans non"),
    not_after=_words("pas jamais"),
    other_before=_words("bus un l prochain metro sans"),
    other_after=_words("maladie commande livraison colis"),
    questions=_words("quand ou quel quelle pourquoi"),
)

GERMAN = Tongue(
    stop=_words("stopp stoppen abmelden abmeldung abbestellen austragen abbestellung aufhoren schluss"),
    stop_whole=_phrases(
        "ende, halt, kündigen, beenden, abbrechen, loschen, genug, hor auf, horen sie auf, hort auf, aus, raus, storno"
    ),
    stop_phrases=_phrases(
        "melden sie mich ab, meldet mich ab, melde mich ab, mich abmelden, mich austragen, bitte abmelden,"
        " tragen sie mich aus, tragt mich aus, keine sms mehr, keine nachrichten mehr, keine werbung mehr,"
        " keine weiteren sms, keine weiteren nachrichten, keine werbung, nicht mehr schreiben, nicht mehr anschreiben,"
        " nicht mehr schicken, nicht mehr senden, nicht mehr kontaktieren, schreiben sie mir nicht,"
        " horen sie auf, hort auf mit, hort auf mir, hor auf mir, loschen sie meine nummer, loscht meine nummer,"
        " meine nummer loschen, nummer loschen, einwilligung widerrufen, widerrufe meine einwilligung, ich widerrufe,"
        " will keine sms, will keine nachrichten, mochte keine sms, mochte keine nachrichten, lasst mich in ruhe,"
        " lassen sie mich in ruhe, sms abbestellen"
    ),
    start=_phrases("anmelden, abonnieren, anmeldung, wieder anmelden"),
    help=_phrases("hilfe, hilfe bitte, brauche hilfe, ich brauche hilfe, infos"),
    courtesy=_words("bitte danke hallo guten tag sofort jetzt mal mich endlich doch"),
    not_=_words("nicht nie kein keine ohne niemals"),
    not_after=_words("nicht"),
    other_before=_words("bus der die das ein nachster"),
    other_after=_words("bestellung lieferung paket schild uhr"),
    questions=_words("wann wo wer welche welcher"),
)

PORTUGUESE = Tongue(
    stop=_words("parar pare parem descadastrar descadastre descadastrem desinscrever chega"),
    stop_whole=_phrases(
        "sair, cancelar, fim, remover, remova, excluir, cancela, cancele, basta,"
        " anular, nao quero, nao quero mais, para, parar tudo"
    ),
    stop_phrases=_phrases(
        "me descadastrar, me descadastre, quero sair, me tire da lista, me tira da lista, me remova, me remover,"
        " remover meu numero, remova meu numero, excluir meu numero, exclua meu numero, cancelar inscricao,"
        " cancelar assinatura, cancelar a inscricao, cancelar subscricao, cancelar sms, nao envie mais,"
        " nao enviem mais, nao me envie, nao me enviem, nao me mande, nao mandem mais, nao mande mais,"
        " nao quero receber, nao desejo receber, nao quero mais receber, pare de enviar, parem de enviar,"
        " para de enviar, pare de mandar, parem de mandar, para de mandar, parem de me, pare de me, chega de mensagens"
    ),
    start=_phrases("iniciar, comecar, voltar, inscrever, quero receber, cadastrar"),
    help=_phrases("ajuda, socorro, informacao, preciso de ajuda, me ajude"),
    courtesy=_words("por favor pf obrigado obrigada ola oi bom dia boa tarde agora ja"),
    not_=_words("nao sem nunca"),
    other_before=_words("onde quando em de"),
    other_after=_words("pedido compra entrega"),
    questions=_words("quando onde qual que"),
)

ITALIAN = Tongue(
    stop=_words("annulla disiscrivi disiscrivimi disiscrivermi cancellami cancellatemi fermatevi smettetela smettila"),
    stop_whole=_phrases(
        "basta, cancella, cancellare, esci, rimuovi, rimuovimi, ferma, disiscrizione, disdici, disdetta, cancellazione"
    ),
    stop_phrases=_phrases(
        "annulla iscrizione, annullare l iscrizione, cancella iscrizione, cancella la mia iscrizione, cancellami dalla,"
        " cancellatemi dalla, non inviatemi, non inviate piu, non inviarmi, non mandatemi, non mandate piu,"
        " non mandarmi, non scrivetemi, non scrivermi, non voglio piu, non voglio ricevere, non desidero ricevere,"
        " basta messaggi, basta sms, basta pubblicita, rimuovetemi, rimuovete il mio numero, togliete il mio numero,"
        " eliminate il mio numero, smettete di, smettetela di, smettila di, revoco il consenso, lasciatemi in pace"
    ),
    start=_phrases("inizia, inizio, riprendi, iscrivimi, iscriviti, iscrizione"),
    help=_phrases("aiuto, aiutami, informazioni, ho bisogno di aiuto"),
    courtesy=_words("per favore perfavore grazie ciao salve subito ora buongiorno"),
    not_=_words("non mai senza"),
    other_after=_words("ordine consegna spedizione"),
    questions=_words("quando dove quale"),
)

TURKISH = Tongue(
    stop=_words("durdur durdurun iptalet"),
    stop_whole=_phrases(
        "dur, iptal, iptal et, iptal edin, çık, çıkış, istemiyorum, bitir, yeter, sil, silin,"
        " kapat, sms iptal, istemiyorum artik"
    ),
    stop_phrases=_phrases(
        "mesaj atma, mesaj atmayin, mesaj gonderme, mesaj gondermeyin, sms gondermeyin, sms gonderme, sms atmayin,"
        " mesaj istemiyorum, sms istemiyorum, mesaj almak istemiyorum, sms almak istemiyorum, almak istemiyorum,"
        " abonelikten cik, aboneligi iptal, aboneligimi iptal, uyeligimi iptal, uyelik iptal, uyeligi iptal,"
        " listeden cik, listeden cikar, listeden cikarin, beni cikarin, beni listeden, numarami sil, numarami silin,"
        " rahatsiz etmeyin, gondermeyi birakin, gondermeyi durdurun, izni geri, iznimi iptal"
    ),
    start=_phrases("basla, baslat, abone ol, kaydol"),
    help=_phrases("yardim, bilgi, yardim edin, yardim et"),
    courtesy=_words("lutfen tesekkurler tesekkur ederim merhaba selam hemen artik simdi"),
    other_after=_words("durma siparis siparisim siparisimi"),
    not_after=_words("durma etme etmeyin degil"),
    questions=_words("nerede"),
)

TONGUES = (
    ENGLISH,
    RUSSIAN,
    PERSIAN,
    ARABIC,
    SPANISH,
    FRENCH,
    GERMAN,
    PORTUGUESE,
    ITALIAN,
    TURKISH,
)

# Thai is written without blanks, so its words are found as parts of the text, longest first.
THAI_COURTESY = (
    "ขอบคุณ", "สวัสดี", "กรุณา", "โปรด", "รบกวน", "ครับผม", "ครับ", "ค่ะ", "คะ", "ค่า", "นะ", "จ้า", "จ้ะ", "หน่อย",
    "ด้วย", "เลย", "แล้ว", "ที", "ช่วย", "ขอ", "ผม", "ฉัน", "ดิฉัน", "ได้ไหม", "ได้มั้ย",
)  # fmt: skip
THAI_STOP_WHOLE = frozenset(
    {
        "ยกเลิก", "หยุด", "เลิก", "สต็อป", "สตอป", "ไม่รับ", "ไม่เอา", "ไม่ต้องการ", "ไม่สนใจ", "ลบ", "พอ", "ออก",
        "ไม่ต้องส่ง", "หยุดส่ง", "เลิกส่ง", "ปฏิเสธ", "อย่าส่ง", "พอได้", "หยุดได้", "หยุดเดี๋ยวนี้", "ยกเลิกทั้งหมด",
    }
)  # fmt: skip
THAI_STOP_PHRASES = (
    "ยกเลิกการรับ", "ยกเลิกรับ", "ยกเลิกข้อความ", "ยกเลิกsms", "ยกเลิกการสมัคร", "ยกเลิกสมาชิก", "ยกเลิกการส่ง",
    "ยกเลิกการแจ้งเตือน", "ยกเลิกการติดตาม", "ยกเลิกโฆษณา", "ยกเลิกข่าวสาร", "หยุดส่ง", "หยุดการส่ง", "หยุดรับ",
    "หยุดsms", "หยุดข้อความ", "หยุดรบกวน", "เลิกส่ง", "เลิกรับ", "อย่าส่ง", "ไม่ต้องส่ง", "งดส่ง", "ไม่รับข้อความ",
    "ไม่รับsms", "ไม่รับโฆษณา", "ไม่อยากรับ", "ไม่ต้องการรับ", "ไม่ประสงค์รับ", "ไม่ประสงค์จะรับ", "ไม่อยากได้ข้อความ",
    "ไม่ต้องการข้อความ", "ไม่เอาข้อความ", "ลบเบอร์", "เอาเบอร์ออก", "เอาเบอร์ฉันออก", "เอาเบอร์ผมออก", "อย่ารบกวน",
    "ถอนความยินยอม", "เลิกติดตาม", "ออกจากรายชื่อ",
)  # fmt: skip
THAI_NOT = ("อย่าเพิ่ง", "ไม่อยากให้", "อย่า", "ห้าม", "ไม่ได้", "ยังไม่")
THAI_START = frozenset({"เริ่ม", "สมัคร", "สมัครรับ", "รับข่าวสาร", "สมัครใหม่", "เริ่มใหม่", "สมัครรับข่าวสาร"})
THAI_HELP = frozenset({"ช่วยเหลือ", "ความช่วยเหลือ", "ข้อมูล", "วิธีใช้", "สอบถาม", "เหลือ"})
"""`เหลือ` is what courtesy leaves of `ช่วยเหลือ`."""
