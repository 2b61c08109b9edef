import json
import re
from collections import Counter
from pathlib import Path

import pytest

from data.records import Reject
from data.tally import EXAMPLES, LONGEST_EXAMPLE, RejectedError, Tally, check_rejected

REJECTS = Path("rejects/1.jsonl")


def tally(read=0, rejected=0, **dropped):
    found = Tally(read, rejected)
    for reason, number in dropped.items():
        for i in range(number):
            found.drop(reason, f"{reason} {i}")
    return found


def test_what_is_dropped_is_counted_and_the_first_are_shown():
    found = tally(copies=EXAMPLES + 3, urls=1)
    assert found.dropped == Counter(copies=EXAMPLES + 3, urls=1)
    assert found.examples == {"copies": [f"copies {i}" for i in range(EXAMPLES)], "urls": ["urls 0"]}


def test_a_long_example_is_cut():
    found = Tally()
    found.drop("length", "x" * 10_000)
    assert found.examples["length"] == ["x" * LONGEST_EXAMPLE]


def test_chunks_add_up():
    found = tally(10, 1, copies=EXAMPLES - 1, urls=1)
    found.kept["train"] = 4
    other = tally(20, 2, copies=3, script=1)
    other.kept.update(train=5, test=1)
    found.add(other)
    assert (found.read, found.rejected) == (30, 3)
    assert found.kept == Counter(train=9, test=1)
    assert found.dropped == Counter(copies=EXAMPLES + 2, urls=1, script=1)
    shown = [*(f"copies {i}" for i in range(EXAMPLES - 1)), "copies 0"]
    assert found.examples == {"copies": shown, "urls": ["urls 0"], "script": ["script 0"]}
    assert other.examples["copies"] == ["copies 0", "copies 1", "copies 2"]


def test_a_tally_comes_back_from_json():
    found = tally(10, 1, urls=1, copies=2)
    found.kept.update(train=5, test=1)
    value = json.loads(json.dumps(found.as_json()))
    assert Tally.from_json(value) == found
    assert list(value["dropped"]) == ["copies", "urls"]  # the most common first
    assert (list(value["kept"]), list(value["examples"])) == (["test", "train"], ["copies", "urls"])


def test_a_tally_from_json_goes_on_counting():
    found = Tally.from_json(tally(1, 0, copies=1).as_json())
    found.drop("copies", "another")
    found.kept["train"] += 1
    assert (found.dropped, found.kept) == (Counter(copies=2), Counter(train=1))
    assert found.examples["copies"] == ["copies 0", "another"]


@pytest.mark.parametrize(("read", "rejected", "percent"), [(99, 1, 1.0), (100, 0, 0.0), (1, 99, 99.0), (5, 5, 100.0)])
def test_rejects_up_to_the_limit_are_allowed(read, rejected, percent):
    check_rejected("a.tsv", tally(read, rejected), [], percent, REJECTS)


def test_more_rejects_are_refused_with_the_first_of_them():
    first = [Reject(file="a.tsv", line=3, reason="no text in de"), Reject(file="a.tsv", line=9, reason="2 fields, expected 3")]
    said = (
        "a.tsv: 1,500 of 3,000 lines could not be read, 1.5 % are allowed (rejected_percent); all of them are in rejects/1.jsonl\n"
        "a.tsv:3: no text in de\n"
        "a.tsv:9: 2 fields, expected 3"
    )
    with pytest.raises(RejectedError, match=f"^{re.escape(said)}$"):
        check_rejected("a.tsv", tally(1_500, 1_500), first, 1.5, REJECTS)


def test_a_source_of_which_nothing_can_be_read_is_refused_whatever_the_limit():
    with pytest.raises(RejectedError, match=r"^a\.tsv: 2 of 2 lines could not be read, 100 % are allowed"):
        check_rejected("a.tsv", tally(0, 2), [], 100.0, REJECTS)
    with pytest.raises(RejectedError, match=r"^a\.tsv: holds no lines$"):
        check_rejected("a.tsv", tally(), [], 100.0, REJECTS)
