"""Expands sentence patterns into parallel segments. The format of patterns, slots and forms is in `data/README.md`.

A pattern's expansions are drawn at random from (seed, pattern id) alone: another pattern or another order of files changes nothing.
A draw has two halves: the *filling* (which words stand in the slots) makes the combination; the generated values (numbers, codes) are
filled in later from one of two pools, so that no value of a test segment was ever trained on.

Not covered: agreement beyond the forms that a value lists.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from data.glossary import Glossary, load_glossaries, word_forms
from data.glossary.term import ranked
from data.records import read_yaml

REFERENCE = re.compile(r"\{(?P<name>[a-z_]+)(?P<draw>\d?)(?:\.(?P<form>[a-z_]+))?\}")
CODE_PART = re.compile(r"#|@|\[(?P<low>.)-(?P<high>.)\](?:\{(?P<times>\d+)\})?|.")
OPENER_SHARE = 0.25  # of the expansions of a pattern that allows one
TEST_POOL_SHARE = 5  # one generated value in so many belongs to the test pool; the same value in every slot

Pool = Literal["train", "test"]


class GrammarError(ValueError):
    """Patterns or slots that cannot be expanded; the message lists every problem."""


@dataclass(frozen=True)
class Pattern:
    """One sentence with slots, in every language; `informal`: how some languages say it among people who know each other."""

    id: str
    speaker: str
    intent: str | None
    opener: bool
    templates: dict[str, str]
    informal: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """One word or phrase that a slot may hold: language -> form -> text; `term` is its glossary id."""

    key: str
    forms: dict[str, dict[str, str]]
    term: str | None = None


@dataclass(frozen=True)
class Generator:
    """A slot of generated values: either `code` (see README) or `integers` [low, high] with `step`."""

    code: str = ""
    low: int = 0
    high: int = 0
    step: int = 1

    def draw(self, chance: random.Random, pool: Pool) -> str:
        """A value of the pool: the pools share no value."""
        for _ in range(1_000):
            value = self._candidate(chance)
            in_test = int(hashlib.sha256(value.encode()).hexdigest(), 16) % TEST_POOL_SHARE == 0
            if in_test == (pool == "test"):
                return value
        raise GrammarError(f"the generated slot {self.code or f'{self.low}..{self.high}'} has too few values for a {pool} pool")

    def _candidate(self, chance: random.Random) -> str:
        if not self.code:
            return str(chance.randrange(self.low, self.high + 1, self.step))
        return "".join(_code_part(match, chance) for match in CODE_PART.finditer(self.code))


def _code_part(match: re.Match[str], chance: random.Random) -> str:
    """What stands for one part of a code template; a number never begins with 0."""
    part = match.group()
    if part == "#":
        return str(chance.randint(1, 9))
    if part == "@":
        return chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ")
    if match.group("low") is None:
        return part
    choices = [chr(c) for c in range(ord(match.group("low")), ord(match.group("high")) + 1)]
    return "".join(chance.choice(choices) for _ in range(int(match.group("times") or 1)))


@dataclass(frozen=True)
class Filling:
    """What stands in the slots of one expansion: reference ("machine", "machine2") -> value, or generator still to be drawn."""

    values: Mapping[str, Value | Generator]
    nested: Mapping[str, Filling] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Tells two combinations apart; generated values do not count."""
        parts = [f"{name}={value.key}" for name, value in self.values.items() if isinstance(value, Value)]
        return "|".join(parts + [f"({name}:{inner.key})" for name, inner in self.nested.items()])

    @property
    def terms(self) -> list[str]:
        """The glossary terms in it."""
        own = [value.term for value in self.values.values() if isinstance(value, Value) and value.term]
        return own + [term for inner in self.nested.values() for term in inner.terms]


@dataclass(frozen=True)
class Expansion:
    """A pattern and what fills it; its text comes from `Grammar.render`."""

    pattern: Pattern
    filling: Filling

    @property
    def key(self) -> str:
        """Unique per combination."""
        return f"{self.pattern.id}|{self.filling.key}"


