import pytest

from data.readers.options import column_numbers, parallel_source


def test_columns_are_names_or_numbers():
    assert column_numbers(["en=source", "de=2"]) == {"en": "source", "de": 2}
    with pytest.raises(ValueError, match=r"^--columns en: expected NAME=COLUMN, such as en=source$"):
        column_numbers(["en"])


def test_a_source_is_what_the_options_say():
    found = parallel_source("a.csv", ["en=1"], ["text=lang"], "csv", None)
    assert (found.path, found.columns, found.languages, found.format) == ("a.csv", {"en": 1}, {"text": "lang"}, "csv")
    with pytest.raises(ValueError, match=r"^--format doc: Input should be 'tsv'"):
        parallel_source("a.doc", [], [], "doc", None)
