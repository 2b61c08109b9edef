import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.checks import LeakError, check_no_leak, combination_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is PO-123456?", "where is po-654321"),
        ("Pay USD 1,250.00 by 2027-03-14.", "Pay USD 99.00, by 2027-12-01"),
        ("订单PO-123456的380V电机。", "订单 PO-9 的 24V 电机"),
        ("See https://a.example/1", "see www.b.example/2!"),
        ("GRÖSSE: 5 mm", "Größe 7 cm"),
    ],
)
def test_expansions_of_one_combination_share_a_key(one, other):
    assert combination_key(one) == combination_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Where is PO-1?", "Where was PO-1?"), ("5 pumps", "pumps"), ("send 5 to 6", "send 5 to"), ("der Motor", "den Motor"), ("泵", "水泵")],
)
def test_other_words_and_other_numbers_of_values_do_not(one, other):
    assert combination_key(one) != combination_key(other)


def test_a_text_with_more_values_than_markers_has_a_key():
    numbers = " and ".join(f"PO-{i}" for i in range(30))
    assert combination_key(numbers) != combination_key(numbers.replace("PO-29", "PO-28"))  # past the twentieth, values are text
    assert combination_key(numbers) == combination_key(numbers.replace("PO-0", "PO-77"))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_case_and_surrounding_space_are_not_looked_at(text):
    assert combination_key(f" {text}\n") == combination_key(text)


def test_no_leak_is_silent():
    check_no_leak(["Where is PO-1?", "Thanks"], ["Where was PO-1?", "Bye"], "test")
    check_no_leak([], ["a"], "test")
    check_no_leak(["a"], [], "test")


def test_a_leak_is_told_with_its_number_and_examples():
    held_out = ["Where is PO-2?", "Bye", "thanks!", "Where is PO-3?", "WHERE IS PO-4"]
    with pytest.raises(LeakError) as error:
        check_no_leak(iter(["Where is PO-1?", "Thanks"]), iter(held_out), "test (en)")
    assert str(error.value) == (
        "test (en): 4 texts stand in the training data too (values aside), for example 'Where is PO-2?'; 'thanks!'; 'Where is PO-3?'"
    )


def test_the_key_can_be_remembered_by_the_caller():
    asked = []

    def key(text):
        asked.append(text)
        return combination_key(text)

    with pytest.raises(LeakError, match="1 texts"):
        check_no_leak(["a 1"], ["a 2", "b"], "test", key)
    assert set(asked) == {"a 1", "a 2", "b"}
