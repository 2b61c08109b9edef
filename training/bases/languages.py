"""Which languages a Marian base translates between, and how it is asked for each.

OPUS-MT says them in `tokenizer_config.json`, by ISO 639-1 (`de`), 639-3 (`deu`), several joined (`cat+oci+spa`) or as a family (`mul`,
`gmw`, `ROMANCE`); some copies only in their name. A base with several targets has a code piece for each, in one spelling or another
(`>>deu<<`, `>>de<<`, `>>cmn_Hans<<`, `>>zh_CN<<`), and the code decides.

Not covered: which languages a family holds that is not in `FAMILIES`; such a base is believed.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Sequence

from data.readers.codes import base_code
from training.bases.files import BaseError

Pairs = Sequence[tuple[str, str]]

NAME = re.compile(r"opus-mt[-_](?:(?:tc|big|base|bible|small|tiny)[-_])*([A-Za-z_+]+)-([A-Za-z_+]+)")
CHINESE = ("cmn-hans", "zho-hans", "zh-hans", "zh-cn", "cmn", "zho", "zh")  # the best first: some bases know Chinese by several codes
MULTI_TARGET = "Helsinki-NLP/opus-mt-en-mul"
FAMILIES = {  # of those that OPUS-MT names, the languages known to `data/readers/codes.py` or to lingua; ISO 639-5
    **dict.fromkeys(("itc", "roa", "ROMANCE"), "ca es fr it la pt ro"),
    **dict.fromkeys(("gem", "NORTH_EU"), "af da de en is nb nl nn no sv"),
    **dict.fromkeys(("gmq", "SCANDINAVIA"), "da is nb nn no sv"),
    **dict.fromkeys(("fiu", "urj"), "et fi hu"),
    **{"gmw": "af de en nl", "bat": "lt lv", "cel": "cy ga", "CELTIC": "cy ga", "NORWAY": "nb nn no", "trk": "az kk tr", "sem": "ar he"},
    **{"sla": "be bg bs cs hr mk pl ru sk sl sr uk", "zle": "be ru uk", "zls": "bg bs hr mk sl sr", "zlw": "cs pl sk", "jpx": "ja"},
}


def language_of(code: str) -> str:
    """The language of a code in two letters, without region, `zh-Hant` for Traditional Chinese; nothing if it is not known."""
    return base_code(code) or _known().get(re.split("[-_]", code.lower())[0], "")


@functools.cache
def _known() -> dict[str, str]:
    """Codes of two and three letters -> of two, of the languages that lingua knows."""
    from lingua import Language

    both = [(language.iso_code_639_1.name.lower(), language.iso_code_639_3.name.lower()) for language in Language.all()]
    return {code: two for two, three in both for code in (two, three)}


def spoken(tag: str) -> frozenset[str]:
    """The languages that a base's tag stands for; none if that is not known."""
    if tag in FAMILIES:
        return frozenset(FAMILIES[tag].split())
    parts = [language_of(part) for part in re.split(r"[+_]", tag)]
    return frozenset(parts) if all(parts) else frozenset({language_of(tag)} - {""})


def said_languages(base: str, tokenizer_config: dict[str, object]) -> tuple[str, str]:
    """The tags of source and target, as `tokenizer_config.json` or else the name says them; nothing where neither does."""
    named = NAME.search(base)
    source, target = (tokenizer_config.get(key) for key in ("source_lang", "target_lang"))
    return str(source or (named[1] if named else "")), str(target or (named[2] if named else ""))


def check_languages(base: str, said: tuple[str, str], pairs: Pairs, codes: Sequence[str]) -> dict[str, str]:
    """Target language -> the code piece that asks for it; empty for a base with one target.

    Args:
        base: its name.
        said: tags of source and target.
        pairs: that are wanted.
        codes: the code pieces of its vocabulary.

    Raises:
        BaseError: a source or a target that it does not have.
    """
    targets = list(dict.fromkeys(target for _, target in pairs))
    _check_side(base, "from", said[0], dict.fromkeys(source for source, _ in pairs))
    if not codes or _one_target(said[1], targets, codes):
        _check_side(base, "into", said[1], targets)
        if len(targets) > 1:
            raise BaseError(
                f"base {base!r} has no language codes, so it translates into one language, not into {', '.join(targets)}; "
                f"valid: a base with a code for each, such as {MULTI_TARGET}"
            )
        return {}
    found = {target: code_piece(target, codes) for target in targets}
    for target, piece in found.items():
        if not piece:
            raise BaseError(
                f"base {base!r} has no language code for {target}; nearest of its {len(codes)}: {', '.join(nearest(target, codes))}"
            )
    return found


def _one_target(tag: str, targets: list[str], codes: Sequence[str]) -> bool:
    """Whether the one target wanted is the one that the base says it has, though the codes in its vocabulary are of others."""
    return len(targets) == 1 and spoken(tag) == {language_of(targets[0])} and not code_piece(targets[0], codes)


def _check_side(base: str, direction: str, tag: str, wanted: Iterable[str]) -> None:
    known = spoken(tag)
    others = [language for language in wanted if known and language_of(language) and language_of(language) not in known]
    if others:
        languages = tag if known == {tag} else f"{tag} ({', '.join(sorted(known))})"
        raise BaseError(f"base {base!r} translates {direction} {languages}, not {direction} {', '.join(others)}")


def code_piece(language: str, codes: Iterable[str]) -> str:
    """The code that asks for a language, in any usual spelling; nothing if there is none."""
    same = [code for code in codes if language_of(code[2:-2]) == (language_of(language) or None) or code[2:-2] == language]
    return min(same, key=lambda code: _distance(language, code), default="")


def _distance(language: str, code: str) -> tuple[bool, int, int, str]:
    """How far a code of the same language is from how the language was named."""
    spelled = code[2:-2].lower().replace("_", "-")
    parts, wanted = spelled.split("-")[1:], language.lower().replace("_", "-").split("-")[1:]
    rank = CHINESE.index(spelled) if language_of(language) == "zh" and spelled in CHINESE else len(CHINESE)
    return parts != wanted and language_of(language) != "zh", rank, len(code), code


def nearest(language: str, codes: Sequence[str], count: int = 5) -> list[str]:
    """The codes that are spelled most alike."""
    names = difflib.get_close_matches(language, [code[2:-2] for code in codes], n=count, cutoff=0.0)
    return [f">>{name}<<" for name in names]
