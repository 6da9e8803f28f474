"""Given and family names of the demo shop's customers, each language in its own script.

Each entry is `latin/own script`: the Latin form goes into the made-up e-mail address, the other one into the name.
The names are common ones; any likeness to a person is chance. Sources of the choice: general knowledge of widespread
names per country, no register was copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Gender = Literal["woman", "man"]


class Name(NamedTuple):
    """One name, as an address spells it and as its bearer writes it."""

    latin: str
    written: str


@dataclass(frozen=True, slots=True)
class NameBook:
    """The names one language draws from."""

    women: tuple[Name, ...]
    men: tuple[Name, ...]
    families: tuple[Name, ...]
    families_agree_in_gender: bool = False

    def family(self, index: int, gender: Gender) -> Name:
        """The family name at `index` in the form its bearer uses: Russian women's surnames end differently."""
        name = self.families[index]
        return _feminine(name) if self.families_agree_in_gender and gender == "woman" else name

    def given(self, gender: Gender) -> tuple[Name, ...]:
        """The given names of one gender."""
        return self.women if gender == "woman" else self.men


def _names(text: str) -> tuple[Name, ...]:
    pairs = (entry.partition("/") for entry in text.split())
    return tuple(Name(latin, written.replace("_", " ") or latin.capitalize()) for latin, _, written in pairs)


# A Russian man's ending, his wife's or sister's, and the same two in Latin letters; the longest comes first.
_FEMININE_ENDINGS = (("ский", "ская", "sky", "skaya"), ("ой", "ая", "oy", "aya"))


def _feminine(name: Name) -> Name:
    for ending, feminine, latin, latin_feminine in _FEMININE_ENDINGS:
        if name.written.endswith(ending):
            return Name(name.latin.removesuffix(latin) + latin_feminine, name.written.removesuffix(ending) + feminine)
    if name.written.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return Name(f"{name.latin}a", f"{name.written}а")
    return name  # Шевченко, Белых: the same for everybody


ENGLISH = NameBook(
    women=_names("""
        olivia amelia isla ava grace freya emily sophie charlotte lucy hannah megan ruby chloe alice eleanor harriet
        rebecca imogen zoe priya aisha niamh bethan catriona gemma rosie martha joanna/Joanna yasmin
    """),
    men=_names("""
        oliver george harry jack thomas james william henry arthur leo oscar edward samuel daniel benjamin joseph
        matthew callum rhys ewan finlay adam imran dev kwame patrick simon toby hugh dominic
    """),
    families=_names("""
        smith jones taylor brown williams wilson johnson davies patel wright walker white edwards hughes green hall
        wood harris thompson/Thompson clarke jackson cooper ward morris okafor begum khan obrien/O’Brien
        macdonald/MacDonald fraser campbell pritchard bennett sharma mensah holloway ashworth whitfield
    """),
)

PERSIAN = NameBook(
    women=_names("""
        maryam/مریم zahra/زهرا sara/سارا fatemeh/فاطمه narges/نرگس shirin/شیرین leila/لیلا niloufar/نیلوفر parisa/پریسا
        mahsa/مهسا elham/الهام samira/سمیرا azadeh/آزاده setareh/ستاره yasaman/یاسمن bahar/بهار roya/رویا negin/نگین
        mina/مینا golnaz/گلناز shadi/شادی taraneh/ترانه mahnaz/مهناز laleh/لاله nasrin/نسرین hanieh/هانیه
    """),
    men=_names("""
        ali/علی reza/رضا amir/امیر hossein/حسین mehdi/مهدی arash/آرش kian/کیان navid/نوید saeed/سعید omid/امید
        babak/بابک farhad/فرهاد kaveh/کاوه siavash/سیاوش pouya/پویا hamid/حمید majid/مجید behnam/بهنام dariush/داریوش
        kamran/کامران milad/میلاد soroush/سروش vahid/وحید yashar/یاشار shahram/شهرام nima/نیما
    """),
    families=_names("""
        hosseini/حسینی ahmadi/احمدی mohammadi/محمدی karimi/کریمی rezaei/رضایی moradi/مرادی jafari/جعفری
        rahimi/رحیمی hashemi/هاشمی ebrahimi/ابراهیمی mousavi/موسوی sadeghi/صادقی ghasemi/قاسمی akbari/اکبری
        heydari/حیدری salehi/صالحی tehrani/تهرانی shirazi/شیرازی kazemi/کاظمی rostami/رستمی nazari/نظری
        farahani/فراهانی yazdani/یزدانی golestani/گلستانی parsa/پارسا bahrami/بهرامی zand/زند niknam/نیک‌نام
    """),
)

