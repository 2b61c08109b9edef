"""The report as one self-contained page: tables only, no script, nothing loaded from anywhere, light and dark.

Not covered: curves and comparisons of runs (MLflow has them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eval.show_gates import number
from eval.signature import one_line
from training.tracking import flatten

Row = Mapping[str, Any]

SIGNATURE = "_signature"
ASIDE = ("_low", "_high", SIGNATURE)  # keys that stand in another's cell or below the table
NOT_MEASURED = "<p class='missing'>not measured</p>"
EXPLANATIONS = {
    "Gates": "What a candidate must pass: configs/gates.yaml.",
    "Translation": "chrF, 0 to 100, on word combinations never trained on. From the row's language into the column's; below it the chrF of "
    "the best match from a translation memory.",
    "Translation in detail": "Every ordered pair; in small, the 95 % interval.",
    "Terms": "Percent of the terms asked for that stand in the translation, in any of their forms; terms and combinations that no training "
    "text has. Permuted: each term asked for under another's translation. Around the terms: chrF of the rest of the sentence.",
    "Terms by industry": "The same, by the industry of the term.",
    "Forgetting": "Fine-tuned models beside their bases, chrF, 0 to 100: on the test part, and on general text.",
    "Intents": "0 to 100.",
    "Intents by language": "0 to 100.",
    "Latency": "Through the HTTP service, open loop at a fixed rate: a latency counts from the moment at which the request was due.",
    "Service": "The process that serves.",
    "Robustness": "The test parts with one kind of noise in the source: translation in chrF, intents in macro-F1; `clean` is without.",
    "Data": "Segments and messages per part.",
    "Data sets brought by users": "What became of the lines of each source, and examples of what each filter dropped.",
    "Parity": "Against PyTorch and generate on the same weights, and what int8 costs.",
    "Signature": "What all of this was measured on.",
}
HEADINGS = {
    "chrf": "chrF",
    "bleu": "BLEU",
    "chrf_held_out": "chrF, patterns never trained on",
    "chrf_unseen": "chrF, sentences by hand",
    "tm_baseline_chrf": "chrF of the translation memory",
    "tm_baseline_chrf_held_out": "chrF of the memory, patterns never trained on",
    "none_unseen": "no glossary, sentences by hand",
    "terms_unseen": "terms, sentences by hand",
    "chrf_base": "chrF of the base",
    "chrf_general_base": "chrF of the base, general text",
    "chrf_general": "chrF, general text",
    "general_drop": "lost on general text",
    "general_drop_upper": "lost, upper end",
    "segments_general": "segments, general text",
    "pivot_share": "% of the weaker leg's chrF",
    "direct": "direct model",
    "none": "no glossary",
    "proper": "with glossary",
    "random": "permuted",
    "strict": "strict",
    "inflected": "inflected as the reference",
    "inflected_terms": "inflected terms",
    "terms_distinct": "different terms",
    "chrf_context_none": "around the terms, no glossary",
    "chrf_context_proper": "around the terms, with glossary",
    "chrf_context_random": "around the terms, permuted",
    "none_seen": "known terms, no glossary",
    "proper_seen": "known terms, with glossary",
    "chrf_context_none_seen": "around known terms, no glossary",
    "chrf_context_proper_seen": "around known terms, with glossary",
    "terms_seen": "known terms",
    "proper_unseen": "with glossary, sentences by hand",
    "chrf_context_none_unseen": "around the terms, no glossary, sentences by hand",
    "chrf_context_proper_unseen": "around the terms, with glossary, sentences by hand",
    "ratio_p95": "p95 over that without a glossary",
    "oos_recall": "out-of-scope recall",
    "ece": "calibration error (ECE)",
    "coverage_at_95": "answerable at 95 % precision, %",
    "macro_f1": "macro-F1",
    "baseline_macro_f1": "macro-F1 of TF-IDF + logistic regression",
    "ratio_transformers": "transformers' time over ours",
    "sequences_equal": "greedy answers equal, %",
    "sequences_equal_beam": "beam answers equal, %",
    "sequences_unexplained": "mismatches that are no near tie",
    "logits_max_abs": "largest difference of a logit",
    "rss_mb": "memory, MB",
    "ready_s": "start to ready, s",
}
CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --page: #ffffff; --accent: #1a7f64; --bad: #c2331d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --line: #30363d; --page: #0f1318; --accent: #3fb994; --bad: #ff7b6b; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { color: var(--soft); margin: .2rem 0 .8rem; max-width: 60rem; } .missing { font-style: italic; }
div.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; } th[scope=row], td.text { text-align: left; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: .85rem; }
table.matrix td { text-align: center; min-width: 6rem; background: color-mix(in srgb, var(--accent) var(--heat, 0%), transparent); }
table.matrix b { display: block; font-size: 1.2rem; } small { color: var(--soft); } .broken { color: var(--bad); font-weight: 600; }
"""


