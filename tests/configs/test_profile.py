import os
import shutil
import subprocess
import sys

import pytest
import yaml

from configs.profile import PROFILES, switch
from configs.schema import PARAMS_FILE, ROOT, SettingsError, load_params

DEMO = (PROFILES / "demo.yaml").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path):
    """A folder of profiles and an active file."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "demo.yaml").write_text(DEMO, encoding="utf-8")
    (tmp_path / "profiles" / "full.yaml").write_text(DEMO.replace("profile: demo", "profile: full"), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("old")
    return tmp_path


def test_the_profile_becomes_the_active_file_byte_for_byte(place):
    switch("full", place / "profiles", place / "params.yaml")
    assert (place / "params.yaml").read_bytes() == (place / "profiles" / "full.yaml").read_bytes()
    assert b"#" in (place / "params.yaml").read_bytes()  # comments too


@pytest.mark.parametrize("name", ["ful", "", ".", "../params", "demo.yaml", "profiles/demo"])
def test_an_unknown_name_is_refused_with_the_valid_ones(place, name):
    with pytest.raises(SettingsError) as error:
        switch(name, place / "profiles", place / "params.yaml")
    assert str(error.value) == f"no profile {name!r}; there are: demo, full"
    assert (place / "params.yaml").read_text() == "old"


def test_a_broken_profile_is_refused_with_its_mistakes(place):
    broken = place / "profiles" / "broken.yaml"
    broken.write_text(DEMO.replace("seed:", "sede:").replace("profile: demo", "profile: broken"), encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        switch("broken", place / "profiles", place / "params.yaml")
    assert sorted(str(error.value).splitlines()) == [
        f"{broken}: sede = {yaml.safe_load(DEMO)['seed']} is not a known key; did you mean seed?",
        f"{broken}: seed is missing",
    ]
    assert (place / "params.yaml").read_text() == "old"


def test_a_profile_that_calls_itself_otherwise_is_refused(place):
    (place / "profiles" / "copy.yaml").write_text(DEMO, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"copy\.yaml: profile = 'demo': should be the name of the file, copy"):
        switch("copy", place / "profiles", place / "params.yaml")
    assert (place / "params.yaml").read_text() == "old"


@pytest.fixture
def copy(tmp_path):
    """The package somewhere else, so that the command writes there."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("QUAYSIDE", "PYTHONPATH"))}
    command = [sys.executable, "-m", "configs.profile", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_command_refuses_in_one_sentence(copy):
    done = run(copy, "nowhere")
    names = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"no profile 'nowhere'; there are: {names}\n")
    assert (copy / "configs" / "params.yaml").read_bytes() == PARAMS_FILE.read_bytes()


def test_the_command_switches_and_says_so(copy):
    (copy / "configs" / "params.yaml").write_text("old")
    done = run(copy, "demo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "configs/params.yaml: profile demo\n", "")
    assert (copy / "configs" / "params.yaml").read_text(encoding="utf-8") == DEMO


def test_every_profile_can_become_the_active_one(place):
    names = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    assert set(names) >= {"bitext", "chat-en-de", "clinc150", "demo", "distill", "glossary", "gpu", "multi30k"}
    for name in names:
        switch(name, active=place / "params.yaml")
        assert load_params(place / "params.yaml").profile == name


@pytest.mark.parametrize("name", ["bitext", "clinc150"])
def test_a_benchmark_of_the_classifier_is_the_demo_in_all_else(name):
    """As its first lines say it."""
    demo, other = (yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8")) for profile in ("demo", name))
    assert {section for section in demo if demo[section] != other[section]} == {"profile", "prepare_intents", "train_intents"}
    assert demo["train_intents"] | {"threads": 2} == other["train_intents"]


@pytest.mark.parametrize("name", ["multi30k", "chat-en-de"])
def test_a_benchmark_of_translation_is_the_demo_but_for_segments_and_training(name):
    """As its first lines say it; whatever the publisher's lines are, no filter takes one away."""
    demo, other = (yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8")) for profile in ("demo", name))
    assert {section for section in demo if demo[section] != other[section]} == {"profile", "prepare_translation", "train_translation"}
    prepared = other["prepare_translation"]
    assert {key for key in prepared if demo["prepare_translation"][key] != prepared[key]} == {"languages", "shipped", "sources", "intake"}
    assert (prepared["languages"], prepared["shipped"]) == (["en", "de"], False)
    cleaning = prepared["intake"]["cleaning"]
    assert len(cleaning) == 11
    assert not any(value["enabled"] if isinstance(value, dict) else value for value in cleaning.values())
    assert (prepared["intake"]["near_duplicate_percent"], prepared["intake"]["rejected_percent"]) == (100.0, 1.0)
    trained = {key for key in other["train_translation"] if demo["train_translation"][key] != other["train_translation"][key]}
    assert trained <= {"model", "optimizer", "batch_tokens", "target_piece_dropout", "guided_alignment", "augmentation"}
    assert (other["train_translation"]["bases"], other["train_translation"]["threads"]) == ({}, 1)


def test_a_student_is_the_demo_but_for_its_size_and_its_teachers():
    """As the profile's first lines say it."""
    demo, other = (yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8")) for profile in ("demo", "distill"))
    assert {section for section in demo if demo[section] != other[section]} == {"profile", "train_translation"}
    ours, theirs = other["train_translation"], demo["train_translation"]
    assert {key for key in ours if ours[key] != theirs[key]} == {"distillation", "model"}
    assert ours["distillation"]["teachers"] == {name: f"training/teachers/{name}" for name in ("en-xx", "xx-en")}
    assert {key for key in ours["model"] if ours["model"][key] < theirs["model"][key]} == {"d_model", "ffn", "decoder_layers"}
    assert {key for key in ours["model"] if ours["model"][key] > theirs["model"][key]} == {"encoder_layers"}
    assert ours["model"]["d_model"] // ours["model"]["heads"] % 8 == 0


def test_the_profile_of_glossaries_is_the_demo_but_for_terms_and_steps():
    demo, other = (yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8")) for profile in ("demo", "glossary"))
    assert {section for section in demo if demo[section] != other[section]} == {"profile", "prepare_translation", "train_translation"}
    prepared, trained = other["prepare_translation"], other["train_translation"]
    assert {key for key in prepared if demo["prepare_translation"][key] != prepared[key]} == {"terms_per_slot", "term_test_segments"}
    assert {key for key in trained if demo["train_translation"][key] != trained[key]} == {"optimizer"}
    assert demo["train_translation"]["optimizer"] | {"steps": 6000} == trained["optimizer"]
