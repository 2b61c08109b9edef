import pytest

from configs.schema import Cleaning, Intake, LanguageFilter, LengthFilter, RatioFilter, ScriptFilter
from data.glossary import Glossary, Term
from data.profiling.measure import Rules, measure
from data.profiling.opened import Options, open_data


@pytest.fixture
def cleaning():
    return Cleaning(
        empty=True,
        length=LengthFilter(enabled=True, shortest=1, longest=200),
        script=ScriptFilter(enabled=True, least_percent=50.0),
        markup=True,
        copies=True,
        length_ratio=RatioFilter(enabled=True, most=3.0),
        numbers=True,
        urls=True,
        language=LanguageFilter(enabled=True, least_confidence=0.2, shortest=20),
        duplicates=True,
        duplicate_sides=False,
    )


@pytest.fixture
def glossaries():
    pump = Term("machinery/pump", ("product",), {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe", "pl": "Pumpen"}})
    valve = Term("machinery/valve", ("part",), {"en": {"base": "valve"}, "de": {"base": "Ventil"}, "de-AT": {"base": "Absperrorgan"}})
    shirt = Term("apparel/shirt", ("product",), {"en": {"base": "shirt"}, "de": {"base": "Hemd"}})
    return {"machinery": Glossary("machinery", (pump, valve)), "apparel": Glossary("apparel", (shirt,))}


@pytest.fixture
def rules(cleaning, glossaries):
    intake = Intake(processes=1, rejected_percent=1.0, near_duplicate_percent=80.0, cleaning=cleaning)
    return Rules(intake, held_out=4, per_intent=3, intents=frozenset({"refund", "invoice"}), glossaries=glossaries)


@pytest.fixture
def look(rules):
    """A file's profile."""

    def run(path, **named):
        return measure(open_data(str(path), Options(named.pop("columns", {}), named.pop("languages", {}), **named)), rules)

    return run


@pytest.fixture
def pairs(tmp_path):
    """Ten segments and one broken line; one copy of another segment, one untranslated, one with another number."""
    path = tmp_path / "pairs.tsv"
    lines = [
        "en\tde",
        "The pump is broken.\tDie Pumpe ist defekt.",
        "The pumps arrived late.\tDie Pumpen kamen zu spät.",
        "the PUMP is broken\tDie Pumpe ist defekt!",
        "Send the valve to our office.\tSend the valve to our office.",
        "Order 123456 has shipped.\tBestellung 123465 ist unterwegs.",
        "The shirt is too small.\tDas Hemd ist zu klein.",
        "Only one field",
        "The valve leaks at the seat.\tDas Absperrorgan leckt am Sitz.",
        "A long delay is not <b>acceptable</b>.\tEine lange Verzögerung ist nicht hinnehmbar.",
        "The pump hums.\tDas Gerät brummt\u200b.",
        "See you.\tBis bald\ue000.",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def messages(tmp_path):
    """Twelve messages: seven of one intent, four of another, one of a third; one text has two intents."""
    path = tmp_path / "messages.csv"
    refunds = [f"where is my refund for the {thing} that I sent back" for thing in ("pump", "valve", "shirt", "hose", "drill", "saw")]
    invoices = [f"please send me the invoice for the {thing}" for thing in ("pump", "valve", "shirt")]
    rows = [(text, "refund", "angry") for text in [*refunds, "I want my money"]]
    rows += [(text, "invoice", "neutral") for text in [*invoices, "I want my money!"]] + [("hello there", "greeting", "neutral")]
    path.write_text("utterance,intent,sentiment\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    return path
