import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.readers.row import Row
from data.readers.tmx import read_tmx
from data.records import Reject

ROOT = Path(__file__).resolve().parents[3]
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header srclang="en"/><body>\n'
TAIL = "</body></tmx>\n"


def unit(en, de):
    return f'<tu><prop type="note">x</prop><tuv xml:lang="en-US"><seg>{en}</seg></tuv><tuv lang="de"><seg>{de}</seg></tuv></tu>\n'


def rows(tmp_path, text, encoding=None, name="a.tmx"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_tmx(path, encoding))


def test_units_are_rows(tmp_path):
    text = HEAD + unit("Hello &amp; bye", "Hallo") + "<!-- x -->" + unit("", "Ende") + TAIL
    assert rows(tmp_path, text) == [Row(1, {"en-US": "Hello & bye", "de": "Hallo"}), Row(2, {"en-US": "", "de": "Ende"})]
    assert rows(tmp_path, gzip.compress(text.encode()), name="b.tmx.gz") == rows(tmp_path, text)


def test_encodings(tmp_path):
    text = HEAD + unit("ä", "价格") + TAIL
    expected = [Row(1, {"en-US": "ä", "de": "价格"})]
    assert rows(tmp_path, text.replace("UTF-8", "UTF-16").encode("utf-16")) == expected
    assert rows(tmp_path, text.replace("UTF-8", "GB18030").encode("gb18030")) == expected
    assert rows(tmp_path, text.replace("UTF-8", "UTF-8").encode("gb18030"), encoding="gb18030") == expected


def test_inline_code_is_left_out_and_highlighted_text_kept(tmp_path):
    en = '<bpt i="1">&lt;b&gt;</bpt>The <hi>red <ph>{0}</ph>button</hi><ept i="1">&lt;/b&gt;</ept> now<it pos="begin">[1]</it>.<!-- c -->!'
    assert rows(tmp_path, HEAD + unit(en, "x") + TAIL)[0].values["en-US"] == "The red button now.!"


def test_the_first_variant_of_a_language_wins(tmp_path):
    text = '<tu><tuv xml:lang="en"><seg>one</seg></tuv><tuv xml:lang="en"><seg>two</seg></tuv><tuv xml:lang="de"/></tu>'
    assert rows(tmp_path, HEAD + text + TAIL) == [Row(1, {"en": "one"})]


def test_a_variant_without_language_rejects_the_unit(tmp_path):
    found = rows(tmp_path, HEAD + "<tu><tuv><seg>x</seg></tuv></tu>" + unit("a", "b") + TAIL)
    assert found[0] == Reject(file=str(tmp_path / "a.tmx"), line=1, reason="a <tuv> has no xml:lang")
    assert found[1].number == 2


def test_a_cut_file_keeps_the_units_before(tmp_path):
    text = HEAD + unit("a", "b") + unit("c", "d") + '<tu><tuv xml:lang="en"><seg>e'
    good = [Row(1, {"en-US": "a", "de": "b"}), Row(2, {"en-US": "c", "de": "d"})]
    *found, last = rows(tmp_path, text)
    assert found == good
    assert last.line == 3
    assert last.reason.startswith("the file breaks off or is damaged from here on: Premature end of data")
    packed = gzip.compress((HEAD + "".join(unit(n * 7919, n * 31) for n in range(50_000)) + TAIL).encode())
    *found, last = rows(tmp_path, packed[: len(packed) // 2], name="b.tmx.gz")
    assert len(found) > 1000
    assert last.reason.startswith("the file breaks off or is damaged from here on: Compressed file ended")


@pytest.mark.parametrize("text", [b"en\tde\n", b"", b"PK\x03\x04", b"<tmx"])
def test_what_is_no_xml_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"a\.tmx: not a TMX file: "):
        rows(tmp_path, text)


def test_other_xml_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.tmx: not a TMX file: its root is <xliff>, expected <tmx>"):
        rows(tmp_path, '<xliff xmlns="urn:x"/>')


def test_billion_laughs_are_refused(tmp_path):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE tmx [<!ENTITY l0 "lol">{laughs}]><tmx version="1.4"><body>{unit("&l9;", "x")}</body></tmx>'
    with pytest.raises(
        ValueError, match=r"a\.tmx: declares the entities l0, l1, l2, l3, l4; entities are not expanded: write their text in their place"
    ):
        rows(tmp_path, text)


def test_external_entities_are_refused_and_not_read(tmp_path):
    (tmp_path / "secret").write_text("secret")
    text = f'<!DOCTYPE tmx [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><tmx version="1.4"><body>{unit("&x;", "x")}</body></tmx>'
    with pytest.raises(ValueError, match=r"a\.tmx: declares the entities x; entities are not expanded"):
        rows(tmp_path, text)
    parameter = (
        f'<!DOCTYPE tmx [<!ENTITY % p SYSTEM "file://{tmp_path}/secret"> %p;]><tmx version="1.4"><body>{unit("a", "b")}</body></tmx>'
    )
    with pytest.raises(ValueError, match=r"a\.tmx: "):
        rows(tmp_path, parameter)


def test_an_unknown_entity_rejects_the_unit(tmp_path):
    found = rows(tmp_path, HEAD + unit("a&nbsp;b", "x") + unit("a", "b") + TAIL)
    assert [(row.line, row.reason) if isinstance(row, Reject) else row.number for row in found] == [
        (1, "the entity &nbsp; is not known"),
        2,
    ]


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.tmx"
    with path.open("w") as file:
        file.write(HEAD)
        file.writelines(unit(f"{n} " + "word " * 40, "x") for n in range(40_000))
        file.write(TAIL)
    code = (
        "import resource, sys; from pathlib import Path; from data.readers.tmx import read_tmx\n"
        "rows = read_tmx(Path(sys.argv[1]), None); next(rows); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(1 for _ in rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    count, grown_kb = map(int, done.stdout.split())
    assert count == 39_999
    assert grown_kb < path.stat().st_size / 1024 / 4
