import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.checks import LeakError, combination_key
from data.near import NearTexts, check_no_near, grams

PUMPS = "Please send us your best price for the hydraulic pumps."


def find(texts, text, percent=80.0):
    return NearTexts(texts, percent).find(combination_key(text))


def test_the_trigrams_of_a_key():
    assert grams("pumps") == {"pum", "ump", "mps"}
    assert grams("泵好") == {"泵好"}
    assert grams("") == {""}


@pytest.mark.parametrize(
    "text",
    [
        PUMPS,
        "please send us your best price for the hydraulic pump",
        "Please send us, your best price: for the hydraulic pumps!",
        "Please, send us your best price for hydraulic pumps.",
    ],
)
def test_a_text_that_is_nearly_repeated_is_found(text):
    assert find(["Thanks a lot.", PUMPS, "Where is my order?"], text) == PUMPS


@pytest.mark.parametrize("text", ["Please send us your best offer for the gearboxes.", "Thanks", "", "pumps", "请报液压泵的最优价格"])
def test_other_texts_are_not(text):
    assert find(["Thanks a lot.", PUMPS, "Where is my order?"], text) is None


def test_values_do_not_make_a_difference():
    held_out = "订单PO-123456的380V电机什么时候发货？"
    assert find([held_out], "订单 PO-9 的 24V 电机什么时候发货") == held_out
    assert find([held_out], "订单什么时候发货") is None


def test_of_several_near_texts_the_nearest_is_named():
    texts = [f"{PUMPS} Thanks", f"{PUMPS} Thank you", PUMPS[:-2]]
    assert find(texts, f"{PUMPS} Thanks!") == texts[0]
    assert find(texts, PUMPS) == texts[2]


def test_the_similarity_from_which_on_texts_are_near():
    text = "abcdefghij"  # 8 trigrams; with two letters more 10, of which 8 are shared: exactly 80 %
    assert find([text], "abcdefghijkl", 80.0) == text
    assert find([text], "abcdefghijkl", 80.1) is None
    assert find([text], "abcdefghijklm", 80.0) is None
    assert find([text], "ABCDE-FGHIJ", 100.0) == text
    assert find([text], "abcdefghijk", 100.0) is None


def test_nothing_is_near_to_an_empty_set():
    assert find([], PUMPS) is None


def jaccard(one, other):
    """Written independently of the index."""
    return len(one & other) / len(one | other)


def near_by_comparing_all(texts, key, percent):
    return any(jaccard(grams(combination_key(text)), grams(key)) >= percent / 100 for text in texts)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("abc ", max_size=12), max_size=8), st.text("abc ", max_size=12), st.sampled_from([30.0, 50.0, 80.0, 90.0, 100.0]))
def test_the_index_finds_what_comparing_all_finds(texts, text, percent):
    found = find(texts, text, percent)
    key = combination_key(text)
    assert (found is not None) == near_by_comparing_all(texts, key, percent)
    if found is not None:
        best = max(jaccard(grams(combination_key(other)), grams(key)) for other in texts)
        assert jaccard(grams(combination_key(found)), grams(key)) == best


def test_the_index_finds_what_comparing_all_finds_in_long_texts():
    chance = random.Random(7)
    words = [f"w{chance.choice('aeiou')}{chance.choice('bcdf')}{chance.choice('aeiou')}" for _ in range(40)]
    texts = [" ".join(chance.choices(words, k=chance.randint(3, 12))) for _ in range(200)]
    asked = []
    for text in texts:
        changed = text.split()
        changed[chance.randrange(len(changed))] = chance.choice(words)
        asked.append(" ".join(changed))
    near = NearTexts(texts, 80.0)
    found = [near.find(combination_key(text)) is not None for text in asked]
    assert found == [near_by_comparing_all(texts, combination_key(text), 80.0) for text in asked]
    assert 10 < sum(found) < 190


def test_no_near_text_is_silent():
    check_no_near([combination_key("Thanks a lot"), combination_key("Bye")], [PUMPS], 80.0, "test")
    check_no_near([], [PUMPS], 80.0, "test")
    check_no_near([combination_key(PUMPS)], [], 80.0, "test")


def test_near_texts_are_told_with_their_number_and_examples():
    trained = [combination_key(f"{PUMPS}{end}") for end in ("", " x", " y", " z")] + [combination_key("Bye")]
    with pytest.raises(LeakError) as error:
        check_no_near(iter(trained), iter([PUMPS, "Thanks"]), 80.0, "test (en)")
    shown = "; ".join(f"{PUMPS!r} and {key!r}" for key in trained[:3])
    assert str(error.value) == f"test (en): 4 training texts are nearly those of the test part, for example {shown}"