class Grammar:
    """The shipped patterns, slots and forms, ready to expand.

    Args:
        patterns: sentences with slots.
        slots: name -> definition, as in slots.yaml.
        forms: language -> rules, as in forms.yaml.
        glossaries: by industry.
        terms_per_slot: at most so many terms of a glossary fill a slot; `None`: all.
        held_out: ids of terms that fill none.
    """

    def __init__(
        self,
        patterns: list[Pattern],
        slots: dict[str, Any],
        forms: dict[str, Any],
        glossaries: Mapping[str, Glossary],
        terms_per_slot: int | None = None,
        held_out: Collection[str] = (),
    ) -> None:
        self.patterns = patterns
        self._terms_per_slot, self._held_out = terms_per_slot, held_out
        self._forms = forms
        self._definitions = slots
        self._glossaries = glossaries
        self._slots = self._read_slots()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that forms are known for."""
        return tuple(self._forms)

    def _read_slots(self) -> dict[str, list[Value] | Generator]:
        """Every slot, out of its definition.

        Raises:
            GrammarError: definitions that cannot be read; all of them at once.
        """
        slots: dict[str, list[Value] | Generator] = {}
        problems = []
        for name in self._definitions:
            try:
                slots[name] = self._slot(name)
            except ValueError as error:
                problems.append(f"slot {{{name}}}: {error}")
            except (TypeError, KeyError, AttributeError, RecursionError):
                problems.append(f"slot {{{name}}}: not one of the kinds in data/README.md: {self._definitions[name]}")
        if problems:
            raise GrammarError("\n".join(problems))
        return slots

    def _slot(self, name: str) -> list[Value] | Generator:
        """The values of a slot, out of its definition."""
        definition = self._definitions.get(name)
        if isinstance(definition, list):
            return [_value(name, i, entry) for i, entry in enumerate(definition)]
        if not isinstance(definition, dict):
            raise GrammarError(f"{{{name}}} is not defined in slots.yaml")
        if "glossary" in definition:
            return self._terms(definition)
        if "any" in definition:
            unions = [self._slot(part) for part in definition["any"]]
            return [value for union in unions if isinstance(union, list) for value in union]
        if "code" in definition:
            return Generator(code=definition["code"])
        low, high = definition["integers"]
        return Generator(low=low, high=high, step=definition["step"])

    def _terms(self, definition: Mapping[str, str]) -> list[Value]:
        """The terms of a glossary with a tag, as values of a slot."""
        glossary = self._glossaries.get(definition["glossary"])
        if glossary is None:
            raise GrammarError(f"no glossary {definition['glossary']!r}; there are: {', '.join(sorted(self._glossaries))}")
        tagged = [term for term in glossary.terms if definition["tag"] in term.tags and term.id not in self._held_out]
        kept = {term.id for term in ranked(tagged)[: self._terms_per_slot]}
        chosen = [term for term in tagged if term.id in kept]
        return [Value(t.id, {lang: forms for lang, forms in t.forms.items() if lang in self._forms}, t.id) for t in chosen]

    def expansions(self, pattern: Pattern, count: int, seed: int) -> list[Expansion]:
        """At most `count` different expansions of a pattern, in an order fixed by (seed, pattern id)."""
        chance = random.Random(f"{seed}/{pattern.id}")
        found: dict[str, Expansion] = {}
        for _ in range(count * 8):
            references = self._references(pattern.templates)
            if pattern.opener and chance.random() < OPENER_SHARE:
                references = {f"opener_{pattern.speaker}": f"opener_{pattern.speaker}", **references}
            expansion = Expansion(pattern, self._fill(references, chance))
            found.setdefault(expansion.key, expansion)
            if len(found) == count:
                break
        return list(found.values())

    def _references(self, templates: Mapping[str, str]) -> dict[str, str]:
        """The slot of every reference in the templates, in order."""
        return {
            match["name"] + match["draw"]: match["name"]
            for language in self._forms
            for match in REFERENCE.finditer(templates.get(language, ""))
            if match["name"] in self._slots
        }

    def _fill(self, references: Mapping[str, str], chance: random.Random) -> Filling:
        """A value for every reference; a second draw of a slot never repeats the first."""
        values: dict[str, Value | Generator] = {}
        nested: dict[str, Filling] = {}
        for reference, name in references.items():
            slot = self._slots[name]
            if isinstance(slot, Generator):
                values[reference] = slot
                continue
            taken = {value.key for value in values.values() if isinstance(value, Value)}
            value = chance.choice([v for v in slot if v.key not in taken] or slot)
            values[reference] = value
            inner = self._references({lang: " ".join(forms.values()) for lang, forms in value.forms.items()})
            if inner:
                nested[reference] = self._fill(inner, chance)
        return Filling(values, nested)

    def render(self, expansion: Expansion, seed: int, pool: Pool, *, informal: bool = False) -> dict[str, str]:
        """The texts of an expansion, language -> text; generated values come from the pool, fixed by (seed, combination).

        `informal` takes the pattern's informal wording in the languages that have one.
        """
        chance = random.Random(f"{seed}/{pool}/{expansion.key}")
        drawn = _draw_generated(expansion.filling, chance, pool)
        texts = {}
        for language in self._forms:
            text = expansion.pattern.templates[language]
            if informal:
                text = expansion.pattern.informal.get(language, text)
            opener = f"opener_{expansion.pattern.speaker}"
            if opener in expansion.filling.values:
                space = "" if language == "zh" else " "
                text = f"{{{opener}}}{space}{text}"
            texts[language] = _raise_first(self._render(text, language, expansion.filling, drawn))
        return texts

    def _render(self, template: str, language: str, filling: Filling, drawn: Mapping[str, Any]) -> str:
        """One template with its slots filled, nested slots too."""

        def fill(match: re.Match[str]) -> str:
            """What stands for a reference."""
            reference = match["name"] + match["draw"]
            value = filling.values[reference]
            if isinstance(value, Generator):
                return str(drawn[reference])
            text = self.form(value.forms[language], language, match["form"] or "base")
            inner = filling.nested.get(reference)
            return self._render(text, language, inner, drawn[reference]) if inner else text

        return REFERENCE.sub(fill, template)

    def form(self, forms: Mapping[str, str], language: str, name: str) -> str:
        """A word's form: its own, else derived, else the fallback.

        Raises:
            GrammarError: there is none.
        """
        rules = self._forms[language]
        if name in forms:
            return forms[name]
        derived = rules["derived"].get(name)
        if derived:
            template = derived.get(forms.get("gender", "*")) or derived.get("*")
            if template is None:
                raise GrammarError(f"{forms.get('base')!r} ({language}) has no gender, which form {name!r} needs")
            return re.sub(r"\{([a-z_]+)\}", lambda m: self.form(forms, language, m[1]), template)
        if name in rules["defaults"]:
            return str(rules["defaults"][name])
        if rules["fallback"].get(name):
            return self.form(forms, language, rules["fallback"][name])
        raise GrammarError(f"{forms.get('base')!r} ({language}) has no form {name!r}")

    def check(self) -> None:
        """Look at every pattern and every slot, with every value, form and nested slot that an expansion could use.

        Raises:
            GrammarError: unknown slots, missing forms, languages that use different slots, slots that hold themselves, too few
                values for two pools; all of them at once.
        """
        problems = [problem for pattern in self.patterns for problem in self._pattern_problems(pattern)]
        problems += [problem for name in self._slots for problem in self._slot_problems(name)]
        ids = [pattern.id for pattern in self.patterns]
        problems += [f"pattern id {i!r} stands twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        if problems:
            raise GrammarError("\n".join(dict.fromkeys(problems)))

    def _pattern_problems(self, pattern: Pattern) -> list[str]:
        problems = self._template_problems(pattern.id, {language: [text] for language, text in pattern.templates.items()})
        if pattern.informal:
            wordings = {language: [pattern.informal.get(language, text)] for language, text in pattern.templates.items()}
            problems += self._template_problems(f"{pattern.id} (informal)", wordings)
            strange = [language for language in pattern.informal if language not in self._forms]
            problems += [f"{pattern.id} (informal): {language} is not a language of forms.yaml" for language in strange]
        opener = f"opener_{pattern.speaker}"
        if pattern.opener and not isinstance(self._slots.get(opener), list):
            problems.append(f"{pattern.id}: may begin with an opener, but slot {{{opener}}} is not a list of openers")
        return problems

    def _slot_problems(self, name: str) -> list[str]:
        slot = self._slots[name]
        if isinstance(slot, Generator):
            return _generator_problems(name, slot)
        problems = [] if slot else [f"slot {{{name}}} has no values"]
        if name in self._nested_slots(name):
            problems.append(f"slot {{{name}}} holds itself")
        for value in slot:
            problems += self._template_problems(value.key, {language: list(forms.values()) for language, forms in value.forms.items()})
        return problems

    def _nested_slots(self, name: str) -> set[str]:
        """The slots inside a slot's values, at any depth."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            slot = self._slots.get(waiting.pop(), [])
            values = slot if isinstance(slot, list) else []
            texts = [text for value in values for forms in value.forms.values() for text in forms.values()]
            inner = {match["name"] for text in texts for match in REFERENCE.finditer(text)}
            waiting += inner - found
            found |= inner
        return found

    def _template_problems(self, where: str, templates: Mapping[str, list[str]]) -> list[str]:
        """What is wrong with the texts of one pattern or value: a language missing, slots or forms that do not fit."""
        matches = {language: [m for text in texts for m in REFERENCE.finditer(text)] for language, texts in templates.items()}
        used = [{m["name"] + m["draw"] for m in found} for found in matches.values()] or [set()]
        problems = [f"{where}: no text in {language}" for language in self._forms if language not in templates]
        problems += [f"{where}: {language} is not a language of forms.yaml" for language in templates if language not in self._forms]
        problems += [f"{where}: {{{name}}} is not in every language" for name in sorted(set.union(*used) - set.intersection(*used))]
        for language, found in matches.items():
            problems += [problem for m in found for problem in self._form_problems(where, language, m)]
        return problems

    def _form_problems(self, where: str, language: str, match: re.Match[str]) -> list[str]:
        slot = self._slots.get(match["name"])
        if slot is None:
            return [f"{where}: slot {{{match['name']}}} is not defined"]
        problems = []
        for value in [] if isinstance(slot, Generator) else slot:
            if language not in value.forms or language not in self._forms:
                continue  # said of the value itself
            try:
                self.form(value.forms[language], language, match["form"] or "base")
            except GrammarError as error:
                problems.append(f"{where}: {value.key}: {error}")
        return problems


