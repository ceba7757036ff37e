import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.extract.blocks import CHARS, count_texts, find_blocks, mark_nodes
from processors.extract.main import content
from processors.extract.nodes import Nodes, parse
from processors.extract.settle import settle
from processors.extract.vocabulary import table

PROSE = [
    "The mill at the river has ground corn for three hundred years, and its wheel still turns with the water.",
    "In autumn the farmers come with their carts, and the miller weighs what they bring before he opens the sluice.",
    "“We never stop the stones before evening,” he says, “because the flour would burn where they stand.”",
    "Last year the council paid for a new axle, cut from an oak that the storm had felled on the hill.",
]


def kept(html: str) -> str:
    nodes = parse(html)
    return text_of(nodes, content(nodes))


def text_of(nodes: Nodes, keep: np.ndarray) -> str:
    return " ".join(nodes.text(i) for i in np.flatnonzero(keep & (nodes.tag == 0)))


def paragraphs(texts: list[str]) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


ARTICLE = f"""<html><head><title>The mill</title><script>var menu = 1</script></head><body>
<nav class="main-nav"><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li><li><a href="/s">Sport</a></li>
</ul></nav><article><h1>The mill turns again</h1><div class="share-buttons"><a href="#">Share on Facebook</a></div>
<div class="entry-content">{paragraphs(PROSE)}<h2>What the wheel needs</h2><ul><li>Water from the upper pond</li>
<li>Grease made of tallow</li></ul>{paragraphs(PROSE[:2])}</div></article>
<aside class="sidebar"><h3>Most read</h3><ul><li><a href="/1">Ten bakers to visit</a></li>
<li><a href="/2">Rain comes</a></li></ul></aside>
<div class="related-posts"><h3>Related articles</h3><ul><li><a href="/3">A bridge is mended</a></li>
<li><a href="/4">Fair opens</a></li></ul></div>
<div id="comments" class="comments-area"><h3>2 comments</h3><ol class="comment-list">
<li class="comment"><p>Nice place, we went there last summer with the children.</p></li>
<li class="comment"><p>My grandfather was the miller there.</p></li></ol></div>
<footer class="site-footer"><p>Copyright 2019 The Valley Post. All rights reserved.</p><a href="/p">Privacy</a></footer>
</body></html>"""


def test_an_article_comes_without_what_surrounds_it():
    text = kept(ARTICLE)
    for part in (*PROSE, "What the wheel needs", "Grease made of tallow"):
        assert part in text
    for part in (
        "Home",
        "Share on",
        "Most read",
        "Ten bakers",
        "Related articles",
        "A bridge",
        "grandfather",
        "Copyright",
    ):
        assert part not in text


CODE = "def turn(wheel):\n    if wheel.wet:\n        return wheel.speed * 2\n\n    return 0\n"
ROWS = [
    ("speed", "integer", "turns in a minute"),
    ("wet", "boolean", "whether water runs"),
    ("age", "integer", "years"),
]


def test_a_manual_keeps_code_tables_lists_and_headings():
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
    text = kept(
        f"""<body><div class="related" role="navigation"><ul><li><a href="i">index</a></li>
        <li><a href="n">next</a></li></ul></div>
        <div class="document"><div class="body" role="main"><section id="wheel"><h1>Wheels</h1>
        <p>The module <code>wheel</code> turns water into work.</p><h2>Usage</h2><pre>{CODE}</pre>
        <h2>Fields</h2><table><thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead><tbody>{cells}</tbody></table>
        <h2>Notes</h2><ul><li><p>Never dry.</p></li><li><p>Grease it.</p></li></ul></section></div></div>
        <div class="sphinxsidebar" role="navigation"><h3>Table of Contents</h3><ul>
        <li><a href="#">Wheels</a></li></ul></div></body>"""
    )
    for part in (CODE, "Wheels", "Usage", "Fields", "Meaning", "Notes", "Never dry.", "Grease it.", *sum(ROWS, ())):
        assert part in text
    assert "Table of Contents" not in text


def manual(body: str) -> str:
    """A page as Sphinx makes it."""
    return kept(
        f"""<body><div class="related" role="navigation"><ul><li><a href="i">index</a></li></ul></div>
        <div class="document"><div class="body" role="main"><section id="wheel"><h1>Wheels</h1>
        {paragraphs(PROSE)}<pre>{CODE}</pre>{body}{paragraphs(PROSE)}</section></div></div>
        <div class="footer">Created using a mill.</div></body>"""
    )


def test_a_manual_may_speak_of_comments():
    text = manual(
        f"""<section id="comments"><h2>Comments</h2><p>A comment begins with a sign, and the miller skips the line.</p>
        <pre>## this is a comment</pre></section><dl><dt id="mill.ColumnComment">class mill.ColumnComment(name)</dt>
        <dd><p>{PROSE[0]}</p></dd></dl>"""
    )
    for part in ("Comments", "the miller skips the line", "## this is a comment", "class mill.ColumnComment"):
        assert part in text


def test_a_short_last_section_goes_with_the_long_ones():
    long = "".join(f"<section><h3>Wheel {i}</h3>{paragraphs(PROSE * 2)}</section>" for i in range(12))
    text = manual(f"<section><h2>All of them</h2>{long}</section><section><h2>Decisions</h2><p>None.</p></section>")
    assert "Decisions" in text and "None." in text


