from pathlib import Path

import pytest

from data.readers.row import library, named, rejected
from data.records import Reject


def test_a_reject_shows_the_beginning_of_the_text():
    assert rejected(Path("a.tsv"), 3, "why", "x" * 500) == Reject(file="a.tsv", line=3, reason="why", text="x" * 200)


def test_without_header_a_broken_first_line_is_a_reject():
    broken = rejected(Path("a"), 1, "why")
    assert list(named([broken, (2, ["x", "y"])], Path("a"), header=False)) == [broken, (2, {"1": "x", "2": "y"})]


def test_a_library_that_is_missing_is_named_with_its_package():
    assert library("json", Path("a.x")).loads("1") == 1
    with pytest.raises(ValueError, match=r"a\.x: needs no-such-library: pip install quayside\[train\]"):
        library("no_such_library.part", Path("a.x"))
