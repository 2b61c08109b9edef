"""Glossaries in TBX: ISO 30042:2008 (`<martif>`) and :2019 (`<tbx>`) are read, in DCA and in DCT style; :2019 in DCA style is written.

DCA writes `<termNote type="partOfSpeech">`, DCT `<min:partOfSpeech>`: both are the category `partOfSpeech` here. Of a language the term
whose `administrativeStatus` is preferred comes first, deprecated and superseded ones are forbidden. A concept's note is its `<note>`,
else its definition, and its subject field is the industry if all concepts name the same.

What TBX-Basic has no category for is written as one of ours (`form.pl`, `tag`, `case`, `translate`, `confusedWith`), and the file is then
called a TBX-Quayside: programs that know TBX-Basic alone read the terms, status, part of speech, gender and notes.

Source: https://www.tbxinfo.net/tbx-dialects/ (TBX-Basic), https://www.gala-global.org/lisa-oscar-standards (:2008)

Not covered: context sentences, cross references, transactions, pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from data.glossary.loading import Entry, Problem
from data.glossary.term import Glossary, Term, Word
from data.readers.codes import language_tag
from data.readers.markup import Torn, elements, language_of, local_name, text_of
from data.records import Writer

CONCEPTS = frozenset({"conceptEntry", "termEntry"})
LANGUAGES = frozenset({"langSec", "langSet"})
TERMS = frozenset({"termSec", "tig", "ntig"})
TYPED = frozenset({"termNote", "descrip", "admin", "adminNote", "descripNote"})  # DCA's elements, which name their category in `type`
FORBIDDEN = re.compile(r"deprecated|superseded|obsolete|notRecommended|forbidden")
POS = {"properNoun": "proper noun", "proper noun": "properNoun"}
GENDERS = {"masculine": "m", "feminine": "f", "neuter": "n", "m": "masculine", "f": "feminine", "n": "neuter"}
BASIC_POS = frozenset({"", "noun", "verb", "adjective", "adverb", "proper noun", "other"})
NAME = re.compile(r"[^\W\d][\w.-]*", re.ASCII)  # what an XML id may be


def read_tbx(path: Path, encoding: str | None) -> tuple[list[Entry], list[Problem]]:
    """The entries of a TBX file, and what is wrong with its other concepts.

    Raises:
        ValueError: it is no TBX file, or declares entities.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    for concept in elements(path, encoding, "TBX", ("martif", "tbx"), CONCEPTS):
        if isinstance(concept, Torn):
            problems.append(Problem(str(path), concept.line, concept.reason))
            break
        try:
            entries.append((concept.sourceline, _entry(concept)))
        except (ValueError, LookupError) as error:
            problems.append(Problem(str(path), concept.sourceline, str(error.args[0])))
    return entries, problems


def _entry(concept: Any) -> dict[str, Any]:
    """A concept as the YAML files write it.

    Raises:
        ValueError: a language is missing, not known, or there twice.
        LookupError: a text refers to an entity that is not known.
    """
    sections = [child for child in concept if local_name(child) in LANGUAGES]
    said = [(key, text) for child in concept if child not in sections for key, text in _categories(child)]
    entry: dict[str, Any] = {"id": _first(said, "id") or concept.get("id") or "", "industry": _first(said, "subjectField")}
    for section in sections:
        code = language_of(section) or ""
        language = language_tag(code)
        if not language:
            raise ValueError(f"{code!r} is no language's code" if code else f"a <{local_name(section)}> has no xml:lang")
        if language in entry:
            raise ValueError(f"more than one <{local_name(section)}> is in {language}")
        words, forbidden = _words(section)
        entry[language] = {**(words[0] if words else {}), "synonyms": words[1:], "forbidden": forbidden}
    everywhere = [*said, *(pair for section in sections for pair in _categories(section))]
    entry["note"] = " ".join(text for key, text in said if key == "note") or _first(everywhere, "definition")
    pos = _first(everywhere, "partOfSpeech")
    rules = {
        "pos": POS.get(pos, pos),
        "tags": [text for key, text in said if key == "tag"],
        "confused_with": [text for key, text in said if key == "confusedWith"],
    }
    if _first(said, "case"):
        rules["case"] = _first(said, "case")
    return {**entry, **rules, **({"translate": False} if _first(said, "translate") == "no" else {})}


