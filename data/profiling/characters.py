"""Characters outside the usual: what a decoder, a converter or a copy from a PDF leaves in a text.

Not covered: rare but right characters, such as Traditional forms or dialect signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

WIDE_LANGUAGES = frozenset({"zh", "zh-Hant", "ja", "ko"})  # write full-width letters of their own
_SECOND = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"  # second bytes of UTF-8, read as Windows-1252
_NO_MARK = "\u0080-\u009f¡-ª¬-º¼-¿€‚ƒ†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ"  # of these, those that do not stand behind an é in French: no quotes, no spaces
AROUND = 40  # characters shown on either side
ODD = {
    "replacement": re.compile("\ufffd"),
    "mojibake": re.compile(f"Ã[{_SECOND}]|Â[\u0080-\u00bf]|â€|ï¼[{_SECOND}]|[äåæçèé][{_NO_MARK}]{{2}}"),
    "control": re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
    "private_use": re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]"),
    "invisible": re.compile("[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"),
    "mixed_scripts": re.compile(r"\b(?=\w*[A-Za-z])\w*[\u0400-\u04ffΑΒΕΖΗΙΚΜΝΟΡΤΥΧο]\w*"),  # Greek: no units
    "entities": re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,5});"),
    "full_width": re.compile("[Ａ-Ｚａ-ｚ０-９]"),
    "spaces": re.compile("[\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"),
}
MEANING = {
    "replacement": "the sign for a character that could not be decoded (U+FFFD)",
    "mojibake": "UTF-8 that was decoded as another encoding (Ã¤ for ä)",
    "control": "control characters",
    "private_use": "private-use characters, which fonts define",
    "invisible": "invisible characters and marks of direction",
    "mixed_scripts": "words of Latin and of Cyrillic or Greek letters that look alike",
    "entities": "HTML entities",
    "full_width": "full-width Latin letters or digits in a text that is not Chinese, Japanese or Korean",
    "spaces": "other spaces than U+0020",
}


def odd_characters(text: str, language: str) -> Iterator[tuple[str, str]]:
    """The kinds of `ODD` that stand in a text, with the place where each stands first."""
    if text.isascii() and "&" not in text and text.isprintable():
        return
    for kind, pattern in ODD.items():
        found = pattern.search(text)
        if found and not (kind in {"full_width", "spaces"} and language in WIDE_LANGUAGES):
            yield kind, text[max(0, found.start() - AROUND) : found.end() + AROUND]
