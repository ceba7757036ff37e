import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.extract.looks import visible
from processors.extract.nodes import parse
from processors.extract.render import render
from processors.normalize import normalize


def text_of(html: str) -> str:
    nodes = parse(html)
    return render(nodes, np.ones(len(nodes), np.bool_))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # white space and blocks
        ("<p>a<b>b</b> c\n d</p><p>e", "ab c d\n\ne"),
        ("<p>a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>c", "a\nb\nc"),
        ("a&nbsp;b &nbsp; c&amp;&lt;d&gt;", "a b c&<d>"),
        ("<p>&nbsp;</p><p>a<br>&nbsp;&nbsp;b", "a\n  b"),
        ("co\u00adoperate", "cooperate"),
        ("<h1>T</h1>x<h2>U</h2>y", "T\n\nx\n\nU\n\ny"),
        ("<button>a</button><label>b</label>c", "a b c"),
        ("<x-y>a</x-y><x-y>b</x-y>", "a\nb"),
        # lists
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n  - c\n- d\n\ne"),
        ("<ol start=9><li>x<li>y<li value=3>z</ol>", "9. x\n10. y\n3. z"),
        ("<ol><li><p>a</p><p>b</p><li>c</ol>", "1. a\n\n   b\n\n2. c"),
        ("<ul><li></li><li>a</ul>b", "- a\n\nb"),
        ("<dl><dt>n<dt>m<dd><p>d</p><dt>o<dd>f</dl>z", "n\nm\nd\n\no\nf\n\nz"),
        # tables
        ("<table><caption>c</caption><tr><th>A<th>B<tr><td>1<td><b>2</b> x</table>t", "c\nA | B\n1 | 2 x\n\nt"),
        ("<table><tr><td>a<td><td>c<tr><td><td>z<tr><td><td></table>", "a | | c\n| z"),
        ("<table><tr><td>a<br>b<td><ul><li>c<li>d</ul></table>", "a b | c d"),
        ("<table><tr><td><h2>N</h2><p>a<td>b</table>", "N\n\na\n\nb"),
        ("<table><tr><td>only<tr><td>column</table>", "only\ncolumn"),
        # preformatted
        ("<p>a<pre>\n\n  x\n\ty  \n</pre>b", "a\n\n  x\n\ty\n\nb"),
        ("<pre><span class=k>if</span> x:\n    <b>y</b></pre>", "if x:\n    y"),
        ("<pre><span class=line>a</span><br><div>b</div>c</pre>", "a\nb\nc"),
        ("<ul><li>a<pre>  x</pre>b</ul>", "- a\n\n  x\n\n  b"),
        ("<pre><a class=lineno>1</a>a\n<a class=lineno>2</a> b</pre>", "a\n b"),
        ("<table><tr><td class=linenos><pre>1\n2</pre><td><pre>a\n  b</pre></table>", "a\n  b"),
        (
            "<table><tr><td class=blob-num>1<td class=blob-code>if:"
            "<tr><td class=blob-num>2<td class=blob-code>  x</table>",
            "if:\n  x",
        ),
        ("<div class=fragment><div class=line>a</div>\n<div class=line>  b</div>\n</div>", "a\n  b"),
        ("<p style='white-space: pre-wrap'>a\n  b", "a\n  b"),
        # formulas and small print
        ("2<sup>32</sup> x<sup>n</sup> 1<sup>st</sup> 10<sup>−3</sup>", "2^32 x^n 1st 10^−3"),
        ("H<sub>2</sub>O x<sub>i</sub>", "H2O x_i"),
        ("word<sup><a href=#f3>3</a></sup>.", "word[3]."),
        ('<math alttext="x^2"><mi>x</mi></math>!', "$x^2$!"),
        (
            '<math display="block"><semantics><mi>x</mi><annotation encoding="application/x-tex">x &lt; 1</annotation>'
            "</semantics></math>y",
            "$$x < 1$$\n\ny",
        ),
        ("<math><mi>a</mi> <mo>+</mo> <mi>b</mi></math>", "a+b"),
        (
            '<span class=katex><span><math><semantics><mi>x</mi><annotation encoding="application/x-tex"'
            ">x</annotation></semantics></math></span><span class=katex-html aria-hidden=true>x</span></span>",
            "$x$",
        ),
        ('<span class=MathJax_Preview>p</span><script type="math/tex">a<b</script>', "$a<b$"),
        (r'<img class=tex alt="\alpha">', r"$\alpha$"),
        ("<img alt='a photo'>x", "x"),
        ("<ruby>漢<rp>(<rt>kan<rp>)</ruby>", "漢(kan)"),
        ("<q>a</q>", '"a"'),
        # not shown
        ("<p hidden>a</p><p style='display : none'>b</p><p>c", "c"),
        ("<p><noscript>a</noscript><select><option>b</select><textarea>c</textarea><template>d</template>e", "e"),
        ("<h2>T<a class=headerlink href='#t'>¶</a></h2>", "T"),
        ("<h2><a href='#t'>#</a>T <a href='#u'>§ 5</a></h2>", "T § 5"),
        ("<title>t</title><svg><text>s</text></svg>x", "x"),
        ("<body style='visibility:hidden'>x", "x"),
    ],
)
def test_structure(html: str, text: str) -> None:
    assert normalize(text_of(html)) == text