def _generator_problems(name: str, generator: Generator) -> list[str]:
    """Why a generated slot cannot fill both pools."""
    try:
        for pool in get_args(Pool):
            generator.draw(random.Random(name), pool)
    except (ValueError, IndexError, TypeError) as error:
        return [f"slot {{{name}}}: {error}"]
    return []


def _draw_generated(filling: Filling, chance: random.Random, pool: Pool) -> dict[str, Any]:
    """What is generated for each reference, or the same for a nested filling; once for all languages."""
    drawn: dict[str, Any] = {
        reference: value.draw(chance, pool) for reference, value in filling.values.items() if isinstance(value, Generator)
    }
    return drawn | {reference: _draw_generated(inner, chance, pool) for reference, inner in filling.nested.items()}


def _raise_first(text: str) -> str:
    """`text` with its first letter upper-cased, unless a digit comes before it."""
    for i, c in enumerate(text):
        if c.isdigit():
            return text
        if c.isalpha():
            return text[:i] + c.upper() + text[i + 1 :]
    return text


def _value(slot: str, index: int, entry: Mapping[str, Any]) -> Value:
    """One listed value of a slot."""
    return Value(f"{slot}.{index}", {language: word_forms(forms) for language, forms in entry.items()})


def load_grammar(corpora: Path, glossaries: Path, terms_per_slot: int | None = None, held_out: Collection[str] = ()) -> Grammar:
    """The grammar of a `corpora` folder, checked; at most `terms_per_slot` terms of a glossary fill a slot, none of `held_out`.

    Raises:
        GrammarError: something cannot be expanded.
        GlossaryError: a broken glossary.
    """
    slots = load_slots(corpora)
    forms = _yaml(corpora / "forms.yaml")
    files = sorted(path for path in corpora.glob("*.yaml") if path.stem not in {"slots", "forms"})
    patterns = [_pattern(path, entry, tuple(forms)) for path in files for entry in _section(path, "patterns", list)]
    grammar = Grammar(patterns, slots, forms, load_glossaries(glossaries), terms_per_slot, held_out)
    grammar.check()
    return grammar


