"""What rules about words need to know of a language: its stop words, its final marks, whether it writes blanks.

Keys are the codes that `code_of` gives: two letters of ISO 639-1 where there are any, else three of ISO 639-3.

Stop words are our own selection: function words among the forty most frequent words of a language (by the lists of the
package wordfreq 3.1, else by counting manuals in it), read one by one; content words, most single letters, which are
list marks too, and words that are frequent in other languages' pages were left out. Of the stop words that FineWeb-2
publishes for these languages (by Wikipedia), 70 % are among them; the rest are such letters and words like "year".
They stand as the word splitter gives them: as ICU cuts them where no blanks are written; without marks that `\\w` is
not (Hindi); and in Korean as words between blanks. English has the eight of Gopher (2112.11446 appendix A.1.1), whose
threshold was set for them.
"""

from functools import cache

from processors.filters.language_codes import TWO_LETTERS

UNSPACED = ("zh", "ja", "th", "lo", "my", "km")

_STOP_WORDS = """
ar في من على أن إلى التي هذه هذا أو عن لا ما مع كل ذلك الذي كان بعد قد بين
bg и на да се от за не си че по ще са това като но до има може при които
ca de la que el en per del amb un una els les és no al ha com més si aquest
cs se na je že si do ale tak pro za jako po by od jsou nebo při který které také
da og i er det at en til på for ikke med den der de som et af har kan fra
de der die und das nicht zu den von mit ist es ein auf für im sie auch dem des als
el και το να του η με την της για που τα από σε δεν θα τον είναι στο στην των
en the be to of and that have with
es de que el en y los se por del las con una para lo como más su al no un
et on ja ei et see ka kui oli mis ning või aga siis selle ta seda mida oma saab pärast
fa و به در از که این با را است برای تا یک هم آن یا هر شده شود بر اما
fi ja on ei että se oli mutta niin myös hän jos ovat kuin tai joka sen kun voi ole mitä
fr de la le et les est en des un que une du il pour dans qui au sur par pas
he את של לא על זה הוא כל עם גם אם היה היא או כי יותר רק אין אבל אשר בין
hi और पर एक इस यह कर तक इन उस अब वह सब जब हम आप तब
hr je u i da se na za od su iz to kao što koji kako ali nije bi po ili
hu az és nem hogy egy is meg csak ha van volt vagy már még el kell ez mint ezt minden
id yang dan di ini dari untuk dengan itu tidak akan adalah dalam pada ke juga atau oleh sebagai dapat telah
it di che il la in non un per del una si con della da sono al come dei nel più
ja の を に は が する と です ます した で な て から こと も や この その れ た
km ដែល បាន ការ ក្នុង និង ជា នៅ ទៅ អាច របស់ ឬ ដោយ នៃ នេះ មាន មិន ពី នឹង មួយ ត្រូវ ថា ហើយ
ko 이 그 수 및 더 있는 있다 다른 같은 대한 한다 또는 하는 경우 모든 위해 것 그리고 있습니다 합니다
lo ທີ່ ແລະ ຂອງ ໃນ ແມ່ນ ມີ ໄດ້ ເປັນ ໃຫ້ ຈະ ບໍ່ ກັບ ໄປ ມາ ຈາກ ນີ້ ແຕ່ ຫຼື ດ້ວຍ ຢູ່
lt ir kad į su iš yra tai kaip ar buvo tik bet nuo ne apie dėl per gali po iki
lv un ir ar par ka no kā uz kas arī vai bet nav to lai bija ko pēc līdz pie
mk на и во да се од за со не го ќе што дека ги како тоа кои по ми до
my ကို မ ပါ များ တယ် မှ မှာ ရန် တဲ့ သည် သော အတွက် ရှိ နိုင် သို့ တွင် ဖြစ် ဒီ ဖို့ နှင့် လည်း ၏ တို့
nl de van het een en in is op dat voor te met niet zijn die als er aan ook door
no og er det på som en til av for ikke med har den de om fra kan et å var
pl nie na się to do jest że jak tak od po dla czy przez są tylko ale oraz lub który
pt de que do da em para não um uma com no se na por os as mais ao ou dos
ro de în și la să din pe cu nu un este că care pentru se au ce mai sau fi
ru в и на не что с по как из это за для от так или к при все бы же
sk sa na je to že ako do si ale po za tak od pre by sú alebo pri ktorý ktoré
sl je in na se da so za ki pa tudi ne kot po še iz bi od ali to pri
sr је у и да се на за од су из то као што који како али није би по или
sv är det och att i på en som inte för med av om den till de ett kan har från
th ที่ ของ ไม่ การ ใน จะ ได้ หรือ เป็น มี และ นี้ กับ จาก ให้ โดย ไป อยู่ แล้ว ต้อง
tr ve bir bu için de da çok ile ne daha en gibi olarak her kadar ama sonra ki olan değil
uk в на не і у з що та до це за як про від так для або при його які
ur کے میں کی ہے اور سے کا کو اس پر ہیں نے بھی ایک یہ نہیں کہ تو جو یا
vi là và có của được một các không trong cho này với đã để như những đến khi từ về
zh 的 在 是 和 了 不 有 我 以 上 中 为 與 这 个 也 就 到 被 或 一个
"""

STOP_WORDS: dict[str, tuple[str, ...]] = {
    code: tuple(words.split()) for code, words in (line.split(" ", 1) for line in _STOP_WORDS.strip().splitlines())
}
STOP_WORDS |= {"nb": STOP_WORDS["no"], "bs": STOP_WORDS["hr"], "sh": STOP_WORDS["hr"]}

# What ends a sentence where it is not `. ? ! " '`, and what may end one beside them; "" where nothing does.
TERMINALS: dict[str, str] = {
    "am": "።፧፨!?",
    "ar": '.؟!؛"»”',
    "bn": '।?!."”',
    "bo": "།༎༏༐",
    "de": ".?!\"'“”«»…",
    "el": '.;!;"»”…',
    "es": ".?!\"'»”…",
    "fa": '.؟!؛"»”…',
    "fr": ".?!\"'»”’…",
    "he": ".?!\"'”׃…",
    "hi": '।॥?!."”',
    "hy": "։՞՜.»…",
    "ja": "。！？」』．｡…!?.",
    "km": "។៕៖ៗ៘!?»",
    "ko": ".?!\"'”’。…",
    "lo": "",
    "mr": '।॥?!."”',
    "my": "။၊!?",
    "ne": '।॥?!."”',
    "pl": ".?!\"'”»…",
    "pt": ".?!\"'»”…",
    "ru": '.?!"»“…',
    "sa": "।॥?!",
    "th": "",
    "ug": ".؟!؛»",
    "uk": '.?!"»“…',
    "ur": '۔؟!."”',
    "zh": "。！？；”」』．｡…!?.",
}


@cache
def code_of(label: str) -> str | None:
    """The code of what a model or a page names a language: "eng_Latn", "zh-Hant", "EN_us" and "cmn" are known forms.

    Varieties of Chinese that models tell apart (Cantonese, Wu) are "zh", other members of a macrolanguage as
    `language_codes` has them. None for what is no language code.
    """
    first = label.strip().replace("_", "-").split("-")[0].lower()
    if not (first.isascii() and first.isalpha() and 2 <= len(first) <= 3) or first in ("und", "zxx", "mul", "mis"):
        return None
    return TWO_LETTERS.get(first, first)
