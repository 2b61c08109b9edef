import pytest

from data.readers.markup import Torn, elements, language_of, text_of


def texts(tmp_path, text):
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    found = elements(tmp_path / "a.xml", None, "toy", ("toy", "game"), frozenset({"b"}))
    return [item if isinstance(item, Torn) else (language_of(item), text_of(item)) for item in found]


def test_elements_of_a_name_in_any_namespace(tmp_path):
    text = '<game xmlns="urn:x"><a/><b xml:lang="en">x<hi>y</hi><ph>code</ph>z</b><b lang="de">w</b></game>'
    assert texts(tmp_path, text) == [("en", "xyz"), ("de", "w")]


def test_where_a_file_breaks_off_is_told_with_its_line(tmp_path):
    (first, torn) = texts(tmp_path, "<toy>\n<b>x</b>\n<b>y")
    assert first == (None, "x")
    assert torn.line == 3
    assert torn.reason.startswith("the file breaks off or is damaged from here on: Premature end of data")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<b/>", "not a toy file: its root is <b>, expected <toy> or <game>"),
        ("<toy><b", "not a toy file: "),
        ('<!DOCTYPE toy [<!ENTITY x "y">]><toy/>', "declares the entities x; entities are not expanded"),
    ],
)
def test_other_files_are_refused(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason):
        texts(tmp_path, text)
