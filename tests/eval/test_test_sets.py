"""The held-out parts are read by their names, and a pair has what tests it."""

from __future__ import annotations

from pathlib import Path

from data.records import Segment, write_jsonl
from eval.test_sets import TestSets as Sets


def segment(name: str, **texts: str) -> Segment:
    return Segment(id=name, pattern="p", texts=texts)


def test_the_parts_are_read_by_their_names_and_a_pair_has_those_that_hold_both_languages(tmp_path: Path) -> None:
    both, one = {"en": "a", "de": "b"}, {"en": "a", "zh": "b"}
    for part in ("test", "test_held_out", "test_unseen", "test_terms", "train"):
        write_jsonl(tmp_path / f"{part}.jsonl", [segment(f"{part}.1", **both), segment(f"{part}.2", **one)])
    found = Sets.read(tmp_path)
    for pair, number in ((("en", "de"), 1), (("de", "en"), 1), (("zh", "en"), 2)):
        having = found.having(pair)
        ids = [[s.id for s in part] for part in (having.seen, having.held_out, having.unseen, having.terms, having.train)]
        assert ids == [[f"{part}.{number}"] for part in ("test", "test_held_out", "test_unseen", "test_terms", "train")]
    assert found.having(("de", "zh")) == Sets([], [], [], [], [])


def test_a_pair_is_tested_that_has_seen_segments() -> None:
    found = Sets([segment("1", en="a", de="b")], [segment("2", en="a", zh="b")], [], [], [])
    assert found.pairs(["en", "zh", "de"]) == [("en", "de"), ("de", "en")]
