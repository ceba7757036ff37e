import pyarrow as pa
import pytest

from corpus.errors import RecipeError
from processors.filters.chain import judge, score
from processors.filters.robots import Robots


def rules_of(asks: list[str | None], robots: Robots) -> list[list[str]]:
    columns = {"id": pa.array(range(len(asks))), "text": pa.array(["x"] * len(asks), pa.large_string())}
    batch = pa.RecordBatch.from_pydict({**columns, "robots": pa.array(asks, pa.string())})
    return judge(score(batch, (robots,)), (robots,)).to_pylist()


def test_each_token_is_a_rule_and_the_recipe_says_which_count() -> None:
    asks = ["noai, noindex", "tdm-reservation: 1", "tdm-reservation: 0", "index, follow", "noimageai", None]
    fired = [["robots.noai"], ["robots.tdm_reservation"], [], [], [], []]
    assert rules_of(asks, Robots()) == fired
    assert rules_of(asks, Robots(respect=("noindex", "noimageai")))[0] == ["robots.noindex"]
    assert rules_of(asks, Robots(respect=("noindex", "noimageai")))[4] == ["robots.noimageai"]


def test_a_crawler_s_own_rule_counts_where_it_is_named_and_none_means_noindex() -> None:
    asks = ["gptbot: noindex", "googlebot: noindex", "none", "ccbot: none", "max-snippet:-1"]
    robots = Robots(respect=("noindex",))
    assert rules_of(asks, robots) == [["robots.noindex"], [], ["robots.noindex"], ["robots.noindex"], []]
    assert rules_of(asks, Robots(respect=("noindex",), crawlers=("googlebot",)))[:2] == [[], ["robots.noindex"]]


@pytest.mark.parametrize("respect", [("NoAI",), ("noai", "noai"), ("",), ("tdm-reservation: 1", "tdm-reservation: 0")])
def test_a_token_that_could_not_match_or_names_a_rule_twice_is_refused(respect: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError, match="respect"):
        Robots(respect=respect)
