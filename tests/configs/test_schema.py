from typing import get_args

import pytest
import yaml
from pydantic import BaseModel, Field, ValidationError

from configs.schema import (
    INTENTS_FILE,
    PARAMS_FILE,
    Augmentation,
    Cleaning,
    Intents,
    MessageSource,
    Params,
    Section,
    SegmentSource,
    SettingsError,
    load_intents,
    load_params,
    read_settings,
)


class Inner(Section):
    steps: int
    rate: float


class Outer(Section):
    name: str
    inner: Inner
    many: list[Inner] = Field(default_factory=list)
    named: dict[str, Inner] = Field(default_factory=dict)


GOOD = {"name": "x", "inner": {"steps": 5, "rate": 0.5}}


def write(folder, values):
    path = folder / "settings.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values), encoding="utf-8")
    return path


def mistakes(path, schema=Outer):
    with pytest.raises(SettingsError) as error:
        read_settings(path, schema)
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def params(folder, **changes):
    """The active parameters with some values changed: section__key=value."""
    values = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8"))
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = values
        for section in sections:
            place = place[section]
        place[key] = value
    return write(folder, values)


def test_settings_are_read(tmp_path):
    assert read_settings(write(tmp_path, GOOD), Outer) == Outer(name="x", inner=Inner(steps=5, rate=0.5))


def test_settings_are_frozen(tmp_path):
    found = read_settings(write(tmp_path, GOOD), Outer)
    for section, key in ((found, "name"), (found.inner, "steps")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, key, 6)
    with pytest.raises(ValidationError, match="frozen"):
        load_params().train_translation.optimizer.steps = 1


def test_all_mistakes_are_told_at_once(tmp_path):
    path = params(
        tmp_path,
        seed="seven",
        prepare_translation__test_segments=0,
        prepare_translation__test_segment=240,
        train_translation__optimizer__learning_rate="5e-5",
        train_translation__optimizer__batch_size=40.0,
        train_intents__model__vocab=5,
        export_translation__precisions=["fp32", "int4"],
        export_translation__serve="fp64",
        latency__zzz=1,
    )
    values = yaml.safe_load(path.read_text())
    del values["latency"]["seconds"]
    del values["evaluate_intents"]
    lines = mistakes(write(tmp_path, values), Params)
    assert sorted(lines) == sorted(
        [
            "seed = 'seven': input should be a valid integer",
            "prepare_translation.test_segments = 0: input should be greater than 0",
            "prepare_translation.test_segment = 240 is not a known key; did you mean test_segments?",
            "train_translation.optimizer.learning_rate = '5e-5': input should be a valid number (YAML reads 5e-5 as text: write 5.0e-5)",
            "train_translation.optimizer.batch_size = 40.0: input should be a valid integer",
            "train_intents.model.vocab = 5 is not a known key; did you mean vocabulary?",
            "export_translation.precisions.1 = 'int4': input should be 'fp32' or 'int8'",
            "export_translation.serve = 'fp64': input should be 'fp32' or 'int8'",
            "latency.zzz = 1 is not a known key; valid here: rate_per_s, seconds, translate_words, transformers_segments, threads",
            "latency.seconds is missing",
            "evaluate_intents is missing",
        ]
    )


@pytest.mark.parametrize(
    ("written", "advice"),
    [("5e-5", "5.0e-5"), ("1e3", "1.0e+3"), ("2.5e4", "2.5e+4"), ("-1E-2", "-1.0e-2"), ("5.e3", "5.e+3")],
)
def test_a_number_that_yaml_reads_as_text_is_explained(tmp_path, written, advice):
    assert yaml.safe_load(written) == written
    assert isinstance(yaml.safe_load(advice), float)
    line = mistakes(write(tmp_path, f"name: x\ninner: {{steps: 5, rate: {written}}}"))[0]
    assert line == f"inner.rate = {written!r}: input should be a valid number (YAML reads {written} as text: write {advice})"
    assert read_settings(write(tmp_path, f"name: x\ninner: {{steps: 5, rate: {advice}}}"), Outer).inner.rate == float(advice)


@pytest.mark.parametrize("written", ["one-e-two", "fine", "2027-01-01e", "0x1e-5"])
def test_other_text_is_not_explained_so(tmp_path, written):
    assert "YAML reads" not in mistakes(write(tmp_path, f"name: x\ninner: {{steps: 5, rate: '{written}'}}"))[0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (GOOD | {"nmae": 1}, "nmae = 1 is not a known key; did you mean name?"),
        (GOOD | {"many": [{"steps": 5, "rate": 1.0, "ratee": 2}]}, "many.0.ratee = 2 is not a known key; did you mean rate?"),
        (GOOD | {"named": {"a": {"steps": 5, "rate": 1.0, "q": 2}}}, "named.a.q = 2 is not a known key; valid here: steps, rate"),
        (GOOD | {"name": 5}, "name = 5: input should be a valid string"),
        (GOOD | {"inner": {"steps": True, "rate": 1.0}}, "inner.steps = True: input should be a valid integer"),
        (GOOD | {"inner": {"steps": "5", "rate": 1.0}}, "inner.steps = '5': input should be a valid integer"),
        (GOOD | {"inner": None}, "inner = None: input should be a valid dictionary or instance of inner"),
    ],
)
def test_the_place_of_a_mistake_and_the_nearest_name(tmp_path, values, line):
    assert mistakes(write(tmp_path, values)) == [line]


