"""Which tables hold data, to be written a row a line, and which only arrange a page."""

from processors.extract.looks import HIDDEN, PRE
from processors.extract.tags import INDEX, TEXT, leaf, mask
from processors.extract.writer import END, LOOK, START, STOP, TAG


@leaf
def is_data(node, layout, i):
    """Whether the table i has rows of two cells and more, and no cell with headings, code, tables or much text."""
    rows, cells, size, items, paragraphs = 0, 0, 0, 0, 0
    j = i + 1
    while j < node[i, END]:
        kind = node[j, TAG]
        if node[j, LOOK] == HIDDEN:
            j = node[j, END]
            continue
        if kind == TEXT:
            size += node[j, STOP] - node[j, START]
        elif layout[kind] or node[j, LOOK] == PRE:
            return False
        elif kind == _TR:
            cells = 0
        elif kind in (_TD, _TH):
            cells += 1
            rows += cells == 2
            size, items, paragraphs = 0, 0, 0
        elif kind == _LI:
            items += 1
        elif kind == _P:
            paragraphs += 1
        if size > _MUCH or items > _MANY or (paragraphs > 2 and size > _SOME):
            return False
        j += 1
    return rows > 0


_TR, _TD, _TH, _LI, _P = (INDEX[name] for name in ("tr", "td", "th", "li", "p"))
_MUCH, _SOME, _MANY = 2000, 400, 4  # bytes and list items of one cell
LAYOUT = mask("table h1 h2 h3 h4 h5 h6 pre form article section nav main aside header footer hr fieldset blockquote")
