"""Objectives as transforms: the same however the windows are read, undone they give the documents back."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import DataError, RecipeError
from corpus.loader import Loader
from corpus.shard import Corpus, open_corpus
from corpus.windows import Segments
from pretrain.config import ObjectiveConfig, TrainConfig, load_config
from pretrain.objectives.rows import Rows, Special, check_domains, special_ids
from pretrain.objectives.transform import apply

EOS, PAD, PRE, MID, SUF, MASK = 1, 2, 64, 65, 66, 67
SPECIAL = Special(EOS, PAD, PRE, MID, SUF, MASK, np.arange(100, 140, dtype=np.int32), np.arange(4, 64, dtype=np.int32))
NEXT, FIM, MLM, SPAN = (ObjectiveConfig(name=name) for name in ("next", "fim", "mlm", "span"))
OBJECTIVES = st.sampled_from([NEXT, FIM, replace(FIM, rate=1.0, domains=("web",)), MLM, SPAN, replace(SPAN, ul2=True)])
CHOSEN = st.fixed_dictionaries(
    {
        "sequence_length": st.sampled_from([16, 50, 128]),
        "shuffle_block": st.sampled_from([1, 7, 10_000]),
        "pack_block": st.sampled_from([0, 20]),
    }
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, made_corpus: Callable[..., str]) -> Corpus:
    return open_corpus(made_corpus(tmp_path_factory.mktemp("corpus") / "c", shard_tokens=700))


def opened(ids: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Where documents open, place by place: at an EOS, and where one begins without an EOS before it."""
    width, found = ids.shape[1] - 1, []
    begins = set(bounds.tolist())
    for row, column in np.ndindex(len(ids), width):
        begun = row * width + column in begins and not (column and ids[row, column - 1] == EOS)
        if ids[row, column] == EOS or begun:
            found.append(row * width + column)
    return np.array(found, np.int32)


def rows_of(objective: ObjectiveConfig, loader: Loader, position: int, count: int, seed: int = 0) -> Rows:
    read = loader.batch(position, count)
    starts = opened(read.tokens, read.bounds)
    return apply(objective, read.tokens, starts, lambda: loader.segments(position, count), SPECIAL, seed)


def arrays(rows: Rows) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(rows).items() if value is not None}


def same(one: Rows, other: Rows) -> bool:
    return all(np.array_equal(value, arrays(other)[name]) for name, value in arrays(one).items())


