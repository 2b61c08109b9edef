"""Which language a message is in.

Source: lingua 2.1, restricted to the languages we serve (four models take 107 MB, all 75 take 842 MB: measured).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lingua import LanguageDetector

TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")  # not the Chinese that we serve
ALIASES = {"zh-hans": "zh", "zh-cn": "zh", "zh-sg": "zh"}
SURE = 0.9  # of the quick mode: tests/data/test_language.py counts the shipped messages that it then gets wrong, 6 in 20,000
UNSPACED = frozenset({"zh"})  # languages that put no space between sentences
LETTER = re.compile(r"[^\W\d_]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
LATIN = re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿＡ-Ｚａ-ｚ]")


class UnknownLanguageError(ValueError):
    """A text whose language is none of ours, or a language code that is not."""


def canonical(code: str, supported: tuple[str, ...]) -> str:
    """A BCP-47 code as one of `supported` (`zh-Hans` and `zh-CN` are `zh`; a region is dropped, unless it stands for Traditional Chinese).

    Raises:
        UnknownLanguageError: none of ours; the message names the valid ones.
    """
    lower = code.lower().replace("_", "-")
    found = ALIASES.get(lower, lower if lower in supported else lower.split("-")[0])
    if found not in supported or lower.startswith(TRADITIONAL):
        raise UnknownLanguageError(f"language {code!r} is not served; valid: {', '.join(supported)}")
    return found


def detect(text: str, supported: tuple[str, ...]) -> str:
    """The most likely of the supported languages.

    Raises:
        UnknownLanguageError: no letters, or most of them neither Latin nor Chinese.
    """
    letters = LETTER.findall(text)
    if not letters:
        raise UnknownLanguageError("the text has no letters to tell its language by; name it")
    han = len(HAN.findall(text))
    if 2 * (han + len(LATIN.findall(text))) < len(letters):
        raise UnknownLanguageError(f"the text is in none of the languages served: {', '.join(supported)}")
    if "zh" in supported and 4 * han >= len(letters):
        return "zh"
    found = _detector(supported).detect_language_of(text.encode(errors="replace").decode())  # half a surrogate pair is not UTF-8
    return found.iso_code_639_1.name.lower() if found else supported[0]


def confidence(text: str, language: str, others: tuple[str, ...] = ("en", "zh", "de", "es")) -> float:
    """How likely `text` is in `language` rather than in one of the `others`, 0..1; 1 for a language that lingua does not know.

    The confidence is lingua's, relative to the languages compared. Its quicker mode is asked first, and believed where it is sure.
    """
    language = language.split("-")[0]
    found = _known(language)
    if found is None:
        return 1.0
    compared = tuple(sorted({language, *others}))
    quick = float(_detector(compared, quick=True).compute_language_confidence(text, found))
    return quick if quick >= SURE else float(_detector(compared).compute_language_confidence(text, found))


@functools.cache
def _known(code: str) -> Any:
    """The lingua language of an ISO 639-1 code; `None` where it has none."""
    from lingua import IsoCode639_1, Language

    found = getattr(IsoCode639_1, code.upper(), None)
    return None if found is None else Language.from_iso_code_639_1(found)


@functools.cache
def _detector(supported: tuple[str, ...], quick: bool = False) -> LanguageDetector:
    """Lingua over the supported languages, loaded once; quick: by trigrams alone."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in supported]
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_preloaded_language_models()
    return (builder.with_low_accuracy_mode() if quick else builder).build()


def warm_up(supported: tuple[str, ...]) -> None:
    """Load the language models now rather than at the first message."""
    _detector(supported)
