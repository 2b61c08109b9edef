"""The table of Traditional characters: how it is made, and what is in the one that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from data.han import TABLE, __main__, simplified
from data.han.__main__ import table

LINES = ["# comment", "", "電\t电", "線\t线 缐", "畫\t画 划", "乾\t干 乾", "並\t並", "薴\t苧", "苧\t苎", "餗\t𫗧", "㑮\t㑮 𫝈"]


def test_characters_with_one_everyday_form_are_kept():
    assert table(LINES) == {"苧": "苎", "電": "电", "線": "线", "餗": "𫗧"}


def test_lines_that_are_not_the_dictionary_s_are_refused_together():
    with pytest.raises(ValueError, match=r"^2 of 3 lines are not a character, a tab and its forms: \['電 电', '電視\\t电视'\]$"):
        table(["電 电", "電視\t电视", "線\t线"])
    with pytest.raises(ValueError, match=r"^0 of 0 lines"):
        table([])


def test_the_command_writes_the_table_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(__main__, "TABLE", tmp_path / "traditional.tsv")
    (tmp_path / "TSCharacters.txt").write_text("\n".join(LINES), encoding="utf-8")
    app = Typer()
    app.command()(__main__.main)
    said = CliRunner().invoke(app, [str(tmp_path / "TSCharacters.txt"), "--version", "1.4.2"])
    assert said.exit_code == 0, said.output
    assert "traditional.tsv: 4 characters" in said.output
    monkeypatch.setattr("data.han.TABLE", tmp_path / "traditional.tsv")
    assert simplified() == {ord("苧"): "苎", ord("電"): "电", ord("線"): "线", ord("餗"): "𫗧"}
    (tmp_path / "TSCharacters.txt").write_text("a line\n", encoding="utf-8")
    said = CliRunner().invoke(app, [str(tmp_path / "TSCharacters.txt"), "--version", "1.4.2"])
    assert said.exit_code == 1
    assert f"error: {tmp_path}/TSCharacters.txt: 1 of 1 lines are not" in said.output


def test_the_table_that_ships_maps_one_character_to_one():
    found = simplified()
    assert len(found) == 3_218
    assert {len(form) for form in found.values()} == {1}
    assert [form for form in found.values() if ord(form) in found] == []
    assert "".join(found.get(ord(c), c) for c in "電壓開關閥門") == "电压开关阀门"
    assert not {ord(c) for c in "乾畫鍊於"} & found.keys()  # more than one form


def test_the_table_says_where_it_is_from():
    head = TABLE.read_text(encoding="utf-8").splitlines()[:5]
    assert "OpenCC 1.4.2" in head[1]
    assert "Copyright 2010-2026 Carbo Kuo and contributors; Apache License 2.0" in head[2]
    assert "Changed:" in head[3]
