"""What of users' data is not worth training on: one filter, one reason.

A segment is judged whole: if one of its texts fails, all of it is dropped, under the name of the first filter that says so; the order is
that of `FILTERS`. Duplicates need to know all segments and are found in `data/intake.py`.

Source: the filters are those of Mozilla's pipeline (clean-parallel) and of OpusCleaner, https://github.com/mozilla/translations

Not covered: quality estimation by a model (Bicleaner), sentence alignment.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from configs.schema import Cleaning
from data.language import HAN, LATIN, LETTER, confidence
from data.normalize import comparable
from data.protect import find_protected

Texts = Mapping[str, str]  # language -> text

# Length of a text in characters, English as 1: NTREX-128, whole corpus (python -m data.profile on its six files).
USUAL_LENGTH = {"en": 1.0, "de": 1.19, "es": 1.16, "fr": 1.18, "zh": 0.35, "ja": 0.46}
SHORT_WORDS = 12  # characters by which short texts may differ whatever the ratio: "Ja." stands for "Yes, of course."
ENOUGH_DIGITS = 10  # numbers from here on are compared: one digit is often a word on the other side
KANA, HANGUL = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff]"), re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")
UNSPACED = re.compile(f"{HAN.pattern}|{KANA.pattern}|{HANGUL.pattern}")
WORDS = re.compile(r"[^\W\d_]+")
SCRIPTS = {"zh": (HAN,), "ja": (HAN, KANA), "ko": (HAN, HANGUL)}  # all others that we know are written in Latin letters
LATIN_LANGUAGES = frozenset({"en", "de", "es", "fr", "it", "nl", "pt", "pl", "cs", "sv", "da", "fi", "tr", "id", "vi"})
WORD = re.compile(r"\b[a-zß-ÿ]{3,}\b")  # in lower case: names and codes are no words
DIGIT_GROUPS = re.compile(r"(?<=\d)[.,'\u00a0\u202f ](?=\d{3}(?!\d))")
LARGE_NUMERALS = re.compile("[万亿千百]|\\d\\s?(?:million|billion|Million|Milliard|millón|millones|mil\\b)")


def kept_whole(text: str) -> bool:
    """Whether something is left of `text` without spaces and punctuation."""
    return bool(comparable(text))


def empty(texts: Texts, settings: Cleaning) -> bool:
    """A text with no letter and no digit."""
    return settings.empty and not all(map(kept_whole, texts.values()))


def length(texts: Texts, settings: Cleaning) -> bool:
    """A text shorter or longer than the limits, in characters."""
    limits = settings.length
    return limits.enabled and not all(limits.shortest <= len(text) <= limits.longest for text in texts.values())


def script(texts: Texts, settings: Cleaning) -> bool:
    """A text of which too little is in the script of its language; one without letters passes."""
    return settings.script.enabled and any(
        script_percent(text, language) < settings.script.least_percent for language, text in texts.items() if LETTER.search(text)
    )


def script_percent(text: str, language: str) -> float:
    """Share of `text` in its language's script, 0..100; 100 for a language whose script we do not know.

    A word counts as one, and so does a character of Chinese, Japanese and Korean: their texts are full of Latin names.
    """
    language = language.split("-")[0]
    patterns = SCRIPTS.get(language) or ((LATIN,) if language in LATIN_LANGUAGES else ())
    signs = [sign for script in (HAN, KANA, HANGUL) for sign in script.findall(text)]
    units = [*signs, *WORDS.findall(UNSPACED.sub(" ", text))]
    if not patterns or not units:
        return 100.0
    return 100 * sum(any(pattern.match(unit) for pattern in patterns) for unit in units) / len(units)


def markup(texts: Texts, settings: Cleaning) -> bool:
    """Tags and placeholders that one side has and another lacks."""
    return settings.markup and _differ(texts, _markup)


def _markup(text: str) -> Counter[str]:
    if not any(sign in text for sign in "<{&#%"):
        return Counter()
    return Counter(span.text for span in find_protected(text) if span.kind in {"markup", "placeholder"})


def copies(texts: Texts, settings: Cleaning) -> bool:
    """Two languages with the same words, of which there is more than a name or a code."""
    if not settings.copies:
        return False
    alike = [comparable(text) for text in texts.values()]
    return len(set(alike)) < len(alike) and any(len(WORD.findall(text)) > 1 or len(HAN.findall(text)) > 3 for text in texts.values())


def length_ratio(texts: Texts, settings: Cleaning) -> bool:
    """Two texts of which one is too long for the other."""
    if not settings.length_ratio.enabled:
        return False
    lengths = [len(text) / USUAL_LENGTH.get(language.split("-")[0], 1.0) for language, text in texts.items()]
    return max(lengths) > SHORT_WORDS + settings.length_ratio.most * min(lengths)


def numbers(texts: Texts, settings: Cleaning) -> bool:
    """A number of two digits or more that another side lacks; sides that count in words (万, million) pass."""
    return settings.numbers and not any(map(LARGE_NUMERALS.search, texts.values())) and _differ(texts, _numbers)


def _numbers(text: str) -> set[int]:
    found = (int(digits) for digits in re.findall(r"\d{1,18}", DIGIT_GROUPS.sub("", text)))
    return {number for number in found if number >= ENOUGH_DIGITS}


def urls(texts: Texts, settings: Cleaning) -> bool:
    """Addresses of pages or mail that one side has and another lacks."""
    return settings.urls and _differ(texts, _addresses)


def _addresses(text: str) -> Counter[str]:
    if "@" not in text and "://" not in text and "www." not in text:
        return Counter()
    return Counter(span.text for span in find_protected(text) if span.kind in {"url", "email"})


def _differ(texts: Texts, of: Callable[[str], object]) -> bool:
    first, *others = (of(text) for text in texts.values())
    return any(other != first for other in others)


def wrong_language(texts: Texts, settings: Cleaning) -> bool:
    """A text that is more likely in another language than in its own, by the confidence asked for."""
    limits = settings.language
    return limits.enabled and any(
        confidence(text, language) < limits.least_confidence for language, text in texts.items() if len(comparable(text)) >= limits.shortest
    )


FILTERS: dict[str, Callable[[Texts, Cleaning], bool]] = {
    "empty": empty,
    "length": length,
    "script": script,
    "markup": markup,
    "copies": copies,
    "length_ratio": length_ratio,
    "numbers": numbers,
    "urls": urls,
    "language": wrong_language,
}
DUPLICATES, DUPLICATE_SIDES = "duplicates", "duplicate_sides"  # these and the next are found in data/intake.py
HELD_OUT, HELD_OUT_TERM = "like_held_out", "held_out_term"
REASONS: Sequence[str] = (*FILTERS, DUPLICATES, DUPLICATE_SIDES, HELD_OUT, HELD_OUT_TERM)


def problem(texts: Texts, settings: Cleaning) -> str | None:
    """The name of the first filter that drops these texts, normalised already; `None`: they stay."""
    return next((name for name, drops in FILTERS.items() if drops(texts, settings)), None)


@functools.cache
def explain(reason: str) -> str:
    """What a reason means, one line: the filter's own docstring, for the report."""
    explained = {
        DUPLICATES: "The same texts stood before.",
        DUPLICATE_SIDES: "One of the texts stood before, beside another translation.",
        HELD_OUT: "Nearly equal to a text of a held-out part.",
        HELD_OUT_TERM: "Has a term that is held out of training.",
    }
    return explained.get(reason) or str(FILTERS[reason].__doc__)
