"""The rules that a candidate must pass: how `configs/gates.yaml` is read, and how a report is judged by it.

    gates:
      - name: chrF {pair}, over the translation memory     # shown in the table; unique
        measure: translation.{pair}.chrf                   # a dotted key of report.json; or `mean_of`, a list of such keys
        minus: translation.{pair}.tm_baseline_chrf         # optional: the difference is judged
        at_least: 10.0                                     # or `at_most`, or `equals`
        each: {pair: [en-de, de-en]}                       # optional: one gate for each value, put in place of {pair}
        machine: x86_64-2c-*                               # optional: judged only on this class of machine (eval/signature.py)
        where: translation.{pair}.segments                 # optional: judged only where this number, beside the measured one, is not 0

A number that is missing or not finite breaks its gate. A gate of another machine class is skipped and says so. So is one whose `where` is
0, or whose section is not in its part of the report (no `en-de` in `forgetting`: that model was not fine-tuned). A part that is missing
altogether, or that number alone, skips nothing: then something was not measured.

Not covered: comparison with the champion's numbers.
"""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from configs.schema import ROOT, Section, SettingsError, read_settings

GATES_FILE = ROOT / "configs" / "gates.yaml"
LIMITS = {"at_least": (operator.ge, ">="), "at_most": (operator.le, "<="), "equals": (operator.eq, "==")}
PLACEHOLDER = re.compile(r"\{(\w*)\}")

Name = Annotated[str, Field(min_length=1)]
Limit = Annotated[float, Field(allow_inf_nan=False)]


class Rule(Section):
    """One entry of `configs/gates.yaml`: a gate, or with `each` several."""

    name: Name
    measure: Name | None = None
    mean_of: Annotated[list[Name], Field(min_length=1)] | None = None
    minus: Name | None = None
    at_least: Limit | None = None
    at_most: Limit | None = None
    equals: Limit | None = None
    each: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(default_factory=dict)
    machine: Name | None = None
    where: Name | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Rule:
        """Raises ValueError with everything that is wrong in the make-up of the rule."""
        if problems := [*self._wrong_choices(), *self._wrong_placeholders(), *self._wrong_condition()]:
            raise ValueError("; ".join(problems))
        return self

    def expand(self) -> list[Rule]:
        """This rule, once for each combination of values in `each`."""
        names, choices = list(self.each), itertools.product(*self.each.values())
        return [self._filled(dict(zip(names, values, strict=True))) for values in choices]

    def limit(self) -> tuple[str, float]:
        """The kind of the limit and its value."""
        return next((kind, value) for kind in LIMITS if (value := getattr(self, kind)) is not None)

    def _wrong_choices(self) -> Iterator[str]:
        """Where not exactly one of several keys is given."""
        for choices in (("measure", "mean_of"), tuple(LIMITS)):
            given = [choice for choice in choices if getattr(self, choice) is not None]
            if len(given) != 1:
                yield f"exactly one of {', '.join(choices)} is needed, got {' and '.join(given) or 'none'}"

    def _wrong_placeholders(self) -> Iterator[str]:
        """Placeholders without values, and values without a placeholder in the name or in what is measured."""
        in_name = set(PLACEHOLDER.findall(self.name))
        in_measure = set(PLACEHOLDER.findall(" ".join([self.measure or "", self.minus or "", *(self.mean_of or [])])))
        yield from (f"{{{name}}} has no values in each" for name in sorted((in_name | in_measure) - set(self.each)))
        yield from (f"{{{name}}} of each stands not in both name and measure" for name in sorted(set(self.each) - (in_name & in_measure)))

    def _wrong_condition(self) -> Iterator[str]:
        """A condition in another section than what is measured: after a slip of the pen there, the gate would be skipped for ever."""
        sections = {key.rpartition(".")[0] for key in [self.measure or "", *(self.mean_of or [])]} - {""}
        if self.where and self.where.rpartition(".")[0] not in sections:
            yield f"where = {self.where!r} does not stand beside what is measured"

    def _filled(self, values: Mapping[str, str]) -> Rule:
        fields = self.model_dump(exclude_none=True, exclude={"each"})
        return Rule.model_validate({key: _fill(value, values) for key, value in fields.items()})


