from __future__ import annotations

from pathlib import Path

import pytest

from eval.metrics.marked import MarkedSegment, MarkedTerm, read_marked

AGE = ["<", "5", "ans"]


def sgml(path: Path, *segs: str) -> Path:
    body = "\n".join(f'<seg id="{i}"> {seg} </seg>' for i, seg in enumerate(segs, 1))
    path.write_text(f'<refset setid="t" srclang="any">\n<doc docid="d">\n<p>\n{body}\n</p>\n</doc>\n</refset>\n', encoding="utf-8")
    return path


PUMP = '<term id="1" type="src_original_and_tgt_original" src="pump" tgt="pompe|pompes">'


def test_marked_files_are_read_with_what_is_no_markup_in_them(tmp_path: Path):
    hypothesis = sgml(tmp_path / "h", "la pompe < 5 ans", "A & B")
    source = sgml(tmp_path / "s", f"the {PUMP} pump </term> under 5", "A & B")
    reference = sgml(tmp_path / "r", f"une {PUMP} pompe </term> < 5 ans", "A & B")
    first, second = read_marked(hypothesis, source, reference)
    assert first == MarkedSegment(["la", "pompe", *AGE], ["une", "pompe", *AGE], [MarkedTerm(("pompe", "pompes"), range(1, 2))])
    assert second == MarkedSegment(["A", "&", "B"], ["A", "&", "B"], [])


def test_a_form_that_is_not_listed_counts_as_it_stands_in_the_reference(tmp_path: Path):
    term = '<term id="1" type="src_original_and_tgt_lemma" tgt="vanne|robinet">'
    files = [sgml(tmp_path / name, text) for name, text in (("h", "x"), ("s", "x"), ("r", f"les {term} petites vannes </term>"))]
    assert read_marked(*files)[0].terms == [MarkedTerm(("vanne", "robinet", "petites vannes"), range(1, 3), inflected=True)]


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path):
    two, one, none = sgml(tmp_path / "two", "a", "b"), sgml(tmp_path / "one", "a"), tmp_path / "none"
    none.write_bytes(b"\xff\xfe\x00nothing of the kind")
    with pytest.raises(ValueError, match=r"one: lacks 1 of the segments of .*two, the first of them '2'"):
        read_marked(one, two, two)
    with pytest.raises(ValueError, match=r"none: no <seg id=...> in it"):
        read_marked(two, none, two)
