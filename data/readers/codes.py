"""Language codes as data sets write them: `zh_CN`, `zho`, `es-419`, `EN`."""

from __future__ import annotations

import functools
import re

from data.language import TRADITIONAL

CODE = re.compile(r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|\d{3}))?(-[a-z0-9]{1,8})*")  # BCP-47: language, script, region, the rest
THREE_LETTERS = {  # ISO 639-3 and the bibliographic codes of 639-2: the languages of the data sets that people bring to a trade desk
    **{"eng": "en", "zho": "zh", "chi": "zh", "cmn": "zh", "deu": "de", "ger": "de", "spa": "es", "fra": "fr", "fre": "fr", "ita": "it"},
    **{"por": "pt", "nld": "nl", "dut": "nl", "jpn": "ja", "kor": "ko", "rus": "ru", "ara": "ar", "pol": "pl", "ces": "cs", "cze": "cs"},
    **{"tur": "tr", "vie": "vi", "ind": "id", "tha": "th", "hin": "hi", "swe": "sv", "dan": "da", "fin": "fi", "nor": "no", "ukr": "uk"},
    **{"ron": "ro", "rum": "ro", "hun": "hu", "ell": "el", "gre": "el", "bul": "bg", "slk": "sk", "slo": "sk", "msa": "ms", "may": "ms"},
}
TWO_LETTERS = re.compile(  # those of ISO 639-1 that translation systems know; `to` and `as` are left out: they are English words
    "a[fmrz]|b[egns]|c[asy]|d[ae]|e[lnstu]|f[air]|g[alu]|h[eiruy]|i[dst]|ja|k[akmno]|l[otv]|m[klnrsty]|n[belno]|p[alst]|r[ou]|s[ikloqrvw]"
    "|t[aehlr]|u[krz]|vi|xh|z[hu]"
)

NO_REGION = ("XX", "ZZ")  # user-assigned and unknown in ISO 3166: data sets write them where there is no region to name


@functools.cache
def base_code(code: str) -> str:
    """The language without region, two letters where there are two; `zh-Hant` for Traditional Chinese; nothing for what is no code."""
    parts = CODE.fullmatch(code.strip().lower().replace("_", "-"))
    if parts is None:
        return ""
    language = THREE_LETTERS.get(parts[1], parts[1])
    if not TWO_LETTERS.fullmatch(language):
        return ""
    if "-".join((language, *parts[0].split("-")[1:])).startswith(TRADITIONAL):
        return "zh-Hant"
    return language


@functools.cache
def language_tag(code: str) -> str:
    """A code with script and region as BCP-47 writes them: `es_XX` is `es`, `zh_CN` is `zh`, `zh-TW` is `zh-Hant`; nothing for no code.

    Chinese without a script is Simplified, and Traditional Chinese without a region is Taiwan's.
    """
    base = base_code(code)
    parts = CODE.fullmatch(code.strip().lower().replace("_", "-"))
    if not base or parts is None:
        return ""
    script, region = (parts[2] or "")[1:].title(), (parts[3] or "")[1:].upper()
    if parts[4]:
        return "-".join((base, *parts[0].split("-")[1:]))
    if base in ("zh", "zh-Hant"):
        script, region = "", "" if region in ("CN", "SG", "TW") else region
    return "-".join(part for part in (base, script, "" if region in NO_REGION else region) if part)


def is_code(text: str) -> bool:
    """Whether a text is a language's code."""
    return bool(base_code(text))


@functools.cache
def wanted_language(code: str, wanted: tuple[str, ...]) -> str:
    """Which of the wanted languages a code means; nothing for none of them."""
    same = code.strip().lower().replace("_", "-")
    found = base_code(code)
    return next((language for language in wanted if language.lower() == same or (found and base_code(language) == found)), "")
