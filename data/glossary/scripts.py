"""Whether a form is written as its language is written.

A Chinese character counts as Traditional in Simplified text if OpenCC changes it and GB 2312, which holds the simplified forms, lacks
it, and as Simplified in Traditional text if OpenCC changes it and Big5 lacks it. So nothing is said of the characters that both write
(里, 后, 台, 著), which OpenCC alone would change.

Not covered: Hong Kong's own characters; wrong words in the right script.
"""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path
from typing import Any

from data.readers.row import library

SCRIPTS = {  # Unicode's names of letters begin with these; languages that are not here write Latin letters
    **{"zh": ("CJK",), "ja": ("CJK", "HIRAGANA", "KATAKANA"), "ko": ("HANGUL", "CJK"), "th": ("THAI",), "hi": ("DEVANAGARI",)},
    **dict.fromkeys(("ru", "uk", "bg", "mk", "be", "kk"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("ARABIC",)),
    **{"el": ("GREEK",), "he": ("HEBREW",), "bn": ("BENGALI",), "ta": ("TAMIL",), "te": ("TELUGU",), "ka": ("GEORGIAN",)},
    "sr": ("CYRILLIC", "LATIN"),
}
ANYWHERE = ("LATIN", "GREEK")  # product names, units and signs such as µm and Ω
SHOWN_NAMES = {"CJK": "Chinese"}


def script_problem(text: str, language: str) -> str:
    """Why a form cannot be of its language; empty if it can."""
    own = SCRIPTS.get(language.split("-")[0], ("LATIN",))
    found = {_script(character): character for character in reversed(text) if character.isalpha()}
    foreign = [script for script in found if script not in own and script not in ANYWHERE]
    if foreign:
        shown = SHOWN_NAMES.get(foreign[0], foreign[0].capitalize())
        return f"{shown} letters ({found[foreign[0]]}) in {language}"
    if found and not found.keys() & set(own) and not is_name(text):
        return f"no {SHOWN_NAMES.get(own[0], own[0].capitalize())} letter in {language}"
    return ""


def is_name(text: str) -> bool:
    """Whether Latin text looks like a name or an abbreviation: LED, Wi-Fi, 5G, Bluetooth; not `hydraulic pump`."""
    words = text.split()
    if len(words) == 1 and text[0].isupper():
        return True
    return all(any(c.isdigit() or c.isupper() for c in word[1:]) or word[0].isdigit() or len(word) == 1 for word in words)


def _script(letter: str) -> str:
    return unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "UNNAMED").split(maxsplit=1)[0].split("-")[0]


def variant_problem(text: str, language: str) -> str:
    """Which Chinese characters are of the other variant; empty for none, and in other languages.

    Raises:
        ValueError: OpenCC is not installed.
    """
    if text.isascii() or language.split("-")[0] != "zh":
        return ""
    traditional = [c for c in text if _is_of(c, "t2s", "gb2312")]
    simplified = [c for c in text if _is_of(c, "s2t", "big5")]
    wanted, wrong, change = ("Traditional", simplified, "s2t") if language.startswith("zh-Hant") else ("Simplified", traditional, "t2s")
    if not wrong:
        return ""
    other = "Simplified" if change == "s2t" else "Traditional"
    mixed = f"mixes {other} characters ({''.join(wrong)}) with {wanted} ones" if traditional and simplified else ""
    plain = f"{other} characters ({''.join(wrong)}) in {language}"
    return f"{mixed or plain}; in {wanted} it is {_converter(change).convert(text)}"


@functools.cache
def _is_of(character: str, change: str, charset: str) -> bool:
    """Whether a character is of the variant that OpenCC changes from and that the other variant's charset lacks."""
    if character.isascii() or _converter(change).convert(character) == character:
        return False
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return True
    return False


@functools.lru_cache(maxsize=4)
def _converter(change: str) -> Any:
    return library("opencc", Path("glossary check")).OpenCC(change)