ARABIC = NameBook(
    women=_names("""
        fatima/فاطمة maryam/مريم aisha/عائشة noura/نورة shamma/شما hessa/حصة latifa/لطيفة moza/موزة salama/سلامة
        amna/آمنة hind/هند reem/ريم dana/دانة layla/ليلى huda/هدى rania/رانيا yasmin/ياسمين nadia/نادية salma/سلمى
        dalal/دلال asma/أسماء mona/منى sara/سارة jawaher/جواهر abeer/عبير lubna/لبنى
    """),
    men=_names("""
        mohammed/محمد ahmed/أحمد abdullah/عبدالله khalid/خالد saeed/سعيد rashid/راشد hamad/حمد sultan/سلطان
        saif/سيف omar/عمر ali/علي yousef/يوسف majid/ماجد faisal/فيصل tariq/طارق hassan/حسن ibrahim/إبراهيم
        nasser/ناصر mansour/منصور jassim/جاسم obaid/عبيد karim/كريم bilal/بلال ziad/زياد marwan/مروان sami/سامي
    """),
    families=_names("""
        almansoori/المنصوري alkaabi/الكعبي alshamsi/الشامسي almazrouei/المزروعي aldhaheri/الظاهري alsuwaidi/السويدي
        albloushi/البلوشي almheiri/المهيري alhammadi/الحمادي alnuaimi/النعيمي alketbi/الكتبي alzaabi/الزعابي
        almarzooqi/المرزوقي alhashimi/الهاشمي alameri/العامري alrumaithi/الرميثي alqubaisi/القبيسي almarri/المري
        alfalasi/الفلاسي alshehhi/الشحي haddad/حداد khoury/خوري nassar/نصار saleh/صالح shaheen/شاهين najjar/النجار
        darwish/درويش qasim/قاسم
    """),
)

THAI = NameBook(
    women=_names("""
        malee/มาลี somying/สมหญิง kanya/กัญญา pimchanok/พิมพ์ชนก nattaya/ณัฐยา siriporn/ศิริพร suda/สุดา wanida/วนิดา
        orathai/อรทัย ratana/รัตนา jiraporn/จิราพร kamala/กมลา chanida/ชนิดา apinya/อภิญญา busaba/บุษบา darika/ดาริกา
        nanthida/นันทิดา pornthip/พรทิพย์ sasithorn/ศศิธร thidarat/ธิดารัตน์ waraporn/วราพร yupin/ยุพิน lalita/ลลิตา
        mayuree/มยุรี supaporn/สุภาพร chutima/ชุติมา
    """),
    men=_names("""
        somchai/สมชาย anan/อนันต์ krit/กฤษณ์ nattapong/ณัฐพงษ์ prasert/ประเสริฐ surachai/สุรชัย wichai/วิชัย
        thanawat/ธนวัฒน์ kittisak/กิตติศักดิ์ chaiwat/ชัยวัฒน์ pongsak/พงษ์ศักดิ์ sakda/ศักดา manop/มานพ narong/ณรงค์
        adisak/อดิศักดิ์ boonmee/บุญมี danai/ดนัย ekkachai/เอกชัย jakkrit/จักรกฤษณ์ pichit/พิชิต rangsan/รังสรรค์
        sombat/สมบัติ teerapat/ธีรภัทร์ udom/อุดม weerachai/วีรชัย yuttana/ยุทธนา
    """),
    families=_names("""
        jaidee/ใจดี sukjai/สุขใจ thongdee/ทองดี srisuk/ศรีสุข kaewmanee/แก้วมณี boonsong/บุญส่ง saelim/แซ่ลิ้ม saetang/แซ่ตั้ง
        wongsa/วงษา chaiyo/ไชโย rattanakul/รัตนกุล phromma/พรหมมา saengthong/แสงทอง intharat/อินทรัตน์ charoensuk/เจริญสุข
        sawatdee/สวัสดี namwong/นามวงศ์ khamdee/คำดี phumphuang/พุ่มพวง moonrat/มูลรัตน์ suwannarat/สุวรรณรัตน์ thepsuwan/เทพสุวรรณ
        yodrak/ยอดรัก bunma/บุญมา chantra/จันทรา duangkaew/ดวงแก้ว klinhom/กลิ่นหอม panyadee/ปัญญาดี
    """),
)

RUSSIAN = NameBook(
    women=_names("""
        anna/Анна maria/Мария elena/Елена olga/Ольга natalia/Наталья irina/Ирина svetlana/Светлана ekaterina/Екатерина
        tatiana/Татьяна daria/Дарья anastasia/Анастасия ksenia/Ксения polina/Полина yulia/Юлия vera/Вера sofia/София
        alina/Алина valeria/Валерия nadezhda/Надежда lyubov/Любовь galina/Галина marina/Марина evgenia/Евгения
        larisa/Лариса varvara/Варвара alyona/Алёна
    """),
    men=_names("""
        alexander/Александр dmitry/Дмитрий maxim/Максим sergey/Сергей andrey/Андрей alexey/Алексей ivan/Иван
        mikhail/Михаил artyom/Артём nikita/Никита pavel/Павел roman/Роман vladimir/Владимир evgeny/Евгений
        oleg/Олег igor/Игорь kirill/Кирилл denis/Денис anton/Антон konstantin/Константин yury/Юрий viktor/Виктор
        ilya/Илья timofey/Тимофей stepan/Степан gleb/Глеб
    """),
    families=_names("""
        ivanov/Иванов smirnov/Смирнов kuznetsov/Кузнецов popov/Попов vasilyev/Васильев petrov/Петров sokolov/Соколов
        mikhaylov/Михайлов novikov/Новиков fyodorov/Фёдоров morozov/Морозов volkov/Волков alexeyev/Алексеев
        lebedev/Лебедев semyonov/Семёнов yegorov/Егоров pavlov/Павлов kozlov/Козлов stepanov/Степанов
        nikitin/Никитин solovyov/Соловьёв borodin/Бородин ilyin/Ильин kulikov/Куликов vinogradsky/Виноградский
        polyansky/Полянский tolstoy/Толстой shevchenko/Шевченко belykh/Белых zaytsev/Зайцев
    """),
    families_agree_in_gender=True,
)