def page(report: Mapping[str, Any]) -> str:
    """The whole page, as HTML; what was not measured, or judged, says so."""
    intents, translation = report.get("intents", {}), report.get("translation", {})
    sections = [
        _section("Gates", _gates(report.get("gates", []))),
        _section("Translation", _matrix(translation)),
        _section("Translation in detail", _table("pair", translation)),
        _section("Terms", _table("pair", _without(report.get("terms", {}), "by_industry"))),
        _section("Terms by industry", _table("pair, industry", _by_industry(report.get("terms", {})))),
        _section("Forgetting", _forgetting(report.get("forgetting"))),
        _section("Intents", _key_values({key: value for key, value in intents.items() if key != "by_language"})),
        _section("Intents by language", _table("language", intents.get("by_language", {}))),
        _section("Robustness", _table("model", _robustness(report.get("robustness", {})))),
        _section("Latency", _table("endpoint", report.get("latency", {}))),
        _section("Service", _key_values(report.get("serving", {}))),
        _section("Parity", _table("model", report.get("parity", {}))),
        _section("Data", _table("part", _parts(report.get("data", {})))),
        _section("Data sets brought by users", _sources(report.get("data", {}))),
        _section("Signature", _key_values(report["signature"])),
    ]
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Quayside: report</title><style>{CSS}</style>"
    top = f"<h1>Quayside: report</h1><p>Profile {escape(report['profile'])}. {escape(one_line(report['signature']))}</p>"
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>{top}\n" + "\n".join(sections) + "\n</body></html>\n"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(EXPLANATIONS[title])}</p>{content}</section>"


def _without(rows: Mapping[str, Row], key: str) -> dict[str, Row]:
    return {name: {k: v for k, v in row.items() if k != key} for name, row in rows.items()}


def _by_industry(terms: Mapping[str, Row]) -> dict[str, Row]:
    return {f"{pair}, {industry}": found for pair, row in terms.items() for industry, found in row.get("by_industry", {}).items()}


def _forgetting(pairs: Mapping[str, Row] | None) -> str:
    """A row per pair of the fine-tuned models; models from scratch have nothing to forget."""
    return "<p class='missing'>no model was fine-tuned</p>" if pairs == {} else _table("pair", pairs or {})


def _robustness(measured: Mapping[str, Any]) -> dict[str, Row]:
    """A row per translation direction, and one for the intents."""
    rows = {f"translation {pair}": row for pair, row in measured.get("translation", {}).items()}
    return rows | ({"intents": measured["intents"]} if "intents" in measured else {})


def _parts(data: Mapping[str, Any]) -> dict[str, Row]:
    """A row per prepared part."""
    return {f"{kind}, {part}": counts for kind, found in data.items() for part, counts in found.get("parts", {}).items()}


def _sources(data: Mapping[str, Any]) -> str:
    """Per data set a line of counts, and the examples of each reason."""
    if not data:
        return NOT_MEASURED
    found = [(kind, path, tally) for kind, counts in data.items() for path, tally in counts.get("sources", {}).items()]
    if not found:
        return "<p class='missing'>none: only the shipped data was used</p>"
    table = _table("source", {f"{kind}: {path}": _tally_row(tally) for kind, path, tally in found})
    return table + "".join(_examples(path, tally["examples"]) for _, path, tally in found if tally["examples"])


def _tally_row(tally: Row) -> Row:
    dropped = {f"dropped: {reason}": count for reason, count in tally["dropped"].items()}
    return {"read": tally["read"], "rejected": tally["rejected"], **{f"kept: {p}": n for p, n in tally["kept"].items()}, **dropped}


