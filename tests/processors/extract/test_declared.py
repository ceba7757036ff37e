import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.extract.declared import declared, iso_date, licence_of_url
from processors.extract.nodes import parse


def of(head: str, body: str = "") -> dict[str, str | None]:
    return {name: value for name, value in declared(parse(f"<head>{head}</head><body>{body}")).items() if value}


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("<title> A\n &amp; b </title>", {"title": "A & b"}),
        ("<svg><title>s</title></svg><title>t</title>", {"title": "t"}),
        ("<meta property=og:title content=o>", {"title": "o"}),
        ("<meta name=author content='A. B.'>", {"author": "A. B."}),
        ("<link rel='Canonical' href='https://a.test/c?x=1&amp;y'>", {"canonical": "https://a.test/c?x=1&y"}),
        ("<meta property=og:url content=https://a.test/>", {"canonical": "https://a.test/"}),
        ("<meta http-equiv=Content-Language content=de>", {"language": "de"}),
        (
            "<meta property=article:published_time content=2024-05-01T10:00:00+02:00>",
            {"date": "2024-05-01T10:00:00+02:00"},
        ),
        ("<meta name=date content='1 May 2024'>", {"date": "2024-05-01"}),
        ("<meta name=date content='long ago'>", {"date": "long ago"}),
        (
            "<meta name=robots content='NoIndex, noai'><meta name=CCBot content=nofollow>",
            {"robots": "noai, nofollow, noindex"},
        ),
        ("<meta name=tdm-reservation content=1>", {"robots": "tdm-reservation: 1"}),
        ("<link rel=license href=https://creativecommons.org/licenses/by-sa/4.0/>", {"licence": "CC-BY-SA-4.0"}),
        ("<link rel=license href=https://a.test/terms>", {"licence": "https://a.test/terms"}),
        ("<meta name=dc.rights content='All rights reserved'>", {"licence": "All rights reserved"}),
        ("<meta name=author><meta content=x><link rel=canonical><title></title>", {}),
    ],
)
def test_what_a_head_declares(head: str, found: dict[str, str]) -> None:
    assert of(head) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<h1>H</h1>", {"title": "H"}),
        (
            "<a rel='x license' href=//creativecommons.org/publicdomain/zero/1.0/>CC0</a>",
            {"licence": "CC0-1.0"},
        ),
        ("<a href=http://creativecommons.org/licenses/by/3.0/us/>CC</a>", {"licence": "CC-BY-3.0"}),
        (
            "<a href=//creativecommons.org/licenses/by/3.0/></a><a href=//creativecommons.org/licenses/by-nc/3.0/>",
            {},
        ),
        ("<time datetime=2023-02-03>x</time>", {"date": "2023-02-03"}),
    ],
)
def test_what_a_body_declares(body: str, found: dict[str, str]) -> None:
    assert of("", body) == found


def test_linked_data() -> None:
    thing = {
        "datePublished": "2020-01-02",
        "author": [{"name": "Z"}],
        "license": "https://creativecommons.org/licenses/by/4.0",
    }
    for data in (thing, [thing], {"@graph": [thing, "x"]}):
        head = f'<script type="application/ld+json">{json.dumps(data)}</script>'
        assert of(head) == {"date": "2020-01-02", "author": "Z", "licence": "CC-BY-4.0"}
    for bad in ("{", "[" * 10_000, "null", "[[1]]", '{"author": 5, "datePublished": {}, "license": [1]}'):
        assert of(f'<script type="application/ld+json">{bad}</script>') == {}


def test_the_root_s_language_goes_first() -> None:
    assert declared(parse("<html lang=fr><meta name=dc.language content=en><body lang=it>"))["language"] == "fr"


@pytest.mark.parametrize(
    ("stated", "iso"),
    [
        ("2024-5-1", "2024-05-01"), ("20240501", "2024-05-01"), ("2024/05", "2024-05"), ("2024-13-01", None),
        ("May 3rd, 2021", "2021-05-03"), ("Wed, 03 May 2021 10:00:00 GMT", "2021-05-03"), ("3 Foo 2021", None),
        ("", None),
        ("2021-05-03 10:20:30 +02:00", "2021-05-03T10:20:30+02:00"),
    ],
)  # fmt: skip
def test_dates(stated: str, iso: str | None) -> None:
    assert iso_date(stated) == iso


def test_deeds() -> None:
    assert licence_of_url("https://creativecommons.org/licenses/BY-NC-ND/2.5/ch/deed.de") == "CC-BY-NC-ND-2.5"
    assert licence_of_url("https://creativecommons.org/licenses/by/") is None
    assert licence_of_url("https://creativecommons.org/publicdomain/mark/1.0/") == "CC-PDDC"
    assert licence_of_url("https://a.test/") is None


@given(st.text(max_size=80))
def test_declarations_never_raise(text: str) -> None:
    iso_date(text)
    licence_of_url(text)
    of(f'<title>{text}</title><meta name=date content="{text}"><script type="application/ld+json">{text}</script>')
