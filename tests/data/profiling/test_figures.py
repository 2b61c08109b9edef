import statistics
from collections import Counter

import pytest

from data.profiling import figures
from data.profiling.figures import Distribution, Frequent, Keys, Sample, percent, percent_text, visible, visible_texts


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 %"), (0.01, "< 0.1 %"), (3.14, "3.1 %"), (99.94, "> 99.9 %"), (100, "100 %"), (100.0, "100 %")]
)
def test_a_share_says_whether_it_is_nothing_or_all(value, shown):
    assert percent_text(value) == shown


def test_a_share_of_nothing_is_zero():
    assert percent(0, 0) == 0
    assert percent(1, 3) == 33.333


def test_what_does_not_show_is_written_out():
    assert visible("a\u200bb\x1b[31mc\u202ed") == "a\\u200bb\\u001b[31mc\\u202ed"
    assert visible("Grüße 您好") == "Grüße 您好"
    assert visible("x" * 200) == "x" * 159 + "…"


def test_texts_side_by_side_all_have_room():
    shown = visible_texts(["a" * 300, "b" * 300])
    assert shown == "a" * 79 + "… | " + "b" * 79 + "…"


def test_a_distribution_agrees_with_statistics():
    values = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    counted = Distribution()
    for value in values:
        counted.add(value)
    found = counted.summary()
    assert found["median"] == statistics.median_low(values)
    assert found["mean"] == round(statistics.mean(values), 2)
    assert (found["min"], found["max"], found["p95"], found["count"]) == (1, 9, 9, 11)
    assert sum(bar["count"] for bar in found["histogram"]) == 11


def test_a_few_long_ones_share_the_last_bar():
    counted = Distribution()
    for value in [*range(100)] * 10 + [100_000]:
        counted.add(value)
    bars = counted.summary()["histogram"]
    assert len(bars) <= figures.MOST_BARS + 1
    assert bars[0] == {"from": 0, "to": 5, "count": 50}
    assert bars[-1] == {"from": 100, "to": None, "count": 1}


def test_a_scaled_distribution_speaks_of_the_values():
    counted = Distribution(scale=100)
    for value in (50, 100, 150):
        counted.add(value)
    found = counted.summary()
    assert (found["min"], found["median"], found["max"], found["mean"]) == (0.5, 1.0, 1.5, 1.0)


def test_a_distribution_of_nothing_is_empty():
    assert Distribution().summary() == {}


def test_a_sample_is_all_of_few_and_some_of_many():
    few, many = Sample[int](10), Sample[int](10)
    for number in range(1_000):
        many.add(number)
        if number < 5:
            few.add(number)
    assert sorted(few.drawn()) == [0, 1, 2, 3, 4]
    drawn = many.drawn()
    assert len(set(drawn)) == 10
    assert max(drawn) > 10, "only the first ones"


def test_every_item_has_the_same_chance():
    drawn = Counter()
    for seed in range(500):
        sample = Sample[int](5, seed)
        for number in range(50):
            sample.add(number)
        drawn.update(sample.drawn())
    first, last = sum(drawn[n] for n in range(25)), sum(drawn[n] for n in range(25, 50))
    assert abs(first - last) < 200, "2,500 draws, standard deviation 50"


def test_keys_count_what_is_repeated():
    keys = Keys()
    for text in ("a", "b", "a", "a"):
        keys.add(hash(text))
    assert keys.repeated() == 2
    assert keys.count([hash("b"), hash("a")]) == [1, 3]


def test_the_most_frequent_are_found_with_their_exact_number(monkeypatch):
    monkeypatch.setattr(figures, "BUCKET", 10)
    frequent, keys = Frequent(), Keys()
    texts = [text for number in range(100) for text in (f"once {number}", "often")] + ["twice", "twice"]
    for text in texts:
        frequent.add(hash(text), text)
        keys.add(hash(text))
    assert frequent.most(5, keys) == [{"text": "often", "count": 100}, {"text": "twice", "count": 2}]
    assert len(frequent._texts) < 20, "what cannot be frequent is forgotten"