def documents(starts: np.ndarray, width: int, rows: int) -> list[tuple[int, int, int]]:
    """Row, begin and end of each document."""
    ends = np.append(starts[1:], rows * width) - starts
    return [(int(s) // width, int(s) % width, int(s) % width + int(n)) for s, n in zip(starts, ends, strict=True)]


@settings(max_examples=60)
@given(OBJECTIVES, CHOSEN, st.integers(0, 900), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(-2, 9))
def test_any_split_of_the_positions_gives_the_same_rows(
    corpus: Corpus, objective: ObjectiveConfig, chosen: dict, position: int, sizes: list[int], seed: int
) -> None:
    whole, at = rows_of(objective, Loader(corpus, **chosen), position, sum(sizes), seed), 0
    for size in sizes:
        part = rows_of(objective, Loader(corpus, **chosen), position + at, size, seed)
        assert same(part, whole.part(at, at + size))
        at += size


@pytest.mark.parametrize("objective", [FIM, MLM, SPAN])
def test_another_epoch_and_another_seed_draw_otherwise(corpus: Corpus, objective: ObjectiveConfig) -> None:
    loader = Loader(corpus, 64)
    first = rows_of(objective, loader, 0, 20)
    assert same(first, rows_of(objective, loader, 0, 20))
    assert not same(first, rows_of(objective, loader, loader.num_windows, 20))
    assert not same(first, rows_of(objective, loader, 0, 20, seed=1))


def test_the_next_token_copies_nothing(corpus: Corpus) -> None:
    read = Loader(corpus, 64).batch(0, 5)
    rows = apply(NEXT, read.tokens, read.bounds, lambda: pytest.fail("not needed"), SPECIAL, 0)
    assert np.shares_memory(rows.tokens, read.tokens)
    assert np.shares_memory(rows.targets, read.tokens)
    assert np.array_equal(rows.tokens[:, 1:], rows.targets[:, :-1])


def unfilled(ids: list[int]) -> tuple[list[int], list[int]]:
    """A transformed part as (prefix and middle, suffix); as (all, nothing) if it was left as it is."""
    if not ids or ids[0] != PRE:
        return ids, []
    middle, suffix = ids.index(MID), ids.index(SUF)
    if suffix == 1:
        return ids[middle + 1 :], ids[2:middle]
    return ids[1:suffix] + ids[middle + 1 :], ids[suffix + 1 : middle]


@settings(max_examples=60)
@given(CHOSEN, st.integers(0, 900), st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 99))
def test_fim_undone_gives_the_document_back_but_for_three_ids(
    corpus: Corpus, chosen: dict, position: int, count: int, spm: float, seed: int
) -> None:
    loader = Loader(corpus, **chosen)
    before = rows_of(NEXT, loader, position, count)
    rows = rows_of(replace(FIM, rate=1.0, spm_rate=spm), loader, position, count, seed)
    assert np.array_equal(rows.starts, before.starts)
    assert np.array_equal(rows.tokens[:, 1:], rows.targets[:, :-1])
    last = loader.segments(position, count)
    goes_on = {int(row) for row, stop in zip(last.row, last.stop, strict=True) if stop > loader.length}
    lost = np.zeros(count, int)
    for row, begin, end in documents(rows.starts, loader.length, count):
        ends_here = end < loader.length or row not in goes_on or before.targets[row, -1] == EOS
        old, new = (
            each.tokens[row, begin:end].tolist() + ([] if ends_here else [int(each.targets[row, -1])])
            for each in (before, rows)
        )
        if ends_here:
            assert rows.targets[row, end - 1] == before.targets[row, end - 1]
        assert len(old) == len(new)
        if old[0] == EOS:
            assert new[0] == EOS
            old, new = old[1:], new[1:]
        text, suffix = unfilled(new)
        assert text == old[: len(text)]
        if suffix:
            assert suffix == old[len(text) : -3]
            lost[row] += 3
            assert (new[1] == SUF) or spm < 1
        else:
            assert new == old
    assert rows.left_out is not None
    assert rows.left_out.tolist() == lost.tolist()


def test_fim_takes_its_share_of_the_parts_of_its_domains(corpus: Corpus) -> None:
    loader = Loader(corpus, 128)
    count = loader.num_windows
    for objective, wanted, low, high in (
        (replace(FIM, rate=1.0, domains=("code",)), {"code"}, 0.55, 1.0),
        (replace(FIM, rate=1.0), {"web", "code", "books"}, 0.55, 1.0),
        (FIM, {"web", "code", "books"}, 0.25, 0.5),
    ):
        rows, parts = rows_of(objective, loader, 0, count), loader.segments(0, count)
        long = parts.stop - parts.start > 20
        shown = [(PRE in rows.tokens[r, a:b]) for r, a, b in zip(parts.row, parts.start, parts.stop, strict=True)]
        names = {parts.domains[number] for number in parts.domain[np.array(shown)]}
        assert names == wanted
        mine = long & np.isin(parts.domain, [parts.domains.index(name) for name in wanted])
        assert low < np.array(shown)[mine].mean() < high


def test_a_domain_that_is_not_there_leaves_all_as_it_is(corpus: Corpus) -> None:
    loader = Loader(corpus, 64)
    rows = rows_of(replace(FIM, rate=1.0, domains=("poems",)), loader, 0, 9)
    assert np.array_equal(rows.tokens, rows_of(NEXT, loader, 0, 9).tokens)


@settings(max_examples=20)
@given(st.sampled_from([0.0, 0.05, 0.5]), st.sampled_from([0, 20]), st.integers(0, 99))
def test_masks_are_berts(corpus: Corpus, rate: float, pack: int, seed: int) -> None:
    loader = Loader(corpus, 128, pack_block=pack)
    before = rows_of(NEXT, loader, 0, loader.num_windows).tokens
    rows = rows_of(replace(MLM, rate=rate), loader, 0, loader.num_windows, seed)
    text, chosen = (before != EOS) & (before != PAD), rows.targets != PAD
    assert not (chosen & ~text).any()
    assert np.array_equal(rows.tokens[~chosen], before[~chosen])
    assert np.array_equal(rows.targets[chosen], before[chosen])
    share, wanted = chosen.sum() / text.sum(), rate or 0.15
    assert abs(share - wanted) < 5 * (wanted / text.sum()) ** 0.5
    masked = rows.tokens[chosen] == MASK
    other = (rows.tokens != before)[chosen] & ~masked
    room = 2.5 / chosen.sum() ** 0.5
    assert abs(masked.mean() - 0.8) < room
    assert abs(other.mean() - 0.1 * 59 / 60) < room
    assert np.isin(rows.tokens[chosen][other], SPECIAL.ordinary).all()


def test_without_documents_of_its_own_a_stream_is_keyed_by_place(corpus: Corpus) -> None:
    """As held-out windows are read."""
    read = Loader(corpus, 64).batch(0, 8)
    starts = opened(read.tokens, read.bounds)

    def of(first: int, stop: int) -> Rows:
        mine = starts[(starts >= first * 64) & (starts < stop * 64)] - first * 64
        parts = Segments.of(mine, 64, np.arange(first, stop))
        return apply(MLM, read.tokens[first:stop], mine, lambda: parts, SPECIAL, 0)

    assert same(of(3, 8), of(0, 8).part(3, 8))
    assert (of(0, 8).targets != PAD).any()


@pytest.mark.parametrize(
    ("objective", "lacking", "said"),
    [
        (FIM, {"fim_suffix": -1}, '"<fim_suffix>", which'),
        (MLM, {"mask": -1}, "objective 'mlm' needs \"<mask>\""),
        (SPAN, {"sentinels": np.zeros(0, np.int32)}, '"<extra_id_0>", ..., "<extra_id_99>"'),
    ],
)
def test_a_mark_that_is_not_there_is_asked_for(objective: ObjectiveConfig, lacking: dict, said: str) -> None:
    ids = np.full((1, 65), 9, np.int32)
    starts = np.zeros(1, np.int32)
    parts = Segments.of(starts, 64, np.arange(1))
    with pytest.raises(RecipeError, match=said) as raised:
        apply(objective, ids, starts, lambda: parts, replace(SPECIAL, **lacking), 0)
    assert "`control` in the recipe's [tokenizer]" in str(raised.value)


def trained(folder: Path, control: list[str]) -> bytes:
    import sentencepiece

    text = folder / "text.txt"
    text.write_text("the mill grinds grain into flour and water turns the great wheel\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "m"), vocab_size=60, model_type="bpe", pad_id=2, unk_id=0, bos_id=3,
        eos_id=1, control_symbols=control, minloglevel=2,
    )  # fmt: skip
    return (folder / "m.model").read_bytes()


def test_marks_are_read_from_the_tokenizer(tmp_path: Path, made_corpus: Callable[..., str]) -> None:
    corpus = open_corpus(made_corpus(tmp_path / "c"))
    plain = special_ids(corpus, NEXT)
    assert (plain.eos, plain.pad, plain.fim_prefix, len(plain.sentinels)) == (EOS, PAD, -1, 0)
    with pytest.raises(DataError, match="cannot be read as a tokenizer"):
        special_ids(corpus, FIM)
    names = ["<fim_prefix>", "<extra_id_1>", "<fim_middle>", "<fim_suffix>", "<extra_id_0>"]
    corpus.store.put(corpus.tokenizer.path, trained(tmp_path, names))
    found = special_ids(corpus, FIM)
    assert (found.fim_prefix, found.fim_middle, found.fim_suffix, found.mask) == (4, 6, 7, -1)
    assert found.sentinels.tolist() == [8, 5]
    assert found.ordinary.tolist() == list(range(9, 60))
    with pytest.raises(RecipeError, match="<mask>"):
        special_ids(corpus, MLM)


def test_a_domain_that_is_not_there_is_named(corpus: Corpus) -> None:
    check_domains(corpus, replace(FIM, domains=("web",)))
    with pytest.raises(RecipeError, match=r"names cod, the corpus has .*code"):
        check_domains(corpus, replace(FIM, domains=("web", "cod")))


@pytest.mark.parametrize("name", ["fim", "mlm", "span"])
def test_each_has_bundled_settings(name: str) -> None:
    assert load_config(f"tiny-{name}").objective.name == name


@pytest.mark.parametrize(
    ("kind", "objective"),
    [
        ("decoder", replace(FIM, rate=0.9, domains=("000",))),
        ("encoder", MLM),
        ("encoder-decoder", SPAN),
        ("encoder-decoder", replace(SPAN, ul2=True)),
    ],
)
def test_a_run_learns_is_scored_and_goes_on(
    kind: str, objective: ObjectiveConfig, tmp_path: Path, corpus_root: str, changed: Callable[..., TrainConfig]
) -> None:
    """Each objective by the trainer itself: stopped in the middle or not, the same, and better than at the start."""
    pytest.importorskip("torch")
    from pretrain.train import train

    control = ["<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<mask>", *(f"<extra_id_{i}>" for i in range(12))]
    (Path(corpus_root) / "tokenizer/t.model").write_bytes(trained(tmp_path, control))
    config = changed(kind=kind, steps=24, sequence_length=64, log_every=1, eval_every=12, objective=objective)
    whole = train(corpus_root, config, tmp_path / "whole", say=lambda _: None)
    train(corpus_root, config, tmp_path / "halves", 9, say=lambda _: None)
    halves = train(corpus_root, config, tmp_path / "halves", say=lambda _: None)
    assert replace(halves, seconds=0) == replace(whole, seconds=0)
    assert whole.per_domain["web"].model_bits > 0
    records = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    losses = [record["loss"] for record in records if "batch" in record]
    assert sum(losses[-4:]) < sum(losses[:4])
