"""What extraction keeps of a manual's structure: `structure.py FOLDER`, every HTML response of FOLDER/*.warc*.

The truth is read with another parser than ours is checked on: Resiliparse's DOM. Main content is the body without
navigation, header, footer, sidebar and search boxes, known by element, role and the classes of the manuals' generators.
A line of `<pre>` is kept if the text has a line equal to it, indentation included and blanks at its end apart, as often
as the page has it; a cell, list item or heading if the text holds its first sixty characters, blanks apart.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resiliparse.parse.html import HTMLTree

from processors.charset import decode
from processors.extract import extract_page, parse_content_type
from processors.normalize import normalize
from sources.outcome import UnreadError
from sources.settings import ReadSettings
from sources.web.response import decoded_body, parse_response
from sources.web.warc import read_warc

APART_TAGS = frozenset(
    ("nav", "header", "footer", "aside", "script", "style", "noscript", "select", "template", "form")
)
APART_NAMES = frozenset(
    [
        "navheader",
        "navfooter",
        "sphinxsidebar",
        "related",
        "banner",
        "docs-header",
        "docs-sidebar",
        "docs-top-navigation",
        "footer",
        "header",
        "docs-bottom-navigation",
        "docs-navigation-banner",
        "docs-search",
        "docs-version-header",
        "topnav",
        "bottomnav",
        "toplang",
        "bottomlang",
        "path",
        "page-header",
        "quickview",
        "comments_section",
        "up",
        "top",
        "book-navigation",
        "page-links",
        "docs-copyright",
        "docnav",
        "headerlink",
        "previous",
        "next",
    ]
)
SAME = {"td": "table cells", "th": "table cells", "li": "list items"} | {f"h{n}": "headings" for n in range(1, 7)}
NESTED = frozenset(("ul", "ol", "dl", "table", "pre"))
PERMALINKS = frozenset(("headerlink", "permalink"))
HEAD = 60


def pages(folder: Path) -> Iterator[str]:
    """The HTML of every page."""
    settings = ReadSettings("web")
    for path in sorted(folder.glob("*.warc*")):
        for record in read_warc(path, settings)[1]:
            if record.fields().get("warc-type") != "response":
                continue
            response = parse_response(record.block, settings)
            media_type, charset = parse_content_type(response.first("content-type"))
            if response.status == 200 and media_type in ("text/html", "application/xhtml+xml"):
                try:
                    yield decode(decoded_body(response, settings).data, charset, markup=True)[0]
                except UnreadError:
                    continue


def content(node: Any) -> Iterator[Any]:
    """The elements of main content below a node, in order."""
    child = node.first_element_child
    while child is not None:
        names = {*child.class_list, child.getattr("id") or "", child.getattr("role") or ""}
        if child.tag not in APART_TAGS and not names & APART_NAMES and child.getattr("role") != "navigation":
            yield child
            yield from content(child)
        child = child.next_element


def own_text(node: Any) -> str:
    """The beginning of an element's text, up to what is nested in it."""
    parts: list[str] = []
    gather(node, parts)
    return "".join("".join(parts).split())[:HEAD]


def gather(node: Any, parts: list[str]) -> bool:
    """Add the texts below a node; false once there are enough or something nested has ended them."""
    child = node.first_child
    while child is not None and sum(map(len, parts)) < HEAD:
        if child.tag in NESTED:
            return False
        if child.tag == "#text":
            parts.append(child.text)
        elif child.tag not in APART_TAGS and not PERMALINKS & {*child.class_list} and not gather(child, parts):
            return False
        child = child.next
    return child is None


def main(folder: Path) -> None:
    """Count what is kept and what there is."""
    sys.setrecursionlimit(10_000)
    kept: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for html in pages(folder):
        text = normalize(extract_page(html).text)
        lines, flat = Counter(text.split("\n")), "".join(text.split())
        body = HTMLTree.parse(html).body
        for node in content(body) if body else ():
            if node.tag == "pre":
                for line in normalize(node.text.replace("\xa0", " ")).split("\n"):
                    if line.strip():
                        total["pre lines"] += 1
                        kept["pre lines"] += lines[line] > 0
                        lines[line] -= 1
            elif (what := SAME.get(node.tag)) and (start := own_text(node)):
                total[what] += 1
                kept[what] += start in flat
    print("RESULT " + json.dumps({what: [kept[what], total[what]] for what in total}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
