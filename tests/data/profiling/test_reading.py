import pytest

from data.profiling.opened import Item, Options, open_data
from data.profiling.reading import Reading, reference


@pytest.fixture
def reading(pairs, cleaning):
    found = Reading(cleaning, labelled=False)
    found.take(open_data(str(pairs), Options({}, {})).items())
    return found


def test_lines_are_counted(reading):
    assert (reading.read, reading.rejected.total()) == (10, 1)
    assert reading.rejects[0]["where"].endswith("pairs.tsv:8")
    assert reading.rejects[0]["reason"] == "1 fields, expected 2"
    assert dict(reading.rejected) == {"N fields, expected N": 1}


def test_a_language_has_sizes_lengths_and_frequent_texts(reading):
    found = reading.texts["de"].summary()
    assert (found["texts"], found["empty"], found["repeated"]) == (10, 0, 1)
    assert found["characters"]["min"] == len("Bis bald\ufffd.")
    assert found["frequent"] == [{"text": "Die Pumpe ist defekt.", "count": 2}]


def test_words_are_counted_where_spaces_part_them(cleaning):
    reading = Reading(cleaning, labelled=False)
    reading.take([Item("a:1", {"en": "two  words", "zh": "两个词"}, {})])
    assert reading.texts["en"].summary()["words"]["max"] == 2
    assert reading.texts["zh"].summary()["words"] == {}
    assert reading.texts["zh"].summary()["characters"]["max"] == 3


def test_suspicious_lines_have_count_share_and_place(reading):
    found = {entry["name"]: entry for entry in reading.suspicious_summary()}
    assert {name: entry["count"] for name, entry in found.items()} == {"copies": 1, "numbers": 1, "markup": 1}
    assert found["copies"]["percent"] == 10.0
    assert found["copies"]["examples"][0] == {
        "where": "pairs.tsv:5",
        "text": "Send the valve to our office. | Send the valve to our office.",
    }


def test_filters_that_are_off_are_looked_at_too(pairs, cleaning):
    reading = Reading(cleaning.model_copy(update={"copies": False, "numbers": False}), labelled=False)
    reading.take(open_data(str(pairs), Options({}, {})).items())
    assert reading.suspicious.counts["copies"] == 1


def test_odd_characters_are_counted_before_normalisation(reading):
    assert {entry["name"]: entry["count"] for entry in reading.odd_summary()} == {"invisible": 1, "private_use": 1}


def test_copies_and_second_translations(cleaning):
    reading = Reading(cleaning, labelled=False)
    texts = [("Yes.", "Ja."), ("yes", "ja!"), ("Yes!", "Doch."), ("No.", "Nein.")]
    reading.take(Item(f"a:{n}", {"en": en, "de": de}, {}) for n, (en, de) in enumerate(texts))
    found = reading.duplicates()
    assert (found["repeated"], found["percent"], found["several_translations"]) == (1, 25.0, 1)
    assert found["frequent"] == [{"text": "Yes. | Ja.", "count": 2}]


def test_the_side_that_comes_first_makes_no_difference(cleaning):
    reading = Reading(cleaning, labelled=False)
    reading.take([Item("a:1", {"en": "Yes.", "de": "Ja."}, {}), Item("a:2", {"de": "Ja.", "en": "Yes."}, {})])
    assert reading.duplicates()["repeated"] == 1
    assert reading.ratio_summaries()["en-de"]["count"] == 2


def test_length_ratios_are_of_the_first_language(cleaning):
    reading = Reading(cleaning, labelled=False)
    reading.take([Item("a:1", {"de": "x" * 30, "en": "y" * 20}, {}), Item("a:2", {"de": "x" * 10, "en": "y" * 20}, {})])
    found = reading.ratio_summaries()
    assert list(found) == ["en-de"]
    assert (found["en-de"]["whole"], found["en-de"]["min"], found["en-de"]["max"], found["en-de"]["usual"]) == (1.0, 0.5, 1.5, 1.19)


def test_a_line_beside_nothing_does_not_break_the_ratios(cleaning):
    reading = Reading(cleaning, labelled=False)
    reading.take([Item("a:1", {"en": "", "de": "x" * 30}, {}), Item("a:2", {"en": "y", "de": "x" * 3_000}, {})])
    assert reading.ratio_summaries()["en-de"]["max"] == 50
    assert reading.texts["en"].summary()["empty"] == 1


def test_labels_are_counted_per_language_and_conflicts_found(cleaning):
    reading = Reading(cleaning, labelled=True)
    said = [("en", "Hi", "greet"), ("en", "hi!", "bye"), ("de", "Hallo", "greet"), ("en", "Bye", "bye")]
    reading.take(Item(f"a:{n}", {code: text}, {"intent": intent, "urgency": "high"}, n) for n, (code, text, intent) in enumerate(said))
    assert reading.labels.summary() == {
        "intents": {"bye": {"en": 2}, "greet": {"de": 1, "en": 1}},
        "sentiment": {},
        "urgency": {"high": 4},
        "with_history": 3,
    }
    count, hashes = reading.labels.conflicting(reading.firsts)
    assert (count, hashes) == (1, {hash("hi")})
    assert "several_translations" not in reading.duplicates()


def test_english_is_the_language_that_others_are_compared_with():
    assert reference({"de": "", "en": ""}) == "en"
    assert reference({"zh": "", "de": ""}) == "zh"
