import pytest
import yaml
from pydantic import BaseModel, Field, ValidationError

from configs.schema import INTENTS_FILE, PARAMS_FILE, Intents, Params, Section, SettingsError, load_intents, load_params, read_settings


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
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from sections(field.annotation)


def test_no_parameter_has_a_default():
    found = list(sections(Params))
    assert len(found) > 10
    for section in found:
        assert section.model_config["frozen"]
        assert section.model_config["extra"] == "forbid"
        assert [name for name, field in section.model_fields.items() if not field.is_required()] == []


def test_intents_are_read_in_their_order(tmp_path):
    names = [line.split(":")[0].strip() for line in INTENTS_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("  ")]
    assert list(load_intents().intents) == names
    path = write(tmp_path, {"intents": {"a": "b"}, "sentiments": ["x"], "urgency": ["y"]})
    assert mistakes(path, Intents) == ["urgencies is missing", "urgency = ['y'] is not a known key; did you mean urgencies?"]
