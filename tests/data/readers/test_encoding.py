import gzip

import pytest

from data.readers.encoding import LONGEST_LINE, open_text
from data.records import Reject

CHINESE = "请报一下这台机器的最优价格。\n我们的订单什么时候发货？\n发票上的金额不对，请尽快更正。\n"
JAPANESE = "注文した商品がまだ届いていません。\n請求書を送ってください。\nカタログを見せてください。\n"
GERMAN = "Können Sie uns einen Preis nennen?\nDie Maße sind größer als vereinbart.\nFür die Verzögerung bitten wir um Entschuldigung.\n"
SPANISH = "¿Podrían cotizarnos su mejor precio?\nEl envío todavía no llegó.\nMañana le enviaré el número de teléfono.\n"
FRENCH = "Où est ma commande passée hier ?\nLe reçu a été envoyé à l'adresse indiquée.\nÀ bientôt et merci beaucoup, Françoise.\n"
ENGLISH = "The “best” price – please\nIt’s late\nWe’ve paid €500\n"
KOREAN = "주문한 상품이 아직 도착하지 않았습니다.\n감사합니다.\n"
TAIWANESE = "請問我的訂單什麼時候出貨？\n發票金額不對，請儘快更正。\n"


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "cp949"),
        (TAIWANESE, "big5"),
        (GERMAN, "cp1252"),
        (GERMAN, "latin-1"),
        (SPANISH, "cp1252"),
        (SPANISH, "latin-1"),
        (FRENCH, "latin-1"),
        (ENGLISH, "cp1252"),
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (SPANISH, "utf-32"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_encoding_is_found_out(tmp_path, text, encoding, pack):
    path = write(tmp_path / "a.txt", pack(text.encode(encoding)))
    assert list(open_text(path).lines()) == text.splitlines()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (CHINESE.encode("gb18030"), "gb18030"),
        (JAPANESE.encode("shift_jis"), "cp932"),
        (GERMAN.encode("latin-1"), "cp1252"),
        (b"plain\n", "utf-8"),
        (b"", "utf-8"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (CHINESE.encode("utf-16-be"), "utf-16-be"),
        (CHINESE.encode("utf-8-sig"), "utf-8"),
    ],
)
def test_the_encoding_is_reported(tmp_path, data, encoding):
    assert open_text(write(tmp_path / "a.txt", data)).encoding == encoding


def test_characters_beyond_ascii_are_looked_for_in_the_whole_file(tmp_path):
    path = write(tmp_path / "a.txt", b"plain ascii line\n" * 100 + GERMAN.encode("cp1252") * 10)
    assert list(open_text(path).lines())[100:103] == GERMAN.splitlines()


def test_a_named_encoding_is_obeyed(tmp_path):
    path = write(tmp_path / "a.txt", "déjà\n".encode())
    assert list(open_text(path, "cp1252").lines()) == ["dÃ©jÃ\xa0"]
    assert open_text(path, "Latin-1").encoding == "iso8859-1"


@pytest.mark.parametrize("name", ["utf-9", "rot13"])
def test_an_unknown_encoding_is_refused(tmp_path, name):
    path = write(tmp_path / "a.txt", b"a\n")
    with pytest.raises(ValueError, match=f"a.txt: encoding '{name}' is unknown; valid are utf-8, utf-16, gb18030"):
        open_text(path, name)


def test_one_bad_byte_rejects_its_line_and_no_other(tmp_path):
    path = write(tmp_path / "a.tsv", "价格\n".encode() * 3 + b"caf\xe9 \xff\n" + "größer\r\n".encode())
    lines = list(open_text(path).lines())
    assert lines[:3] + lines[4:] == ["价格"] * 3 + ["größer"]
    assert lines[3] == Reject(file=str(path), line=4, reason="not utf-8 at byte 4 of the line", text="caf\\xe9 \\xff")


def test_one_bad_byte_in_ascii_does_not_make_it_another_encoding(tmp_path):
    lines = list(open_text(write(tmp_path / "a.tsv", b"one\ntwo \xff\xfe\nthree\n")).lines())
    assert [type(line) for line in lines] == [str, Reject, str]
    assert lines[1].line == 2


def test_broken_characters_of_utf_16_reject_their_line(tmp_path):
    data = "good\n".encode("utf-16-le") + b"x\0\x00\xd8y\0\n\0" + "价格\n".encode("utf-16-le") + b"z"
    lines = list(open_text(write(tmp_path / "a.txt", data), "utf-16-le").lines())
    assert [line if isinstance(line, str) else (line.line, line.reason) for line in lines] == [
        "good",
        (2, "not utf-16-le at byte 2 of the line"),
        "价格",
        (4, "not utf-16-le at byte 1 of the line"),
    ]


def test_nul_and_very_long_lines_are_rejected(tmp_path):
    data = b"a\nb\0c\n" + b"x" * LONGEST_LINE + b"\n" + b"y" * (LONGEST_LINE + 1) + b"\n" + b"z" * 3 * LONGEST_LINE + b"\nend\n"
    lines = list(open_text(write(tmp_path / "a.txt", data)).lines())
    assert [line[:3] if isinstance(line, str) else (line.line, line.reason) for line in lines] == [
        "a",
        (2, "holds a NUL character"),
        "xxx",
        (4, "longer than 1,000,000 bytes"),
        (5, "longer than 1,000,000 bytes"),
        "end",
    ]
    assert lines[1].text == "b\\x00c"
    assert len(lines[4].text) == 200


def test_line_ends(tmp_path):
    assert list(open_text(write(tmp_path / "dos", b"a\r\n\r\nb")).lines()) == ["a", "", "b"]
    assert list(open_text(write(tmp_path / "mac", b"a\rb\r")).lines()) == ["a", "b"]
    assert list(open_text(write(tmp_path / "odd", "a\u2028b\x85c\x0cd\n".encode())).lines()) == ["a\u2028b\x85c\x0cd"]


@pytest.mark.parametrize("data", [b"", b"a", b"a\n", b"a\nb", b"\n\n", "上上\n上".encode("utf-16"), b"a\rb\r"])
def test_count_agrees_with_the_lines(tmp_path, data):
    file = open_text(write(tmp_path / "a.txt", data))
    assert file.count() == len(list(file.lines()))


def test_a_cut_gzip_file_keeps_the_lines_before(tmp_path):
    data = gzip.compress("".join(f"größe {n * 7919}\n" for n in range(200_000)).encode())
    path = write(tmp_path / "a.gz", data[: len(data) // 2])
    *good, last = open_text(path).lines()
    assert good[:2] == ["größe 0", "größe 7919"]
    assert len(good) > 1000
    assert (last.line, last.reason) == (len(good) + 1, "the gzip file is cut off or damaged from here on")
    assert open_text(path).count() == len(good) + 1


def test_a_file_is_unpacked_by_its_bytes_not_its_name(tmp_path):
    assert list(open_text(write(tmp_path / "a.tsv", gzip.compress(b"x\n"))).lines()) == ["x"]
    assert list(open_text(write(tmp_path / "a.gz", b"x\n")).lines()) == ["x"]
