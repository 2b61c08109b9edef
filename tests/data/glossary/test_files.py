import gzip
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.glossary import Glossary, GlossaryError
from data.glossary import files as glossary_files
from data.glossary.files import WRITERS, load_glossary, read_glossary, write_glossary
from data.glossary.loading import Problem, term_of
from data.glossary.term import entry_of

PUBLIC = Path(os.environ.get("QUAYSIDE_PUBLIC_DATA", "-")) / "tico19"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))

# No white space at the ends, which only YAML keeps, and no characters that XML cannot hold.
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Cn"], include_characters="\n\t|\\\"';,:={}<>&#-")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
NAMES = st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True)
FORMS = st.fixed_dictionaries({"base": TEXTS}, optional={"pl": TEXTS, "gender": st.sampled_from("mfn"), "pl_dat": TEXTS})
WORDS = st.builds(
    lambda word, synonyms, forbidden: word | {"synonyms": synonyms, "forbidden": forbidden},
    FORMS,
    st.lists(FORMS, max_size=2),
    st.lists(TEXTS, max_size=2, unique=True),
)
ENTRIES = st.builds(
    lambda words, rules, locales: rules | words | {code: word for code, word in locales.items() if code.split("-")[0] in words},
    st.dictionaries(st.sampled_from(["en", "de", "zh", "es", "ja"]), WORDS, min_size=1, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "tags": st.lists(NAMES, max_size=2, unique=True),
            "pos": st.sampled_from(["noun", "proper noun", "verb"]),
            "case": st.just("keep"),
            "translate": st.just(False),
            "note": TEXTS,
        },
    ),
    st.dictionaries(st.sampled_from(["es-MX", "zh-Hant", "zh-Hant-HK", "en-GB"]), WORDS, max_size=2),
)


@st.composite
def glossaries(draw):
    industry = draw(NAMES)
    names = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
    entries = [{**draw(ENTRIES), "id": name} for name in names]
    entries[0]["confused_with"] = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return Glossary(industry, tuple(term_of(industry, entry) for entry in entries))


@settings(max_examples=25, deadline=None)
@given(glossary=glossaries())
@pytest.mark.parametrize("kind", WRITERS)
def test_everything_survives_a_round_trip(tmp_path_factory, kind, glossary):
    path = tmp_path_factory.mktemp("trip") / f"a{kind}"
    assert write_glossary(path, glossary) == []
    found = load_glossary(path)
    assert [entry_of(term) for term in found.terms] == [entry_of(term) for term in glossary.terms]
    assert found.version == glossary.version


def test_what_a_format_cannot_hold_is_told_and_left_out(tmp_path):
    entries = [{"id": "a", "en": "a\x01b", "es-MX": "c"}, {"id": "b", "en": "b\0", "note": "n" * 40_000}]
    glossary = Glossary("m", tuple(term_of("m", entry) for entry in entries))
    alone = "without their language's own word, these locales are read back as the language: es-MX"
    assert write_glossary(tmp_path / "a.yaml", glossary) == []
    assert write_glossary(tmp_path / "a.csv", glossary) == ["CSV holds no control characters: left out of 1 terms", alone]
    assert write_glossary(tmp_path / "a.tbx", glossary) == ["TBX holds no control characters: left out of 2 terms", alone]
    assert write_glossary(tmp_path / "a.xlsx", glossary) == [
        "XLSX holds no control characters: left out of 2 terms",
        "XLSX holds 32,767 characters a cell: 1 terms are cut",
        alone,
    ]
    assert load_glossary(tmp_path / "a.yaml").version == glossary.version
    assert [term.forms for term in load_glossary(tmp_path / "a.tbx").terms] == [
        {"en": {"base": "ab"}, "es": {"base": "c"}},
        {"en": {"base": "b"}},
    ]
    assert len(load_glossary(tmp_path / "a.xlsx").terms[1].note) == 32_767


def test_a_lone_locale_is_its_language(tmp_path):
    (tmp_path / "a.csv").write_text("en-US,de_DE,es,es-MX,zh_TW\nzipper,Reißverschluss,cremallera,cierre,拉鍊\n", encoding="utf-8")
    (term,) = load_glossary(tmp_path / "a.csv").terms
    assert list(term.forms) == ["en", "de", "es", "es-MX", "zh-Hant"]


