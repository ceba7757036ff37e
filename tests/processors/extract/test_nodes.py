import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.extract.limits import HtmlLimits, PageError
from processors.extract.nodes import TAGS, Nodes, parse, scan


def names(nodes: Nodes) -> list[str]:
    return [TAGS[tag] for tag in nodes.tag]


def test_the_tree_of_a_page() -> None:
    nodes = parse('<p class="a b" id=q>one<b>two</b><br>three<my-x>y')
    assert names(nodes) == ["html", "head", "body", "p", "#text", "b", "#text", "br", "#text", "#other", "#text"]
    assert nodes.parent.tolist() == [-1, 0, 0, 2, 3, 3, 5, 3, 3, 3, 9]
    assert nodes.end.tolist() == [11, 2, 11, 11, 5, 7, 7, 8, 9, 11, 11]
    assert nodes.depth.tolist() == [0, 1, 1, 2, 3, 3, 4, 3, 3, 3, 4]
    assert nodes.attribute(3, b"class") == b"a b"
    assert nodes.attribute(3, b"id") == b"q"
    assert nodes.attribute(3, b"clas") is None
    assert nodes.attribute(4, b"class") is None
    assert nodes.text(2) == "onetwothreey"


@pytest.mark.parametrize(
    ("html", "attributes"),
    [
        ("<p a=\"1 > 2 & 'x' &quot;\" b>", {b"a": b"1 > 2 & 'x' \"", b"b": b""}),
        ("<p A='\"' a=2 x:y=3 @z=<>", {b"a": b'"', b"x:y": b"3", b"@z": b"<"}),
        ('<p a"b=1 =c=2>', {b'a"b': b"1", b"=c": b"2"}),
        ("<p>", {}),
    ],
)
def test_attributes(html: str, attributes: dict[bytes, bytes]) -> None:
    nodes = parse(html)
    (p,) = nodes.find("p")
    assert nodes.attributes_of(int(p)) == attributes
    places = nodes.attributes(*attributes)
    for (name, value), (start, stop) in zip(attributes.items(), places[:, p], strict=True):
        assert nodes.attribute(int(p), name) == value
        assert (start, stop) != (-1, -1)


@pytest.mark.parametrize(
    ("html", "visible"),
    [
        ("<script>a<b></p>'</script>x", "x"),
        ("<script><!--<script></script>--></script>x", "x"),
        ("<script><!-- a </script>x", "x"),
        ("<script><!--></script>x", "x"),
        ("<style>p > a { }</style>x", "x"),
        ("<textarea></p>&lt;</textarea>x", "</p><x"),
        ("<iframe><p></iframe>x<noembed><b></noembed>", "x"),
        ("<!-- > --><!doctype x>x<?pi y>z<![CDATA[q]]>", "xz"),
        ("<template><p>t</p></template>x", "tx"),
        ("<svg><title>t</title><style>a</style><a/>b</svg>x", "tbx"),
        ("<table>x<td>y", "xy"),
        ("<xmp>&amp;<b></xmp>x", "&amp;<b>x"),
        ("a<plaintext></plaintext><b>", "a</plaintext><b>"),
    ],
)
def test_what_is_text(html: str, visible: str) -> None:
    nodes = parse(html)
    hidden = {TAGS.index(name) for name in ("script", "style", "iframe", "noembed")}
    texts = [i for i in np.flatnonzero(nodes.tag == 0) if int(nodes.tag[nodes.parent[i]]) not in hidden]
    assert "".join(raw(nodes, int(i)) for i in texts).replace("a" * html.startswith("<svg><title>"), "") == visible


def raw(nodes: Nodes, i: int) -> str:
    literal = TAGS[nodes.tag[nodes.parent[i]]] in ("xmp", "plaintext")
    return nodes.source[nodes.start[i] : nodes.stop[i]].decode() if literal else nodes.text(i)


def test_depth_is_counted() -> None:
    assert parse("<div>" * 10, HtmlLimits(max_depth=12)).depth.max() == 11
    with pytest.raises(PageError) as refused:
        parse("<div>" * 11, HtmlLimits(max_depth=12))
    assert refused.value.reason == "html_too_deep"


def check(nodes: Nodes) -> None:
    """The laws of the arrays: subtrees nest, parents come first, ranges lie in the bytes and in order."""
    for i in range(len(nodes)):
        parent = int(nodes.parent[i])
        assert parent < i < nodes.end[i] <= len(nodes)
        assert nodes.depth[i] == (nodes.depth[parent] + 1 if parent >= 0 else 0)
        assert parent < 0 or nodes.end[i] <= nodes.end[parent]
        assert 0 <= nodes.start[i] <= nodes.stop[i] <= len(nodes.source)
        assert i == 0 or nodes.stop[i - 1] <= nodes.start[i]


PIECES = st.sampled_from(
    re.findall(
        r"\S+",
        "<p> </p> <b> </b> <table> <tr> <td> </table> <ul> <li> <script> </script> <!-- --> <svg> </svg> <math> <style>"
        " <template> </template> <select> <option> <pre> <a> </a> <textarea> </textarea> <br> & &lt; &nbsp; < > é 水 "
        "<plaintext> <frameset> <xmp> </xmp> <title> <noscript> <x-y> <p/a=b> <p/a=' </ <! <? <![CDATA[ ]]> \" '",
    )
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join))
def test_any_text_has_a_tree(html: str) -> None:
    check(parse(html))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.lists(PIECES, max_size=12).map(lambda x: "".join(x).encode("utf-8", "replace")))
def test_any_bytes_can_be_scanned(source: bytes) -> None:
    check(scan(source))


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


SIMPLE = st.sampled_from(["<p>", "<b>x</b>", "<i>", "</i>", "<div>", "</div>", "a", "&amp;", "&lt;", "&#233;", "<br>"])


@settings(deadline=None, max_examples=200)
@given(st.lists(SIMPLE, max_size=30).map("".join))
def test_text_equals_the_standard_library_s(html: str) -> None:
    oracle = Texts()
    oracle.feed(html)
    oracle.close()
    assert parse(html).text(0) == "".join(oracle.found)
