"""Glossaries in TMX: a unit a term, a variant a word; the first variant of a language is preferred.

Forbidden words are no variants, which other programs would take for translations: they, the inflected forms and the rules are properties
of ours (`x-forbidden`, `x-form.pl`, `x-tag` ...), which other programs pass over.

Source: https://www.gala-global.org/tmx-14b

Not covered: whether a unit of somebody's translation memory is a term or a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.glossary.loading import Entry, Problem
from data.glossary.tbx import xml
from data.glossary.term import Glossary, Term, Word
from data.readers.codes import language_tag
from data.readers.markup import Torn, elements, language_of, local_name, text_of
from data.records import Writer


def read_tmx(path: Path, encoding: str | None) -> tuple[list[Entry], list[Problem]]:
    """The entries of a TMX file, and what is wrong with its other units; places are lines.

    Raises:
        ValueError: it is no TMX file, or declares entities.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    industry = ""
    for unit in elements(path, encoding, "TMX", ("tmx",), frozenset({"header", "tu"})):
        if isinstance(unit, Torn):
            problems.append(Problem(str(path), unit.line, unit.reason))
            break
        try:
            if local_name(unit) == "header":
                industry = next(iter(_properties(unit).get("x-industry", [])), "")
                continue
            entries.append((unit.sourceline, {"industry": industry, **_entry(unit)}))
        except (ValueError, LookupError) as error:
            problems.append(Problem(str(path), unit.sourceline, str(error.args[0])))
    return entries, problems


def _entry(unit: Any) -> dict[str, Any]:
    """A unit as the YAML files write it.

    Raises:
        ValueError: a language is missing or not known.
        LookupError: a text refers to an entity that is not known.
    """
    said = _properties(unit)
    notes = [text_of(child).strip() for child in unit if local_name(child) == "note"]
    entry: dict[str, Any] = {
        "id": unit.get("tuid") or "",
        "tags": said.get("x-tag", []),
        "pos": "".join(said.get("x-pos", [])),
        "confused_with": said.get("x-confused-with", []),
        "note": " ".join(notes),
    }
    if "x-case" in said:
        entry["case"] = said["x-case"][0]
    if "x-translate" in said:
        entry["translate"] = said["x-translate"] != ["no"]
    for variant in (child for child in unit if local_name(child) == "tuv"):
        _add(entry, variant)
    return entry


def _add(entry: dict[str, Any], variant: Any) -> None:
    """Add a variant's word to its language."""
    code = language_of(variant) or ""
    language = language_tag(code)
    if not language:
        raise ValueError(f"{code!r} is no language's code" if code else "a <tuv> has no xml:lang")
    said = _properties(variant)
    text = next((text_of(child).strip() for child in variant if local_name(child) == "seg"), "")
    word = {"base": text, **{key.removeprefix("x-form."): texts[0] for key, texts in said.items() if key.startswith("x-form.")}}
    if language in entry:
        entry[language]["synonyms"].append(word)
    else:
        entry[language] = {**word, "synonyms": [], "forbidden": []}
    entry[language]["forbidden"] += said.get("x-forbidden", [])


def _properties(element: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for child in element:
        if local_name(child) == "prop" and (text := text_of(child).strip()):
            found.setdefault(child.get("type") or "", []).append(text)
    return found


def write_tmx(path: Path, glossary: Glossary) -> None:
    """Write a glossary as TMX 1.4."""
    source = next((language for term in glossary.terms for language in term.forms), "en")
    with Writer(path) as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
            '<header creationtool="quayside" creationtoolversion="1" segtype="phrase" o-tmf="quayside" adminlang="en" '
            f'srclang="{xml(source)}" datatype="plaintext">{_property("x-industry", glossary.industry)}</header>\n<body>\n'
        )
        for term in glossary.terms:
            file.write("\n".join(_unit(term)) + "\n")
        file.write("</body>\n</tmx>\n")


def _unit(term: Term) -> Iterator[str]:
    yield f'<tu tuid="{xml(term.name)}">'
    if term.note:
        yield f"<note>{xml(term.note)}</note>"
    yield from (_property("x-tag", tag) for tag in term.tags)
    yield from (_property("x-confused-with", identifier.partition("/")[2]) for identifier in term.confused_with)
    if term.pos:
        yield _property("x-pos", term.pos)
    if term.case != "ignore":
        yield _property("x-case", term.case)
    if not term.translate:
        yield _property("x-translate", "no")
    for language in term.forms:
        for number, word in enumerate(term.words(language)):
            yield _variant(language, word, () if number else term.forbidden.get(language, ()))
    yield "</tu>"


def _variant(language: str, word: Word, forbidden: tuple[str, ...]) -> str:
    said = [_property(f"x-form.{name}", text) for name, text in word.items() if name != "base"]
    said += [_property("x-forbidden", text) for text in forbidden]
    return f'<tuv xml:lang="{xml(language)}">{"".join(said)}<seg>{xml(word["base"])}</seg></tuv>'


def _property(kind: str, text: str) -> str:
    return f'<prop type="{xml(kind)}">{xml(text)}</prop>'