class Gates(Section):
    """`configs/gates.yaml`."""

    gates: Annotated[list[Rule], Field(min_length=1)]


@dataclass(frozen=True)
class Verdict:
    """One row of the gate table.

    Attributes:
        name: of the gate.
        measured: the number judged; `None` where it is missing.
        rule: `at_least`, `at_most` or `equals`.
        limit: what it is held against.
        ok: whether the gate holds; `None` where it was skipped.
        note: why there is no number, or no judgement; empty otherwise.
    """

    name: str
    measured: float | None
    rule: str
    limit: float
    ok: bool | None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in report.json."""
        return asdict(self)


def load_gates(path: Path = GATES_FILE) -> list[Rule]:
    """Every gate of a file, in its order, templates expanded.

    Raises:
        SettingsError: the file is missing, is not YAML, or breaks the schema, all mistakes at once; or two gates have one name.
    """
    gates = [gate for rule in read_settings(path, Gates).gates for gate in rule.expand()]
    names = [gate.name for gate in gates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"{path}: several gates of one name: {'; '.join(twice)}")
    return gates


def judge(report: Mapping[str, Any], gates: Sequence[Rule], machine_class: str) -> list[Verdict]:
    """The verdict of each gate.

    Args:
        report: the content of report.json.
        gates: from `load_gates`.
        machine_class: of the machine on which the report was measured.
    """
    return [_verdict(report, gate, machine_class) for gate in gates]


def broken(verdicts: Sequence[Verdict]) -> list[str]:
    """The names of the gates that do not hold; a skipped one is not among them."""
    return [verdict.name for verdict in verdicts if verdict.ok is False]


def number_at(report: Mapping[str, Any], key: str) -> float | None:
    """The number at a dotted key, or `None` where there is none, or none that is finite."""
    value = _at(report, key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _at(report: Mapping[str, Any], key: str) -> Any:
    """What stands at a dotted key; `None` where nothing does."""
    value: Any = report
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _verdict(report: Mapping[str, Any], gate: Rule, machine_class: str) -> Verdict:
    kind, limit = gate.limit()
    measured, missing = _measure(report, gate)
    if reason := _reason_to_skip(report, gate, machine_class):
        return Verdict(gate.name, measured, kind, limit, None, f"skipped ({reason})")
    if measured is None:
        return Verdict(gate.name, None, kind, limit, False, f"missing: {', '.join(missing)}")
    holds, _ = LIMITS[kind]
    return Verdict(gate.name, measured, kind, limit, bool(holds(measured, limit)))


def _reason_to_skip(report: Mapping[str, Any], gate: Rule, machine_class: str) -> str:
    """Why a gate is not judged; empty if it is."""
    if gate.machine and not fnmatchcase(machine_class, gate.machine):
        return f"machine class {machine_class}, the gate is for {gate.machine}"
    if gate.where:
        section = gate.where.rpartition(".")[0]
        if _at(report, section.split(".")[0]) is not None and _at(report, section) is None:
            return f"the report has no {section}"
        if number_at(report, gate.where) == 0:
            return f"{gate.where} is 0"
    return ""


def _measure(report: Mapping[str, Any], gate: Rule) -> tuple[float | None, list[str]]:
    """The number that a gate judges, or `None` and the keys that are missing."""
    keys = gate.mean_of or [str(gate.measure)]
    numbers = {key: number_at(report, key) for key in [*keys, *([gate.minus] if gate.minus else [])]}
    if missing := [key for key, number in numbers.items() if number is None]:
        return None, missing
    mean = sum(numbers[key] or 0.0 for key in keys) / len(keys)
    return mean - (numbers[gate.minus] or 0.0 if gate.minus else 0.0), []


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    """A text, or each text of a list, with its placeholders filled in; anything else as it is."""
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    return PLACEHOLDER.sub(lambda found: values[found[1]], value) if isinstance(value, str) else value