def test_terms_without_a_name_are_called_by_their_first_word(tmp_path):
    (tmp_path / "a.csv").write_text("en,de\nOn/off valve,Ventil\non off valve,Hahn\n，,x\n", encoding="utf-8")
    assert [term.id for term in load_glossary(tmp_path / "a.csv").terms] == ["a/on_off_valve", "a/on_off_valve_2", "a/term"]
    assert load_glossary(tmp_path / "a.csv", industry="b").terms[0].id == "b/on_off_valve"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.tbx", f'<!DOCTYPE tbx [<!ENTITY l0 "lol">{LAUGHS}]><tbx>&l9;</tbx>', "declares the entities l0, l1, l2, l3, l4; entities are"),
        ("a.tmx", '<!DOCTYPE tmx [<!ENTITY x SYSTEM "file:///etc/hostname">]><tmx>&x;</tmx>', "declares the entities x; entities are not"),
        ("a.tbx", "<tmx/>", "not a TBX file: its root is <tmx>, expected <martif> or <tbx>"),
        ("a.tbx", "", "not a TBX file: "),
        ("a.xlsx", "en,de\na,b\n", "not an XLSX workbook: File is not a zip file"),
        ("a.csv", "name,comment\na,b\n", "no column is a language (en, de, zh-Hant ...); columns: name, comment"),
        ("a.csv", "zh-CN,en,zh\na,b,c\n", "more than one column is in zh; columns: zh-CN, en, zh"),
        ("a.txt", "", "the ending of its name says no glossary format; valid: .yaml, .csv, .tsv, .xlsx, .tbx, .tmx"),
        ("a.yaml", b"industry: M\xf6bel", "not readable as YAML: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=re.escape(reason)) as error:
        read_glossary(path)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named_with_the_nearest(tmp_path):
    (tmp_path / "terms.csv").write_text("en,de\n")
    with pytest.raises(ValueError, match=r"term\.csv: no such file or folder; did you mean terms\.csv\?"):
        read_glossary(tmp_path / "term.csv")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(200 << 20)
    (tmp_path / "b.csv").write_bytes(gzip.compress(b"en,de\n" + b"a,b\n" * (30 << 20), 1))
    for name in ("a.csv", "b.csv"):
        with pytest.raises(ValueError, match=rf"{name}: larger than 100 MB; split it, or leave out what is no term"):
            read_glossary(tmp_path / name)


def test_a_packed_workbook_counts_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "a.xlsx"
    write_glossary(path, Glossary("m", tuple(term_of("m", {"id": str(n), "en": "a" * 200}) for n in range(9000))))
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(glossary_files, "LARGEST_MB", 1)
    with pytest.raises(ValueError, match=r"a\.xlsx: larger than 1 MB"):
        read_glossary(path)


def test_a_torn_file_keeps_what_stands_before_and_says_where(tmp_path):
    glossary = Glossary("m", tuple(term_of("m", {"id": f"t{n}", "en": "a", "de": "b"}) for n in range(3)))
    for kind in (".tbx", ".tmx"):
        path = tmp_path / f"a{kind}"
        write_glossary(path, glossary)
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: text.index("t2") + 4], encoding="utf-8")
        loaded = read_glossary(path)
        assert [term.name for term in loaded.glossary.terms] == ["t0", "t1"]
        (problem,) = loaded.problems
        assert problem.reason.startswith("the file breaks off or is damaged from here on: ")
        assert problem.line == len(path.read_text(encoding="utf-8").splitlines())
        with pytest.raises(GlossaryError, match="breaks off"):
            load_glossary(path)


def test_lines_in_another_encoding_are_told_one_by_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("en,de\ndoor,Tür\n".encode() + "key,Schlüssel\n".encode("latin-1") + "lock,Schloss für Türen\n".encode())
    loaded = read_glossary(path)
    assert loaded.problems == (Problem(str(path), 3, "not utf-8 at byte 9 of the line"),)
    assert [term.forms["de"]["base"] for term in loaded.glossary.terms] == ["Tür", "Schloss für Türen"]
    assert read_glossary(path, encoding="latin-1").problems == ()


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="QUAYSIDE_PUBLIC_DATA names no folder with the public sets")
def test_the_real_terminologies_are_read_without_hand_work():
    target = {"de_DE": "de", "es_XX": "es", "fr_XX": "fr", "zh_CN": "zh", "de": "de", "es-419": "es", "fr-FR": "fr", "zh-CN": "zh"}
    counts = {}
    for path in sorted(PUBLIC.glob("*.csv")):
        glossary = load_glossary(path)
        code = path.stem.replace("en-", "en_", 1).split("_", 2)[2]
        assert {language for term in glossary.terms for language in term.forms} == {"en", target[code]}
        counts[path.name] = (len(glossary.terms), sum(bool(term.synonyms) for term in glossary.terms))
    assert counts == {
        **{f"f_en-{code}.csv": (306, 0) for code in ("de_DE", "es_XX", "fr_XX", "zh_CN")},
        "g_en_de.csv": (337, 0),
        "g_en_es-419.csv": (337, 0),
        "g_en_fr-FR.csv": (336, 0),
        "g_en_zh-CN.csv": (337, 3),
    }
