"""Traditional Chinese characters and the Simplified ones that stand for them, one for one, so that two spellings can be compared.

    simplified()               the table
    python -m data.han FILE    makes `traditional.tsv` anew

Reads  traditional.tsv, which is derived from OpenCC (Apache License 2.0; its head says from what, and what was changed)

Not covered: converting text for a reader, which takes whole words (乾 is 干 or 乾) and the usage of a region.
"""

from __future__ import annotations

from pathlib import Path

TABLE = Path(__file__).with_name("traditional.tsv")


def simplified() -> dict[int, str]:
    """Code point of a Traditional character -> its Simplified form; none of the forms is itself a key."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {ord(line[0]): line[2] for line in lines if not line.startswith("#")}
