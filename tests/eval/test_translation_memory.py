import pytest
from rapidfuzz import fuzz

from eval import translation_memory
from eval.translation_memory import Match, best_matches, mean_score

MEMORY = [
    "When will my order ship?",
    "When will our orders ship?",
    "Please send us a quotation for 200 zips.",
    "When will my order ship?",
    "The parcel arrived damaged.",
]


def test_an_entry_that_stands_there_is_found_as_it_is():
    assert best_matches(["The parcel arrived damaged."], MEMORY) == [Match(4, 100.0)]


def test_the_most_similar_wins_with_rapidfuzzs_score():
    query = "Please send us a quote for 500 zips."
    assert best_matches([query], MEMORY) == [Match(2, pytest.approx(fuzz.ratio(query, MEMORY[2])))]


def test_of_equals_the_first_wins():
    assert best_matches(["When will my order ship?"], MEMORY)[0].index == 0
    assert best_matches(["ab"], ["xb", "ax", "xb"])[0].index == 0


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_neither_blocks_nor_workers_change_the_answer(monkeypatch, block):
    queries = ["When will our order ship?", "The parcels arrived damaged", "zips", ""]
    by_hand = [max(range(len(MEMORY)), key=lambda i: (fuzz.ratio(query, MEMORY[i]), -i)) for query in queries]
    monkeypatch.setattr(translation_memory, "BLOCK", block)
    for workers in (1, 2):
        assert [match.index for match in best_matches(queries, MEMORY, workers=workers)] == by_hand


def test_an_empty_memory_is_refused():
    with pytest.raises(ValueError, match="the translation memory is empty"):
        best_matches(["a"], [])


def test_the_mean_score_says_how_alike_the_parts_are():
    assert mean_score([Match(0, 100.0), Match(3, 50.0)]) == 75.0
