"""Make the table of Traditional characters that have one Simplified form.

    Reads   a dictionary of OpenCC as text, `data/dictionary/TSCharacters.txt` of its sources: character, tab, Simplified forms
    Writes  data/han/traditional.tsv

Not covered: the dictionaries of words and of regions.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from data.console import command
from data.han import TABLE
from data.records import write_text

HEAD = """\
# Traditional characters and their one Simplified form, for comparing spellings. Made by `python -m data.han FILE`; do not edit.
# Derived from OpenCC {version}, data/dictionary/TSCharacters.txt, https://github.com/BYVoid/OpenCC
# Copyright 2010-2026 Carbo Kuo and contributors; Apache License 2.0, the text of which is LICENSE in this repository.
# Changed: of several Simplified forms those outside GB 2312 are left out; a character that still has several is left out, and so is one
# whose form is Traditional for another character.
"""


def table(lines: Iterable[str]) -> dict[str, str]:
    """Traditional character -> its one Simplified form.

    Of several forms the everyday ones count, those of GB 2312: 線 is 线, and only in names 缐. 畫, which is 画 or 划, is left out.

    Raises:
        ValueError: a line is not one character, a tab and its forms; all such lines, the first three shown.
    """
    entries = [line.rstrip("\n") for line in lines if line.strip() and not line.startswith("#")]
    fields = [line.split("\t") for line in entries]
    broken = [entry for entry, parts in zip(entries, fields, strict=True) if len(parts) != 2 or len(parts[0]) != 1]
    if broken or not fields:
        raise ValueError(f"{len(broken)} of {len(fields)} lines are not a character, a tab and its forms: {broken[:3]}")
    forms = {character: _everyday(forms.split()) for character, forms in fields}
    alone = {c: found[0] for c, found in forms.items() if len(found) == 1 and len(found[0]) == 1 and found[0] != c}
    return {c: form for c, form in sorted(alone.items()) if form not in alone}


def _everyday(forms: list[str]) -> list[str]:
    """Of several forms those of GB 2312, the character set of everyday Simplified Chinese; all of them if it has none."""
    return [form for form in forms if _in_gb2312(form)] or forms


def _in_gb2312(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@command
def main(
    dictionary: Annotated[Path, typer.Argument(help="TSCharacters.txt of OpenCC's sources")],
    version: Annotated[str, typer.Option(help="of OpenCC, for the table's head")],
) -> str:
    """Make data/han/traditional.tsv from OpenCC's dictionary of characters."""
    try:
        found = table(dictionary.read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise ValueError(f"{dictionary}: {error}") from None
    write_text(TABLE, HEAD.format(version=version) + "".join(f"{character}\t{form}\n" for character, form in found.items()))
    return f"{TABLE}: {len(found):,} characters"


if __name__ == "__main__":
    typer.run(main)