def load_slots(corpora: Path) -> dict[str, Any]:
    """The definitions of the slots, by name.

    Raises:
        GrammarError: there are none.
    """
    return dict(_section(corpora / "slots.yaml", "slots", dict))


def _pattern(path: Path, entry: Mapping[str, Any], languages: tuple[str, ...]) -> Pattern:
    """One entry of a patterns file."""
    unknown = set(entry) - {"id", "speaker", "intent", "opener", "informal", *languages}
    if unknown or "id" not in entry or entry.get("speaker") not in {"customer", "agent"}:
        raise GrammarError(f"{path}: pattern {entry.get('id')!r}: needs id and speaker (customer, agent); not known: {sorted(unknown)}")
    templates = {language: entry[language] for language in languages if language in entry}
    informal = entry.get("informal") or {}
    if not isinstance(informal, dict):
        raise GrammarError(f"{path}: pattern {entry['id']!r}: informal is language: text, not {informal!r}")
    wrong = [language for language, text in [*templates.items(), *informal.items()] if not isinstance(text, str)]
    if wrong:
        raise GrammarError(f"{path}: pattern {entry['id']!r}: {', '.join(wrong)} is not text (quote it)")
    return Pattern(str(entry["id"]), entry["speaker"], entry.get("intent"), bool(entry.get("opener", True)), templates, informal)


def _section(path: Path, key: str, kind: type) -> Any:
    """What stands under the one key of a file."""
    content = _yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get(key), kind):
        raise GrammarError(f"{path}: has no {key!r} at its top")
    return content[key]


def _yaml(path: Path) -> Any:
    try:
        return read_yaml(path)
    except ValueError as error:
        raise GrammarError(str(error)) from None