def test_a_heading_stands_before_text_that_has_no_paragraph():
    text = kept(
        f"""<body class="toc"><p id="title"><a href="/"><strong>Home</strong></a></p><ul class="docnav">
        <li class="previous"><a href="p">Prev</a></li><li class="next"><a href="n">Next</a></li></ul>
        <div class="section"><div class="titlepage"><div><div><h2 class="title">8.3. Internal audits</h2></div></div>
        </div><div class="para">{PROSE[0]} {PROSE[1]} {PROSE[3]}</div></div><ul class="docnav">
        <li class="previous"><a href="p">Prev</a></li><li class="next"><a href="n">Next</a></li></ul></body>"""
    )
    assert "8.3. Internal audits" in text


def test_a_page_that_is_a_table_keeps_all_of_its_cells():
    rows = "".join(f"<tr><td>mills/wheels/{i}</td><td>{i % 3}%</td></tr>" for i in range(30))
    n = parse(f"<h1>Status</h1><table><thead><tr><th>Directory</th></tr></thead><tbody>{rows}</tbody></table>")
    known = table({})
    marks, _ = mark_nodes(n.html, n.tag, n.parent, n.start, n.stop, *known)
    of, blocks = find_blocks(n.html, n.tag, n.end, n.start, n.stop, marks)
    counts = count_texts(n.html, n.tag, n.start, n.stop, marks, of, blocks, *known)
    judged = np.where(counts[:, CHARS] > 10, 900, 400).astype(np.int32)  # only the names of folders are long
    assert settle(n.tag, n.end, marks, counts, judged).all()


def test_a_forum_keeps_every_post():
    posts = "".join(
        f'<div class="post" id="p{i}"><div class="author"><a href="/u{i}">user{i}</a></div>'
        f'<div class="post-content"><p>{text}</p></div><a href="#">Reply</a></div>'
        for i, text in enumerate(PROSE)
    )
    text = kept(
        f"<body><nav><a href='/'>Forum</a> <a href='/faq'>FAQ</a></nav><h1>The wheel is stuck</h1>{posts}</body>"
    )
    assert all(part in text for part in PROSE)


@pytest.mark.parametrize(
    "html",
    [
        "<ul>" + "".join(f'<li><a href="/{i}">Mill number {i}</a></li>' for i in range(40)) + "</ul>",
        "<nav><a href='/'>Home</a></nav>",
        "<p>x</p>",
        "bare text",
        "<footer>only this</footer>",
        "<form><label>Name</label><button>Send</button></form>",
        "<table>" + "".join(f"<tr><td>{i}</td><td>{i * i}</td></tr>" for i in range(30)) + "</table>",
    ],
)
def test_text_is_never_lost_altogether(html):
    assert kept(html).strip()


@pytest.mark.parametrize("html", ["", "<body></body>", "<script>text()</script>", "<p> \n&nbsp;</p>"])
def test_no_text_gives_none(html):
    assert not kept(html).strip()


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 500 + "deep" + "</div>" * 500,
        '<p ="" class class="" =x id=\'"\'>odd attributes</p>',
        "<p class='" + "a-B " * 20000 + "'>many names</p>",
        "<pre>" + "<span>x</span>\n" * 20000 + "</pre>",
        "".join(f"<p>{i}</p>" for i in range(20000)),
        "<p>many</p>" * 60000,
        "<p>" + "word " * 200000 + "</p>",
        "<br>" * 10000 + "end",
        "<p>&nbsp;&amp;&lt;&gt;\ud800\U0010ffff</p>",
    ],
    ids=["deep", "attributes", "names", "pre", "paragraphs", "blocks", "words", "breaks", "characters"],
)
def test_hostile_pages_are_answered(html):
    assert kept(html).strip()


WORDS = st.sampled_from(["mill", "Read more", "wheel, water. ", "©", "水車は回る。", "1999", " ", "&", PROSE[0]])
TAGS = st.sampled_from(
    ["p", "div", "span", "a", "ul", "li", "table", "tr", "td", "pre", "h1", "nav", "footer", "article", "br", "script"]
)
NAMES = st.sampled_from(
    ["", " class='comment-list'", " id=main", " role=navigation", " hidden", " class='entryContent x'"]
)


@st.composite
def pages(draw: st.DrawFn) -> str:
    out = []
    for _ in range(draw(st.integers(0, 30))):
        tag = draw(TAGS)
        out.append(draw(st.sampled_from([f"<{tag}{draw(NAMES)}>", f"</{tag}>", draw(WORDS), draw(WORDS)])))
    return "".join(out)


@settings(max_examples=200, deadline=None)
@given(pages())
def test_laws_of_the_choice(html):
    nodes = parse(html)
    keep = content(nodes)
    assert keep.dtype == np.bool_ and keep.shape == (len(nodes),)
    assert np.array_equal(keep, content(parse(html)))
    shown = {i for i in np.flatnonzero(nodes.tag == 0) if nodes.text(i).strip()}
    for name in ("script", "head"):
        for node in nodes.find(name):
            assert not keep[[i for i in range(node, nodes.end[node]) if nodes.tag[i] == 0]].any()
            shown -= set(range(node, nodes.end[node]))
    assert bool(shown) == bool(shown & set(np.flatnonzero(keep)))