def test_what_is_not_kept_is_left_out_and_still_parts() -> None:
    nodes = parse("<p>a</p><div>b</div><p>c <b>d</b> e</p><pre>f</pre><ul><li>g<li>h</ul>")
    keep = np.ones(len(nodes), np.bool_)
    for name in ("div", "b", "pre"):
        (i,) = nodes.find(name)
        keep[i : nodes.end[i]] = False
    keep[nodes.find("li")[0] + 1] = False
    assert render(nodes, keep) == "a\n\nc e\n\n- h"
    assert render(nodes, np.zeros(len(nodes), np.bool_)) == ""


CODE = st.text(st.sampled_from("ab<&>\"' \t\n{é水"), max_size=60).filter(lambda code: code.strip())


@settings(deadline=None, max_examples=300)
@given(CODE, st.sampled_from(["{}", "<ul><li>x{}</ul>", "<table><tr><td>x<td>{}</table>", "<dl><dd>{}</dl>", "<i>{}y"]))
def test_code_is_kept_byte_for_byte(code: str, around: str) -> None:
    lines = text_of(around.format(f"<pre>\n{escape(code)}</pre>")).split("\n")
    expected = [line.rstrip() for line in code.strip("\n").split("\n")]
    while expected and not expected[0].strip():
        expected.pop(0)
    while expected and not expected[-1].strip():
        expected.pop()
    found = [line.rstrip() for line in lines]
    assert any(found[k : k + len(expected)] == expected for k in range(len(found)))


WORDS = st.sampled_from(["mill", "wheel", "&amp;", "é", "a&lt;b", "水車", " ", "\n", "&nbsp;"])
TAGS = st.sampled_from(
    ["<p>", "</p>", "<b>", "</b>", "<div>", "</div>", "<ul>", "<li>", "</ul>", "<ol>", "</ol>", "<table>", "<tr>",
     "<td>", "</table>", "<h2>", "</h2>", "<pre>", "</pre>", "<br>", "<dl>", "<dt>", "<dd>", "</dl>", "<a>", "</a>",
     "<blockquote>", "</blockquote>", "<hr>", "<section>", "</section>", "<img>", "<script>x</script>", "<!-- y -->"]
)  # fmt: skip
PAGES = st.lists(WORDS | TAGS, max_size=40).map("".join)


class Letters(HTMLParser):
    """What stands between the tags of a page, scripts left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.script = "", False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self.script = False

    def handle_data(self, data: str) -> None:
        self.found += "" if self.script else data


@settings(deadline=None, max_examples=500)
@given(PAGES)
def test_no_letter_is_lost_or_invented(html: str) -> None:
    oracle = Letters()
    oracle.feed(html)
    oracle.close()
    text = re.sub(r"(?m)^(\s*(- |\d+\. ))+|^(\| )+| \|(?= |$)", "", text_of(html))
    assert sorted("".join(text.split())) == sorted("".join(oracle.found.split()))


@settings(deadline=None, max_examples=300)
@given(PAGES)
def test_edges_are_clean(html: str) -> None:
    text = normalize(text_of(html))
    assert text == text.strip("\n ") or "<pre>" in html or "&nbsp;" in html
    assert "\n\n\n" not in text or "<pre>" in html
    assert "  " not in re.sub(r"(?m)^ +(- |\d+\. )*", "", text) or "<pre>" in html or "&nbsp;" in html


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(["mill", "wheel, turns", "<b>", "&", "x < y"]), min_size=1, max_size=8))
def test_paragraphs_come_back(paragraphs: list[str]) -> None:
    once = text_of("".join(f"<p>{escape(p)}</p>" for p in paragraphs))
    assert once == "\n\n".join(paragraphs)
    assert text_of("".join(f"<div><p>{escape(p)}</p></div>\n" for p in once.split("\n\n"))) == once


@settings(deadline=None, max_examples=300)
@given(st.lists(PAGES | st.text(max_size=20), max_size=5).map("".join))
def test_any_page_is_rendered_and_part_of_it_too(html: str) -> None:
    nodes = parse(html)
    keep = np.arange(len(nodes)) % 3 > 0
    render(nodes, keep).encode()
    everything = render(nodes, np.ones(len(nodes), np.bool_))
    assert everything == render(nodes, visible(nodes)) or "<script>" in html
