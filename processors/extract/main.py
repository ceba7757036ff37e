"""The choice of a page's main content: `Nodes` go in, which of them are content comes out.

    nodes ──blocks.py──> blocks of text, counted ──features.py──> numbers ──first forest──> a judgement of each block
          ──context.py──> what the judgements around a block say ──second forest──> judgement ──settle.py──> kept blocks

A block is judged twice: by what it is, where it stands and how its surroundings are called, then by what was thought
of its neighbours, of its twins and of the elements that hold it (stacking; Wolpert, "Stacked generalization", 1992).
All numbers are integers, so a page gives the same text on every machine.
"""

import numpy as np

from processors.extract.blocks import count_texts, find_blocks, mark_nodes
from processors.extract.context import reconsider
from processors.extract.features import describe
from processors.extract.forest import judge, load_model
from processors.extract.nodes import Nodes
from processors.extract.settle import keep_nodes, settle

MOST_BLOCKS = 50_000  # are judged, in 80 MB; a page of more is no article, and menus apart all of it is kept


def content(nodes: Nodes) -> np.ndarray:
    """bool[n]: the texts that are the page's main content, and the elements (formulas, pictures) that stand among them.

    A page that holds any text gives some: one that has no content to speak of gives what is no menu, at worst all.
    """
    model = load_model()
    html, tag, parent, end = nodes.html, nodes.tag, nodes.parent, nodes.end
    marks, signs = mark_nodes(html, tag, parent, nodes.start, nodes.stop, *model.words)
    of, rows = find_blocks(html, tag, end, nodes.start, nodes.stop, marks)
    if not len(rows):
        return np.zeros(len(nodes), np.bool_)
    counts = count_texts(html, tag, nodes.start, nodes.stop, marks, of, rows, *model.words)
    if len(rows) > MOST_BLOCKS:
        judged = np.zeros(len(rows), np.int32)
    else:
        seen = describe(tag, parent, end, nodes.depth, marks, signs, counts)
        around = reconsider(tag, parent, end, signs, counts, judge(seen, *model.first))
        judged = judge(np.hstack((seen, around)), *model.second)
    return keep_nodes(tag, marks, of, counts, settle(tag, end, marks, counts, judged))
