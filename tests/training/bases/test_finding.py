"""A base is refused with one sentence for everything that would go wrong later, and before its weights are looked at."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from training.bases import BaseError, find

EN_DE = [("en", "de")]
GARBAGE = {"model.safetensors": b"garbage"}
FORMS = r"model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json"


def refused(folder: Path, kind: Any = "translation", pairs: Any = EN_DE) -> str:
    """What is said of a base."""
    with pytest.raises(BaseError) as raised:
        find(str(folder), kind, pairs)
    sentence = str(raised.value)
    assert sentence.startswith(f"base '{folder}'")
    assert "\n" not in sentence
    return sentence.removeprefix(f"base '{folder}'")


@pytest.mark.parametrize(
    ("like", "pairs", "codes"),
    [
        ("opus", EN_DE, {}),
        ("opus-bin", EN_DE, {}),
        ("opus-separate", EN_DE, {}),
        ("opus-small", EN_DE, {}),
        ("opus-mul-en", [("de", "en"), ("zh", "en")], {}),
        ("opus-mul", EN_DE, {"de": ">>deu<<"}),
        ("opus-mul", [("en", "zh"), ("en", "es")], {"zh": ">>cmn_Hans<<", "es": ">>spa<<"}),
        ("opus-mul", [], {}),
    ],
)
def test_marian_bases_are_found(hub: Any, like: str, pairs: list[tuple[str, str]], codes: dict[str, str]) -> None:
    folder = hub.plain(like)
    base = find(str(folder), "translation", pairs)
    weights = next(path for path in folder.iterdir() if path.name in ("model.safetensors", "pytorch_model.bin"))
    assert (base.folder, base.codes, base.config.model_type) == (folder, codes, "marian")
    assert base.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert base.described == {"name": str(folder), "revision": None, "sha256": base.sha256}


@pytest.mark.parametrize("like", ["xlmr", "bert"])
def test_encoder_bases_are_found(hub: Any, like: str) -> None:
    base = find(str(hub.plain(like)), "intents")
    assert base.codes == {}
    assert base.config.hidden_size == 16


def test_the_58101_pieces_are_those_of_the_configuration(hub: Any) -> None:
    config = find(str(hub.plain("opus")), "translation", EN_DE).config
    assert (config.vocab_size, config.decoder_vocab_size, config.pad_token_id) == (58_101, 58_101, 58_100)


@pytest.mark.parametrize(
    ("like", "kind", "message"),
    [
        ("xlmr", "translation", " has model_type 'xlm-roberta' in config.json; implemented for translation: marian"),
        ("opus-mul", "intents", " has model_type 'marian' in config.json; implemented for intents: bert, roberta, xlm-roberta"),
    ],
)
def test_a_base_for_something_else_is_told(hub: Any, like: str, kind: str, message: str) -> None:
    assert refused(hub.plain(like), kind) == message


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": None}, "has model_type None"),
        ({"activation_function": "tanh"}, "activation_function=tanh (implemented: swish, silu, relu, gelu)"),
        ({"d_model": "wide"}, "has a config.json that transformers refuses"),
        (
            {"decoder_vocab_size": 3000},
            "vocab_size=4000, decoder_vocab_size=3000, tie_word_embeddings=True in config.json, with which share_",
        ),
        (
            {"tie_word_embeddings": False},
            "tie_word_embeddings=False in config.json, with which share_encoder_decoder_embeddings=True cannot be",
        ),
        (
            {"vocab_size": 3999, "decoder_vocab_size": 3999},
            "vocab.json has 4,000 pieces whose ids are not rows of the 3,999 embeddings, each its own",
        ),
        ({"pad_token_id": 7}, "<pad> is 3999 in vocab.json, but pad_token_id is 7 in config.json"),
        ({"eos_token_id": 1, "forced_eos_token_id": 1}, "</s> is 0 in vocab.json, but eos_token_id is 1 in config.json"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(hub: Any, tmp_path: Path, config: dict[str, Any], said: str) -> None:
    both = {"config": config, "generation_config": {key: config[key] for key in config if "eos" in key}}
    assert said in refused(hub.copy(tmp_path / "base", "opus-mul", files=GARBAGE, **both))


def test_generation_that_the_engine_does_not_implement_is_told(hub: Any, tmp_path: Path) -> None:
    folder = hub.copy(tmp_path / "base", "opus-mul", files=GARBAGE, generation_config={"no_repeat_ngram_size": 3})
    assert "no_repeat_ngram_size=3" in refused(folder)
    (folder / "generation_config.json").unlink()  # then transformers take it from config.json
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | {"length_penalty": 0.5}))
    assert "length_penalty=0.5" in refused(folder)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"hidden_act": "relu"}, "hidden_act=relu"),
        ({"is_decoder": True}, "is_decoder=True"),
        ({"position_embedding_type": "relative_key"}, " has position_embedding_type=relative_key; implemented: absolute"),
    ],
)
def test_an_encoder_that_cannot_be_exported_is_told(hub: Any, tmp_path: Path, config: dict[str, Any], said: str) -> None:
    assert said in refused(hub.copy(tmp_path / "base", "bert", files=GARBAGE, config=config), "intents", [])


@pytest.mark.parametrize(
    ("like", "name"),
    [("opus-mul", "source.spm"), ("opus-mul", "target.spm"), ("opus-mul", "vocab.json"), ("opus-separate", "target_vocab.json")],
)
def test_a_missing_file_of_a_marian_tokenizer_is_named(hub: Any, tmp_path: Path, like: str, name: str) -> None:
    folder = hub.copy(tmp_path / "base", like, without=[name], files=GARBAGE)
    said = refused(folder)
    assert said.startswith(f": {name} missing in {folder}; such a Marian checkpoint has source.spm, target.spm, vocab.json")


def test_missing_configuration_tokenizer_and_weights_are_named(hub: Any, tmp_path: Path) -> None:
    no_config = hub.copy(tmp_path / "a", "bert", without=["config.json"])
    assert refused(no_config, "intents") == f" has no config.json in {no_config}: it is no checkpoint in the format of transformers"
    no_tokenizer = hub.copy(tmp_path / "b", "bert", without=["vocab.txt"])
    forms = "tokenizer.json or sentencepiece.bpe.model or vocab.txt or vocab.json with merges.txt"
    assert refused(no_tokenizer, "intents") == f": no tokenizer in {no_tokenizer}; valid: {forms}"
    no_weights = hub.copy(tmp_path / "c", "opus-mul", without=["model.safetensors"], files={"tf_model.h5": b""})
    assert refused(no_weights) == f": no weights in {no_weights}; valid: {FORMS}"


def test_the_parts_of_divided_weights_belong_to_it(hub: Any, tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    files = {"model.safetensors.index.json": index, "model-00001-of-00002.safetensors": b"one", "pytorch_model.bin": b"not looked at"}
    folder = hub.copy(tmp_path / "base", "opus-mul", without=["model.safetensors"], files=files)
    said = refused(folder)
    assert said == f": model-00002-of-00002.safetensors of the weights in model.safetensors.index.json missing in {folder}"
    hashes = set()
    for second in (b"two", b"2"):
        (folder / "model-00002-of-00002.safetensors").write_bytes(second)
        hashes.add(find(str(folder), "translation", EN_DE).sha256)
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("like", "changes", "pairs", "said"),
    [
        ("opus-mul", {"source_lang": "deu"}, EN_DE, " translates from deu (de), not from en"),
        ("opus-small", {}, [("de", "en")], " translates from en, not from de"),
        ("opus-mul-en", {}, [("de", "es")], " translates into en, not into es"),
        ("opus-separate", {}, [("en", "fr")], " translates into deu (de), not into fr"),
        (
            "opus-separate",
            {"target_lang": None},
            [("en", "de"), ("en", "es")],
            " has no language codes, so it translates into one language",
        ),
        ("opus-mul", {}, [("en", "de"), ("en", "fi")], " has no language code for fi; nearest of its 9: "),
    ],
)
def test_the_wrong_languages_are_told_before_the_weights_are_read(
    hub: Any, tmp_path: Path, like: str, changes: dict[str, Any], pairs: Any, said: str
) -> None:
    assert refused(hub.copy(tmp_path / "base", like, files=GARBAGE, tokenizer_config=changes), pairs=pairs).startswith(said)


def test_without_a_tokenizer_configuration_the_name_tells_the_languages(hub: Any, tmp_path: Path) -> None:
    hub.add("someone/opus-mt-en-fr", "opus-separate", without=["tokenizer_config.json"])
    with pytest.raises(BaseError, match=r"^base 'someone/opus-mt-en-fr' translates into fr, not into de$"):
        find("someone/opus-mt-en-fr", "translation", EN_DE)
    folder = hub.copy(tmp_path / "mine", "opus-separate", without=["tokenizer_config.json"])
    assert find(str(folder), "translation", [("en", "fr")]).codes == {}  # it does not say what it is, and is believed


def test_a_vocabulary_of_another_language_is_told(hub: Any, tmp_path: Path) -> None:
    """Some published checkpoints have the target's vocabulary in `vocab.json`: every English word would be unknown."""
    target = json.loads((hub.plain("opus-separate") / "target_vocab.json").read_bytes())
    swapped = {(piece if piece.startswith("<") else f"x{piece}"): i for piece, i in target.items()}
    said = refused(hub.copy(tmp_path / "base", "opus-separate", files={"vocab.json": swapped, **GARBAGE}))
    assert said.startswith(": vocab.json has only 0 of the ")
    assert said.endswith("pieces of source.spm: it is another vocabulary's")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"▁": 0}, ": vocab.json has 4,000 pieces whose ids are not rows of the 4,000 embeddings, each its own"),
        ({"▁": "3"}, ": vocab.json has 4,000 pieces whose ids are not rows of the 4,000 embeddings, each its own"),
        ({"<unk>": None}, ": vocab.json has no <unk>"),
    ],
)
def test_ids_that_are_none_are_told(hub: Any, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    ids = json.loads((hub.plain("opus-mul") / "vocab.json").read_bytes()) | change
    kept = {piece: i for piece, i in ids.items() if i is not None}
    assert refused(hub.copy(tmp_path / "base", "opus-mul", files={"vocab.json": kept, **GARBAGE})) == said


@pytest.mark.parametrize("content", [b"garbage", b""])
def test_a_broken_sentencepiece_model_is_told(hub: Any, tmp_path: Path, content: bytes) -> None:
    said = refused(hub.copy(tmp_path / "base", "opus-mul", files={"target.spm": content, **GARBAGE}))
    assert "target.spm" in said