def _examples(path: str, examples: Mapping[str, Sequence[str]]) -> str:
    """What the filters dropped of one data set, behind a line to open."""
    rows = (
        f"<tr><th scope='row'>{escape(reason)}</th><td class='text'>{'<br>'.join(map(escape, shown))}</td></tr>"
        for reason, shown in examples.items()
    )
    return f"<details><summary>Dropped from {escape(path)}, examples</summary><table><tbody>{''.join(rows)}</tbody></table></details>"


def _matrix(pairs: Mapping[str, Row]) -> str:
    """Sources down, targets across; each cell chrF, the translation memory's, and whether it goes through another language."""
    if not pairs:
        return NOT_MEASURED
    languages = list(dict.fromkeys(language for pair in pairs for language in pair.split("-", 1)))
    head = "".join(f"<th scope='col'>{escape(target)}</th>" for target in languages)
    rows = (
        f"<tr><th scope='row'>{escape(source)}</th>{''.join(_matrix_cell(pairs.get(f'{source}-{target}')) for target in languages)}</tr>"
        for source in languages
    )
    return _wide(f"<thead><tr><th>from \\ into</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody>", "matrix")


def _matrix_cell(measured: Row | None) -> str:
    if measured is None:
        return "<td>·</td>"
    chrf = measured.get("chrf")
    heat = f" style='--heat: {0.4 * chrf:.0f}%'" if isinstance(chrf, int | float) else ""
    through = "" if measured.get("direct", True) else ", pivoted"
    return f"<td{heat}><b>{_cell(chrf)}</b><small>memory {_cell(measured.get('tm_baseline_chrf'))}{through}</small></td>"


def _table(first: str, rows: Mapping[str, Row]) -> str:
    """One line for each entry, one column for each number that any of them has; below it the metrics' signatures."""
    if not rows:
        return NOT_MEASURED
    flat = {name: flatten(row) for name, row in rows.items()}
    names = list(dict.fromkeys(column for row in flat.values() for column in row))
    columns = [name for name in names if not name.endswith(ASIDE)]
    head = "".join(f"<th scope='col'>{escape(text)}</th>" for text in [first, *map(_heading, columns)])
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>{''.join(f'<td>{_measured(row, column)}</td>' for column in columns)}</tr>"
        for name, row in flat.items()
    )
    signatures = dict.fromkeys(str(row[name]) for row in flat.values() for name in names if name.endswith(SIGNATURE) and name in row)
    return _wide(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>") + "".join(f"<small>{escape(s)}</small><br>" for s in signatures)


def _measured(row: Row, key: str) -> str:
    """A cell of a table: the value and, where there is one, its interval."""
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    interval = f"<br><small>{_cell(low)} to {_cell(high)}</small>" if low is not None and high is not None else ""
    return _cell(row.get(key)) + interval


def _wide(content: str, kind: str = "") -> str:
    """A table that scrolls by itself on a narrow screen."""
    return f"<div class='wide'><table class='{kind}'>{content}</table></div>"


def _key_values(values: Row) -> str:
    if not values:
        return NOT_MEASURED
    flat = flatten(values)
    keys = [key for key in flat if not key.endswith(ASIDE)]
    rows = (f"<tr><th scope='row'>{escape(_heading(key))}</th><td class='text'>{_measured(flat, key)}</td></tr>" for key in keys)
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _gates(gates: Sequence[Row]) -> str:
    if not gates:
        return NOT_MEASURED
    words = {True: "ok", False: "<span class='broken'>BROKEN</span>", None: "skipped"}
    rows = (
        f"<tr><td class='text'>{words[gate['ok']]}</td><th scope='row'>{escape(gate['name'])}</th><td>{_cell(gate['measured'])}</td>"
        f"<td>{escape(str(gate.get('rule', '')).replace('_', ' '))} {_cell(gate['limit'])}</td></tr>"
        for gate in gates
    )
    head = "<th></th><th scope='col'>gate</th><th scope='col'>measured</th><th scope='col'>limit</th>"
    return _wide(f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>")


def _heading(key: str) -> str:
    """A key in a reader's words; the unit at its end after a comma."""
    if key in HEADINGS:
        return HEADINGS[key]
    stem, _, unit = key.rpartition("_")
    return f"{stem.replace('_', ' ')}, {unit}" if unit in {"ms", "mb", "s"} and stem else key.replace("_", " ")


def _cell(value: Any) -> str:
    """A value as text: two decimals, whole numbers whole."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    return escape(f"{value:,}" if isinstance(value, int) else str(value))