def test_a_whole_number_is_a_number(tmp_path):
    assert read_settings(write(tmp_path, GOOD | {"inner": {"steps": 5, "rate": 1}}), Outer).inner.rate == 1.0


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"name: [unclosed", "not readable as YAML: while parsing a flow sequence"),
        (b"name: Gr\xfc\xdfe", "not readable as YAML: 'utf-8' codec can't decode"),
        (b"", "holds NoneType, expected sections of keys"),
        (b"- a\n- b", "holds list, expected sections of keys"),
        (b"a: !!python/object/apply:os.system [ls]", "not readable as YAML: could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_settings_file(tmp_path, content, line):
    path = tmp_path / "settings.yaml"
    path.write_bytes(content)
    lines = mistakes(path)
    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_a_file_that_is_not_there(tmp_path):
    assert mistakes(tmp_path / "settings.yaml") == ["no such file"]


SEGMENTS = {"path": "a.tsv", "format": None, "encoding": None, "columns": {"en": "source", "de": 2}, "languages": {}, "part": "split"}
MESSAGES = {"path": "a.csv", "format": "csv", "encoding": "cp1252", "columns": {}, "language": "en", "part": "train"}


def test_the_sources_of_users_are_read(tmp_path):
    path = params(tmp_path, prepare_translation__sources=[SEGMENTS, SEGMENTS], prepare_intents__sources=[MESSAGES])
    found = read_settings(path, Params)
    assert found.prepare_translation.sources == [SegmentSource(**SEGMENTS)] * 2
    assert found.prepare_intents.sources == [MessageSource(**MESSAGES)]


def test_the_mistakes_of_a_source_are_told_with_its_place(tmp_path):
    wrong = [SEGMENTS, {**SEGMENTS, "format": "docx", "part": "dev", "column": {}, "columns": {"en": 1.5}}]
    lines = mistakes(params(tmp_path, prepare_translation__sources=wrong, prepare_intents__sources=[SEGMENTS]), Params)
    formats = "'tsv', 'csv', 'jsonl', 'moses', 'tmx', 'parquet' or 'xlsx'"
    assert lines == [
        f"prepare_translation.sources.1.format = 'docx': input should be {formats}",
        "prepare_translation.sources.1.columns.en.str = 1.5: input should be a valid string",
        "prepare_translation.sources.1.columns.en.int = 1.5: input should be a valid integer",
        "prepare_translation.sources.1.part = 'dev': input should be 'split', 'train', 'validation' or 'test'",
        "prepare_translation.sources.1.column = {} is not a known key; did you mean columns?",
        "prepare_intents.sources.0.language is missing",
        "prepare_intents.sources.0.languages = {} is not a known key; did you mean language?",
    ]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("length__shortest", 0, "length.shortest = 0: input should be greater than 0"),
        ("length_ratio__most", 0.9, "length_ratio.most = 0.9: input should be greater than or equal to 1"),
        ("language__least_confidence", 20.0, "language.least_confidence = 20.0: input should be less than or equal to 1"),
        ("script__least_percent", 101.0, "script.least_percent = 101.0: input should be less than or equal to 100"),
        ("markup", "yes", "markup = 'yes': input should be a valid boolean"),
        ("urls", None, "urls = None: input should be a valid boolean"),
        ("number", True, "number = True is not a known key; did you mean numbers?"),
    ],
)
def test_thresholds_of_the_filters_have_limits(tmp_path, key, value, said):
    path = params(tmp_path, **{f"prepare_translation__intake__cleaning__{key}": value})
    assert mistakes(path, Params) == [f"prepare_translation.intake.cleaning.{said}"]


def test_a_text_gets_one_kind_of_noise_at_most(tmp_path):
    shares = {"case": 0.2, "punctuation": 0.2, "typos": 0.2, "noise": 0.2, "emoji": 0.2}
    assert sum(read_settings(write(tmp_path, shares), Augmentation).model_dump().values()) == 1
    lines = mistakes(params(tmp_path, train_intents__augmentation=shares | {"typos": 0.25}), Params)
    assert len(lines) == 1
    assert lines[0].startswith("train_intents.augmentation = {'case': 0.2,")
    assert lines[0].endswith("value error, the shares add up to more than 1")
    assert mistakes(params(tmp_path, train_intents__augmentation=shares | {"case": 1.0}), Params) == [
        "train_intents.augmentation.case = 1.0: input should be less than 1"
    ]


def test_params_come_from_the_active_file_unless_the_environment_names_another(tmp_path, monkeypatch):
    monkeypatch.delenv("QUAYSIDE_PARAMS", raising=False)
    active = load_params()
    path = params(tmp_path, seed=active.seed + 1)
    assert load_params(path).seed == active.seed + 1
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(path))
    assert load_params().seed == active.seed + 1
    assert load_params(PARAMS_FILE).seed == active.seed


def sections(schema):
    yield schema
    for field in schema.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from sections(inner)


def test_no_parameter_has_a_default():
    found = list(sections(Params))
    assert {SegmentSource, MessageSource, Cleaning, Augmentation} < set(found)
    for section in found:
        assert section.model_config["frozen"]
        assert section.model_config["extra"] == "forbid"
        assert [name for name, field in section.model_fields.items() if not field.is_required()] == []


def test_intents_are_read_in_their_order(tmp_path):
    names = [line.split(":")[0].strip() for line in INTENTS_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("  ")]
    assert list(load_intents().intents) == names
    path = write(tmp_path, {"intents": {"a": "b"}, "sentiments": ["x"], "urgency": ["y"]})
    assert mistakes(path, Intents) == ["urgencies is missing", "urgency = ['y'] is not a known key; did you mean urgencies?"]
