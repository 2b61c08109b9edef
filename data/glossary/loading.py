"""The project's own glossary files: one YAML file an industry. data/README.md shows one.

Readers of other formats make the same entries, so that `term_of` judges them all.

Not covered: two equal keys in one entry, of which YAML keeps the last; language codes, which are taken as they stand.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.glossary.term import CASES, Glossary, GlossaryError, Term, Word
from data.records import read_yaml_list

PLAIN_KEYS = frozenset({"id", "tags", "confused_with", "note", "case", "pos", "translate"})  # keys of an entry that are not languages
WORD_LISTS = ("synonyms", "forbidden")  # what stands among a word's forms and is no form
SHOWN = reprlib.Repr()
SHOWN.maxlevel, SHOWN.maxstring = 2, 60  # a value shown in a message: YAML's aliases can make a few bytes a value without end

Entry = tuple[int, dict[str, Any]]  # line, and what stands there


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file.

    Attributes:
        file: its path.
        line: line, or row or unit where the format has no lines; 0: the file as a whole.
        reason: one sentence.
        term: the term's id, where it is about one.
    """

    file: str
    line: int
    reason: str
    term: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


@dataclass(frozen=True)
class Loaded:
    """A file as it was read: the good terms with the line of each, and what is wrong with the others."""

    path: Path
    glossary: Glossary
    lines: tuple[int, ...]
    problems: tuple[Problem, ...]


def load_glossaries(folder: Path) -> dict[str, Glossary]:
    """Every `*.yaml` of a folder, by industry.

    Raises:
        GlossaryError: broken files or terms, all of them at once.
    """
    problems: list[str] = []
    found: dict[str, Glossary] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            loaded = load_yaml(path)
        except GlossaryError as error:
            problems.append(str(error))
            continue
        problems += map(str, loaded.problems)
        industry = loaded.glossary.industry
        if industry in found:
            problems.append(f"{path}: the industry {industry!r} stands in another file too")
        found[industry] = loaded.glossary
    if problems:
        raise GlossaryError("\n".join(problems))
    return found


def glossary_versions(folder: Path) -> dict[str, str]:
    """Industry -> version, of every glossary in a folder.

    Raises:
        GlossaryError: as `load_glossaries`.
    """
    return {industry: glossary.version for industry, glossary in sorted(load_glossaries(folder).items())}


def load_yaml(path: Path) -> Loaded:
    """The glossary of one YAML file.

    Raises:
        GlossaryError: it is not YAML, or has no industry or terms.
    """
    try:
        content, lines = read_yaml_list(path, "terms")
    except ValueError as error:
        raise GlossaryError(str(error)) from None
    if not isinstance(content, dict) or not content.get("industry") or not isinstance(content.get("terms"), list):
        raise GlossaryError(f"{path}: needs an industry and a list of terms")
    terms = content["terms"]
    lines = lines if len(lines) == len(terms) else [0] * len(terms)  # a list that stands elsewhere in the file, behind an alias
    return assemble(path, str(content["industry"]), zip(lines, terms, strict=True), [])


def assemble(path: Path, industry: str, entries: Iterable[Entry], problems: Sequence[Problem]) -> Loaded:
    """The glossary of a file's entries, with all that is wrong in them beside what was wrong already."""
    file, found, terms, lines = str(path), list(problems), [], []
    for line, entry in entries:
        try:
            terms.append(term_of(industry, entry))
            lines.append(line)
        except ValueError as error:
            found.append(Problem(file, line, str(error)))
    counts = Counter(term.id for term in terms)
    for line, term in zip(lines, terms, strict=True):
        if counts[term.id] > 1:
            found.append(Problem(file, line, f"the id {term.id!r} stands {counts[term.id]} times", term.id))
        unknown = [name for name in term.confused_with if name not in counts]
        found += [Problem(file, line, f"{term.id!r}: confused_with names no term: {name!r}", term.id) for name in unknown]
    return Loaded(path, Glossary(industry, tuple(terms)), tuple(lines), tuple(sorted(found, key=lambda problem: problem.line)))


def term_of(industry: str, entry: Any) -> Term:
    """One entry of a glossary file.

    Raises:
        ValueError: no id, a language without a base form, no language at all, or a rule that is none.
    """
    if not isinstance(entry, dict) or not entry.get("id"):
        raise ValueError("needs an id")
    try:
        _check_rules(entry)
        words = {str(language): words_of(value) for language, value in entry.items() if language not in PLAIN_KEYS}
    except ValueError as error:
        raise ValueError(f"{entry['id']!r}: {error}") from None
    if not words or any(not word.get("base") for admitted, _ in words.values() for word in admitted):
        raise ValueError(f"{entry['id']!r} needs a base form in each of its languages")
    return Term(
        id=f"{industry}/{entry['id']}",
        tags=tuple(entry.get("tags") or ()),
        forms={language: admitted[0] for language, (admitted, _) in words.items()},
        confused_with=tuple(f"{industry}/{name}" for name in entry.get("confused_with") or ()),
        note=str(entry.get("note") or ""),
        synonyms={language: tuple(admitted[1:]) for language, (admitted, _) in words.items() if len(admitted) > 1},
        forbidden={language: forbidden for language, (_, forbidden) in words.items() if forbidden},
        case=entry.get("case", "ignore"),
        pos=str(entry.get("pos") or "").strip().lower(),
        translate=entry.get("translate", True),
    )


def _check_rules(entry: dict[str, Any]) -> None:
    """Look at the keys of an entry that are not languages.

    Raises:
        ValueError: one has a value that it cannot have.
    """
    for key in ("tags", "confused_with"):
        if not isinstance(entry.get(key) or [], list):
            raise ValueError(f"{key} is a list, not {SHOWN.repr(entry[key])}")
    if entry.get("case", "ignore") not in CASES:
        raise ValueError(f"case is {' or '.join(CASES)}, not {SHOWN.repr(entry['case'])}")
    if not isinstance(entry.get("translate", True), bool):
        raise ValueError(f"translate is true or false, not {SHOWN.repr(entry['translate'])}")


def words_of(value: Any) -> tuple[list[Word], tuple[str, ...]]:
    """The admitted words of a language, the preferred one first, and the forbidden ones.

    Raises:
        ValueError: a form is not text, or the further words are no list.
    """
    if isinstance(value, str):
        return [{"base": value}], ()
    if not isinstance(value, dict) or value.keys().isdisjoint(WORD_LISTS):
        return [word_forms(value)], ()
    lists = {key: value.get(key) or [] for key in WORD_LISTS}
    for key, words in lists.items():
        if not isinstance(words, list):
            raise ValueError(f"{key} is a list, not {SHOWN.repr(words)}")
    preferred = {key: text for key, text in value.items() if key not in WORD_LISTS}
    return [word_forms(preferred), *map(word_forms, lists["synonyms"])], tuple(word_forms(word)["base"] for word in lists["forbidden"])


def word_forms(value: Any) -> Word:
    """A word's forms; plain text is its base form.

    Raises:
        ValueError: a form is not text. Nothing is guessed: YAML reads `no`, `on` and an empty value as something else.
    """
    forms = value if isinstance(value, dict) else {"base": value}
    wrong = [f"{name}: {SHOWN.repr(text)} is not text (quote it)" for name, text in forms.items() if not isinstance(text, str)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {str(name): text for name, text in forms.items()}
