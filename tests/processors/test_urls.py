"""One form for each page: what is spelt differently is the same, what is different stays different."""

import pytest
from ada_url import normalize_url
from hypothesis import given
from hypothesis import strategies as st

from processors.urls import host_of, normalized

SAME = [
    ("HTTP://Mill.Example:80/a/./b/../c", "http://mill.example/a/c"),
    ("https://mill.example", "https://mill.example/"),
    ("https://mill.example:443/?", "https://mill.example/"),
    ("https://mill.example./a", "https://mill.example/a"),
    ("http://münchen.example/straße", "http://xn--mnchen-3ya.example/stra%C3%9Fe"),
    ("http://mill.example/%7euser/%c3%bc%2f", "http://mill.example/~user/%C3%BC%2F"),
    ("http://mill.example/a b", "http://mill.example/a%20b"),
    ("http://mill.example\\a\\b", "http://mill.example/a/b"),
    ("http://mill.example/a#part-2", "http://mill.example/a"),
    ("http://mill.example/#!/a", "http://mill.example/#!/a"),
    ("http://mill.example/app#/a", "http://mill.example/app#/a"),
    ("http://mill.example/?utm_source=x&id=1&fbclid=2&UTM_Medium=y", "http://mill.example/?id=1"),
    ("http://mill.example/?b=2&a=1&b=1", "http://mill.example/?a=1&b=2&b=1"),
    ("http://mill.example/?b&a=1", "http://mill.example/?b&a=1"),  # a bare word may mean something by its place
    ("http://mill.example/?&a=1&&b=2&", "http://mill.example/?a=1&b=2"),
    ("http://mill.example/a;jsessionid=1E6FEC0D?x=1", "http://mill.example/a?x=1"),
    ("http://mill.example/?PHPSESSID=9682993c8daa2c5497996114facdc805&a=1", "http://mill.example/?a=1"),
    ("http://mill.example/?sid=9682993c8daa2c5497996114facdc805", "http://mill.example/"),
    ("http://mill.example/(S(4hqa0555fwsecu455xqckv45))/a.aspx", "http://mill.example/a.aspx"),
    ("http://mill.example/?cfid=1234&cftoken=12345678&a=1", "http://mill.example/?a=1"),
    ("  http://mill.example/ ", "http://mill.example/"),
    ("file:///a/../b", "file:///b"),
    ("mailto:a@b.example", "mailto:a@b.example"),
    (" no url ", "no url"),
    ("", ""),
    ("http://mill.example:99999/", "http://mill.example:99999/"),
    ("http://a\ud800.example/", "http://a\ud800.example/"),
]


@pytest.mark.parametrize(("url", "form"), SAME)
def test_the_normal_form(url: str, form: str) -> None:
    assert normalized(url) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://mill.example/a", "https://mill.example/a"),
        ("http://mill.example/a", "http://www.mill.example/a"),
        ("http://mill.example/a", "http://mill.example/a/"),
        ("http://mill.example/", "http://mill.example/index.html"),
        ("http://mill.example/A", "http://mill.example/a"),
        ("http://mill.example/a//b", "http://mill.example/a/b"),
        ("http://mill.example/a%2Fb", "http://mill.example/a/b"),
        ("http://mill.example/?sid=7", "http://mill.example/?sid=8"),
        ("http://mill.example/?ref=a", "http://mill.example/"),
        ("http://mill.example/?a=1&a=2", "http://mill.example/?a=2&a=1"),
        ("http://mill.example/?a+b", "http://mill.example/?a%20b"),
        ("http://mill.example/?a=%26b", "http://mill.example/?a=&b"),
        ("http://mill.example/?print=1", "http://mill.example/"),
        ("http://mill.example:8080/", "http://mill.example/"),
        ("http://mill.example/app#/a", "http://mill.example/app#/b"),
    ],
)
def test_different_pages_stay_apart(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


PIECES = st.text(alphabet="aB1%2eE./;()=&?#!:@~_- ü\\\t", max_size=40)


@given(
    st.sampled_from(["http://", "HTTPS://", "ftp://", "x:", ""]),
    st.sampled_from(["Mill.example", "a..", "", "."]),
    PIECES,
)
def test_the_normal_form_is_its_own_and_a_url(scheme: str, host: str, rest: str) -> None:
    form = normalized(scheme + host + rest)
    assert normalized(form) == form
    if form.startswith("http"):
        try:
            assert normalize_url(form) == form
        except ValueError:
            assert form == (scheme + host + rest).strip()  # it never was one


@given(PIECES, st.sampled_from(["utm_source=1", "gclid=x", "fbclid="]))
def test_a_click_changes_nothing(query: str, click: str) -> None:
    query = query.replace("#", "")
    with_click = normalized(f"http://a.example/?a=1&{query}&{click}&z=1")
    assert with_click == normalized(f"http://a.example/?a=1&{query}&z=1")


def test_hosts() -> None:
    assert host_of("https://User@WWW.Müller.example.:8443/a") == "www.xn--mller-kva.example"
    assert host_of("no url") == host_of("mailto:a@b.example") == ""
    assert host_of("http://[::1]:80/") == "[::1]"