def _words(section: Any) -> tuple[list[Word], list[str]]:
    """The admitted words of a language, preferred ones first, and the forbidden ones."""
    found: list[tuple[bool, Word]] = []
    forbidden: list[str] = []
    for element in (child for child in section if local_name(child) in TERMS):
        said = list(_categories(element))
        text = _first(said, "term")
        status = _first(said, "administrativeStatus") or _first(said, "normativeAuthorization")
        if FORBIDDEN.search(status):
            forbidden.append(text)
            continue
        word = {"base": text, **{key.removeprefix("form."): value for key, value in said if key.startswith("form.")}}
        if gender := _first(said, "grammaticalGender"):
            word["gender"] = GENDERS.get(gender, gender)
        found.append((not status.startswith("preferred"), word))
    return [word for _, word in sorted(found, key=lambda item: item[0])], forbidden


def _categories(element: Any) -> Iterator[tuple[str, str]]:
    """Category and text of everything in an element that holds text."""
    for part in element.iter():
        if not isinstance(part.tag, str):
            raise LookupError(f"the entity {part.text} is not known")
        name = local_name(part)
        if name == "hi" or name == "foreign":
            continue
        text = text_of(part).strip() if part.get("type") or part.text else ""
        if text:
            yield (part.get("type") or name) if name in TYPED else name, text


def _first(said: list[tuple[str, str]], category: str) -> str:
    return next((text for key, text in said if key == category), "")


def write_tbx(path: Path, glossary: Glossary) -> None:
    """Write a glossary as TBX."""
    dialect = "TBX-Basic" if all(map(_is_basic, glossary.terms)) else "TBX-Quayside"
    with Writer(path) as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<tbx style="dca" type="{dialect}" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2">\n'
            f"<tbxHeader><fileDesc><titleStmt><title>{xml(glossary.industry)}</title></titleStmt>"
            "<sourceDesc><p>Quayside glossary</p></sourceDesc></fileDesc></tbxHeader>\n<text><body>\n"
        )
        for term in glossary.terms:
            file.write("\n".join(_concept(term, glossary.industry)) + "\n")
        file.write("</body></text>\n</tbx>\n")


def _is_basic(term: Term) -> bool:
    """Whether TBX-Basic has a category for everything that a term says."""
    plain = not term.tags and not term.confused_with and term.case == "ignore" and term.translate and term.pos in BASIC_POS
    named = NAME.fullmatch(term.name) is not None
    return plain and named and all(word.keys() <= {"base", "gender"} for language in term.forms for word in term.words(language))


def _concept(term: Term, industry: str) -> Iterator[str]:
    named = NAME.fullmatch(term.name)
    yield f'<conceptEntry id="{xml(term.name)}">' if named else "<conceptEntry>"
    yield _typed("descrip", "subjectField", industry)
    said = [("id", "" if named else term.name), ("case", "" if term.case == "ignore" else term.case)]
    said += [("translate", "" if term.translate else "no"), *(("tag", tag) for tag in term.tags)]
    said += [("confusedWith", identifier.partition("/")[2]) for identifier in term.confused_with]
    yield from (_typed("admin", kind, text) for kind, text in said if text)
    if term.note:
        yield f"<note>{xml(term.note)}</note>"
    yield from (_language(term, language) for language in term.forms)
    yield "</conceptEntry>"


def _language(term: Term, language: str) -> str:
    preferred, *others = term.words(language)
    sections = [_term_section(preferred, "preferred", term.pos)]
    sections += [_term_section(word, "admitted", term.pos) for word in others]
    sections += [_term_section({"base": text}, "deprecated", term.pos) for text in term.forbidden.get(language, ())]
    return "\n".join((f'<langSec xml:lang="{xml(language)}">', *sections, "</langSec>"))


def _term_section(word: Word, status: str, pos: str) -> str:
    notes = [_typed("termNote", "administrativeStatus", f"{status}Term-admn-sts")]
    if pos:
        notes.append(_typed("termNote", "partOfSpeech", POS.get(pos, pos)))
    for name, text in word.items():
        if name == "gender" and text in GENDERS:
            notes.append(_typed("termNote", "grammaticalGender", GENDERS[text]))
        elif name != "base":
            notes.append(_typed("termNote", f"form.{name}", text))
    return f"<termSec><term>{xml(word['base'])}</term>{''.join(notes)}</termSec>"


def _typed(element: str, kind: str, text: str) -> str:
    return f'<{element} type="{xml(kind)}">{xml(text)}</{element}>'


def xml(text: str) -> str:
    """A text as XML writes it, in an element or in an attribute."""
    return escape(text).replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")
