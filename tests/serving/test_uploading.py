"""Every format comes in, and what is wrong in a file is said with its lines and without our paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.schema import ROOT
from data.glossary import Glossary, Term, load_glossaries
from data.glossary.files import write_glossary
from data.glossary.term import entry_of
from serving.errors import InvalidError, MalformedError, MediaTypeError
from serving.uploading import FORMATS, MEDIA_TYPES, format_of, read_upload

PUMP = Term("machinery/pump", (), {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe"}})
GLOSSARY = Glossary("machinery", (PUMP,))
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("content_type", "asked", "expected"),
    [
        *[(media_type, None, (kind, None)) for media_type, kind in MEDIA_TYPES.items()],
        ("Text/CSV; Charset=gb18030", None, ("csv", "gb18030")),
        ('text/tab-separated-values; header=present; charset="utf-8"', None, ("tsv", "utf-8")),
        ("application/octet-stream", "xlsx", ("xlsx", None)),
        ("text/csv", "tmx", ("tmx", None)),
        ("", "json", ("json", None)),
    ],
)
def test_formats(content_type: str, asked: str | None, expected: tuple[str, str | None]) -> None:
    assert format_of(content_type, asked) == expected


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"])
def test_a_content_type_that_says_no_format(content_type: str) -> None:
    with pytest.raises(MediaTypeError) as caught:
        format_of(content_type, None)
    assert caught.value.message == (
        "the format is not known: send ?format= (csv, tsv, xlsx, tbx, tmx, yaml, json), or one of these as Content-Type: text/csv, "
        f"text/tab-separated-values, {XLSX}, application/x-tbx, application/x-tmx, application/yaml, application/json"
    )


def test_a_format_that_there_is_not() -> None:
    with pytest.raises(InvalidError, match=r"^not a valid request: format$") as caught:
        format_of("text/csv", "docx")
    assert [(detail.field, detail.problem) for detail in caught.value.details] == [
        ("format", "valid formats: csv, tsv, xlsx, tbx, tmx, yaml, json")
    ]


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "json"])
def test_every_format_comes_in(tmp_path: Path, kind: str) -> None:
    write_glossary(tmp_path / f"out.{kind}", GLOSSARY)
    found = read_upload((tmp_path / f"out.{kind}").read_bytes(), "machinery", kind)
    assert (found.industry, found.version) == ("machinery", GLOSSARY.version)


def test_json_comes_in() -> None:
    content = b'{"entries": [{"id": "pump", "en": {"base": "pump", "pl": "pumps"}, "de": "Pumpe"}]}'
    assert read_upload(content, "machinery", "json").version == GLOSSARY.version


def test_the_shipped_glossaries_have_no_problem() -> None:
    seen = 0
    for path in sorted((ROOT / "data" / "glossaries").glob("*.yaml")):
        found = read_upload(path.read_bytes(), path.stem, "yaml")
        assert found == load_glossaries(path.parent)[path.stem]
        seen += 1
    assert seen > 3


def test_an_encoding_that_is_named() -> None:
    found = read_upload("en,zh\npump,水泵\n".encode("gb18030"), "machinery", "csv", "gb18030")
    assert entry_of(found.terms[0]) == {"id": "pump", "en": {"base": "pump"}, "zh": {"base": "水泵"}}


def refused(content: bytes, kind: str, encoding: str | None = None) -> tuple[str, list[tuple[str, str]]]:
    with pytest.raises(InvalidError) as caught:
        read_upload(content, "machinery", kind, encoding)
    assert "/tmp" not in str(caught.value.body())  # noqa: S108
    return caught.value.message, [(detail.field, detail.problem) for detail in caught.value.details]


def test_every_problem_is_told_with_its_line() -> None:
    content = b"id,en,de\na,pump,Pumpe\nb,pump,Ventil\nc,the,das Ding\nd,,\n"
    assert refused(content, "csv") == (
        "nothing has changed: the glossary has 2 problems",
        [
            ("line 3", "machinery/b: en 'pump': is 'Ventil' in de here, and 'Pumpe' as machinery/a at line 2"),
            ("line 4", "machinery/c: en 'the': a word of which every message is full"),
        ],
    )


@pytest.mark.parametrize(
    ("content", "kind", "field", "problem"),
    [
        (b"", "csv", "file", "the file has no terms"),
        (b"en,de\n", "csv", "file", "the file has no terms"),
        (b"a,b\nc,d\n", "csv", "file", "no column is a language (en, de, zh-Hant ...); columns: a, b"),
        (b"industry,en,de\napparel,pump,Pumpe\n", "tsv", "file", ""),
        (b"industry,en,de\napparel,pump,Pumpe\n", "csv", "file", "the file says that its industry is 'apparel', and not 'machinery'"),
        (b"PK\x03\x04", "xlsx", "file", "not an XLSX workbook: File is not a zip file"),
        (b"<tbx>", "tmx", "file", ""),
        (b"terms: [", "yaml", "file", ""),
        (b"industry: machinery\nterms: []", "yaml", "file", "the file has no terms"),
        (b"industry: machinery\nterms:\n- {id: a, en: no}", "yaml", "line 3", "'a': base: False is not text (quote it)"),
        (b"[" * 100_000, "yaml", "file", "nested more than 20 deep"),
        (b"industry: &a b\nterms: [{id: a, en: *a}]", "yaml", "file", "the alias *a must be written out"),
        (b"[]", "json", "file", 'a JSON body is {"entries": [...]}, and may have an "industry"'),
        (b'{"entries": [], "more": 1}', "json", "file", 'a JSON body is {"entries": [...]}, and may have an "industry"'),
        (b'{"entries": [], "industry": "apparel"}', "json", "file", "the file says that its industry is 'apparel', and not 'machinery'"),
        (b'{"entries": [7]}', "json", "entry 1", "needs an id"),
    ],
)
def test_one_problem(content: bytes, kind: str, field: str, problem: str) -> None:
    message, details = refused(content, kind)
    assert message.startswith(f"nothing has changed: the glossary has {len(details)} problem")
    assert details[0][0] == field
    assert problem in ("", details[0][1])
    assert details[0][1]


def test_an_encoding_that_there_is_not() -> None:
    assert refused(b"en,de\na,b\n", "csv", "klingon")[1][0][1].startswith("encoding 'klingon' is unknown; valid are utf-8")


def test_places_in_json_are_entries() -> None:
    content = b'{"entries": [{"id": "a", "en": "pump", "de": "Pumpe"}, {"id": "b", "en": "pump", "de": "Ventil"}]}'
    assert refused(content, "json")[1] == [
        ("entry 2", "machinery/b: en 'pump': is 'Ventil' in de here, and 'Pumpe' as machinery/a at entry 1")
    ]


def test_a_long_list_is_cut() -> None:
    message, details = refused(b"id,en,de\n" + b"".join(b"t%d,the,Ding%d\n" % (i, i) for i in range(1_500)), "csv")
    assert message == "nothing has changed: the glossary has 2,999 problems; the first 100 are listed"
    assert len(details) == 100


def test_what_is_not_json() -> None:
    with pytest.raises(MalformedError, match=r"^the body is not JSON \(line 1, column 2\)$"):
        read_upload(b"{", "machinery", "json")
    with pytest.raises(MalformedError, match=r"^the body is not JSON that can be read$"):
        read_upload(b"[" * 100_000, "machinery", "json")
