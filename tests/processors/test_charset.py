"""Bytes of many charsets, declared rightly, wrongly and not at all, become the text that was written."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.charset import decode, detect, mojibake
from processors.extract import parse_content_type

RUSSIAN = (
    "Система управления пакетами следит за тем, чтобы каждая программа получила всё, что ей нужно для работы. " * 3
)
FRENCH = (
    "Le système vérifie après chaque tâche que la mémoire allouée a bien été libérée, même si l’élève a échoué. " * 3
)
POLISH = (
    "Każda książka leżąca na półce opowiadała inną, zupełnie odrębną historię; źdźbło trawy łaskotało go w rękę. " * 3
)
CHINESE = "软件包管理系统会确保每个程序都能得到它运行所需要的一切，并且记录下每一个文件来自哪里。" * 12
JAPANESE = "パッケージ管理システムは、すべてのプログラムが動作に必要なものを確実に受け取れるようにします。" * 12
KOREAN = "패키지 관리 시스템은 모든 프로그램이 동작하는 데 필요한 것을 빠짐없이 받도록 보장합니다. " * 12
WRITTEN = [
    (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (RUSSIAN, "iso8859-5"), (RUSSIAN, "cp866"), (FRENCH, "cp1252"),
    (POLISH, "iso8859-2"), (CHINESE, "gb18030"), (JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (JAPANESE, "iso2022_jp"),
    (KOREAN, "cp949"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "charset"), WRITTEN)
@pytest.mark.parametrize("declared", [None, "utf-8", "x-klingon", "koi8-r", "shift_jis", "right"])
def test_reads_what_was_written_whatever_is_declared(text: str, charset: str, declared: str | None) -> None:
    data = text.encode(charset, "replace")
    stated = {"cp932": "shift_jis", "iso2022_jp": "iso-2022-jp"}.get(charset, charset)
    assert decode(data, stated if declared == "right" else declared)[0] == data.decode(charset)


@pytest.mark.parametrize(("text", "charset"), [(RUSSIAN, "koi8-r"), (CHINESE, "gb18030"), (RUSSIAN, "cp1251")])
def test_what_a_document_declares_wrongly_is_passed_over(text: str, charset: str) -> None:
    page = f'<html><head><meta charset="iso-8859-1"></head><body>{text}</body></html>'
    assert decode(page.encode(charset), markup=True)[0] == page


def test_a_declaration_stands_where_little_speaks_against_it() -> None:
    assert decode("naïve café".encode("iso8859-15"), "iso-8859-15") == ("naïve café", "iso8859-15")
    assert decode("Üst düzey ağ".encode("cp1254"), "windows-1254")[0] == "Üst düzey ağ"


def test_the_transport_goes_before_the_document_and_a_mark_before_both() -> None:
    page = '<meta charset="shift_jis">' + JAPANESE
    assert decode(page.encode("euc_jp"), "euc-jp", markup=True)[1] == "euc_jp"
    assert decode(b"\xef\xbb\xbf" + FRENCH.encode(), "iso-8859-1") == (FRENCH, "utf-8")
    assert decode(FRENCH.encode("utf-32"), "utf-8")[0] == FRENCH


THAI = "ระบบจัดการแพ็กเกจดูแลให้ทุกโปรแกรมได้รับสิ่งที่จำเป็นต่อการทำงาน เขาไปตลาดซื้อผลไม้และข้าวแล้วกลับบ้าน"
HALF_KANA = "ｶｽﾀﾏｰｻﾎﾟｰﾄ ﾄｯﾌﾟﾍﾟｰｼﾞ ﾆｭｰｽ ｲﾍﾞﾝﾄ ｱｸｾｽ ｶﾚﾝﾀﾞｰ ﾘﾝｸ集 ｹｲﾀｲ"


def test_thai_is_detected_and_half_width_kana_is_left_as_declared() -> None:
    assert decode(THAI.encode("cp874"))[0] == THAI
    assert decode(HALF_KANA.encode("euc_jp"), "euc-jp")[0] == HALF_KANA
    assert decode(HALF_KANA.encode("cp932"), "shift_jis")[0] == HALF_KANA


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("markup", [False, True])
def test_utf16_without_a_mark_is_read(charset: str, markup: bool) -> None:
    assert decode(RUSSIAN.encode(charset), markup=markup) == (RUSSIAN, charset)
    assert decode((CHINESE + "\n一二\n" * 30).encode(charset), charset, markup=markup)[1] == charset
    assert decode(b"<p>plain words", charset, markup=markup) == ("<p>plain words", "utf-8")


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1", "gbk"])
def test_utf8_that_is_broken_in_one_place_stays_utf8(declared: str | None) -> None:
    for written in (FRENCH.encode() + b"\xe2\x80", FRENCH.encode() + b" \xff " + FRENCH.encode()):
        assert decode(written, declared) == (written.decode("utf-8", "replace"), "utf-8")
    assert decode(b"it\xe2\x80\x99s cut here: \xe2\x80 and goes on", "utf-8")[0].startswith("it’s cut")


@pytest.mark.parametrize(("character", "label"), [("木", "gbk"), ("캐", "euc-kr"), ("典", "euc-jp")])
def test_few_characters_that_are_utf8_by_chance_stay_as_declared(character: str, label: str) -> None:
    page = f"<title>{character}</title>"
    assert page.encode(label).decode() != page  # it is UTF-8
    assert decode(page.encode(label), label, markup=True)[0] == page
    assert decode("<title>© Ångström</title>".encode(), label, markup=True)[1] == "utf-8"


def test_a_declaration_in_a_comment_is_none() -> None:
    page = f'<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">{RUSSIAN[:20]}'
    assert decode(page.encode("cp1251"), markup=True) == (page, "cp1251")


@pytest.mark.parametrize(
    ("text", "charset", "label"),
    [
        ("中文 words", "hz", "hz-gb-2312"), ("한국어 문서", "iso2022_kr", "iso-2022-kr"),
        ("Київ, Їжак", "mac-cyrillic", "x-mac-ukrainian"), ("café", "cp1252", "x-user-defined"),
    ],
)  # fmt: skip
def test_labels_beside_the_standard(text: str, charset: str, label: str) -> None:
    assert decode(text.encode(charset), label) == (text, charset)


def test_bytes_that_a_charset_leaves_open_are_kept_or_marked() -> None:
    assert decode(b"caf\xe9 \x81 cr\xe8me", "windows-1252")[0] == "café \x81 crème"  # as browsers do
    assert decode(b"\x80 100 \xd6\xd0\xb9\xfa", "gbk")[0] == "€ 100 中国"
    broken = bytearray(RUSSIAN.encode())
    broken[100:103] = b"\xff\xff\xff"
    assert decode(bytes(broken), "utf-8")[0].count("\ufffd") >= 3


def test_surrogates_in_utf8_become_the_character_they_stand_for() -> None:
    assert decode(b"CESU \xed\xa0\xbd\xed\xb8\x80 here") == ("CESU \U0001f600 here", "utf-8")
    assert decode(b"a line\nCESU \xed\xa0\xbd\xed\xb8\x80 here\noverlong \xc0\xaf here\nlast\n")[0].count("\ufffd") == 2


@pytest.mark.parametrize(
    "charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp037", "cp500", "cp437", "johab"]
)
def test_xml_may_be_in_any_charset(charset: str) -> None:
    page = f"<?xml version='1.0' encoding='{charset}'?><p>plain words, nothing else</p>"
    assert decode(page.encode(charset), markup=True)[0] == page


def test_names_of_codecs_that_could_hide_markup_are_not_taken() -> None:
    for name in ("utf-7", "unicode_escape", "punycode", "undefined"):
        page = f"<?xml version='1.0' encoding='{name}'?><p>+ADw-script+AD4- \\x3c \xe9</p>".encode("cp1252")
        assert "<script" not in decode(page, markup=True)[0]


def test_mojibake_is_counted_and_good_text_has_none() -> None:
    assert [mojibake(text) for text, _ in WRITTEN] == [0] * len(WRITTEN)
    assert mojibake("Übergröße, »Menü«, naïve, São João, ÂNGULO, Ñandú, Àgora") == 0
    for text, charset in ((FRENCH, "cp1252"), (RUSSIAN, "cp1251")):
        assert mojibake(text.encode().decode(charset, "replace")) > 20
    assert mojibake("a\ufffdb\x85") == 2


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "utf-8", "gbk", "koi8-r", "iso-2022-jp", "big5", "x"]),
    st.booleans(),
)
def test_never_raises_and_never_loses_ascii(data: bytes, declared: str | None, markup: bool) -> None:
    text, charset = decode(data, declared, markup=markup)
    text.encode()  # no lone surrogates
    assert detect(data)
    if data.isascii() and b"\x1b" not in data and b"\x00" not in data:
        assert text == data.decode()
    assert charset


def test_the_corpus_of_lies_is_seen_through() -> None:
    folder = Path(__file__).parents[3] / "shared/corpus/bad/charset"
    if not folder.is_dir():
        pytest.skip("needs the shared corpus")
    from sources.settings import ReadSettings
    from sources.web.response import decoded_body, parse_response
    from sources.web.warc import read_warc

    settings = ReadSettings("web")
    with (folder / "truth.tsv").open() as file:
        truth = {
            row["url"]: row["true_charset"].split(",")[0].split()[0] for row in csv.DictReader(file, delimiter="\t")
        }
    for record in read_warc(folder / "charset-lies.warc.gz", settings)[1]:
        url = record.fields().get("warc-target-uri", "")
        if url in truth:
            response = parse_response(record.block, settings)
            body = decoded_body(response, settings).data
            text, _ = decode(body, parse_content_type(response.first("content-type"))[1], markup=True)
            assert text.lstrip("\ufeff") == body.decode(truth.pop(url), "replace").lstrip("\ufeff"), url
    assert not truth
