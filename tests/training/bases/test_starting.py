"""What training starts from gives what the published checkpoint gives, on every id that it had; compared with transformers' own classes."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from sentencepiece import sentencepiece_model_pb2
from tokenizers import ByteLevelBPETokenizer, Tokenizer
from transformers import AutoModel, AutoTokenizer, MarianConfig, MarianMTModel, MarianTokenizer

from data.pieces import MarianPieces, XlmrPieces
from data.protect import MARKERS
from training.bases import Base, BaseError, find, start_encoder, start_marian
from training.bases.starting import with_markers
from training.vocabulary import write_marian_vocabulary

MARIAN = ("opus", "opus-bin", "opus-separate", "opus-mul")
PLAIN = [
    "good morning, the sizes of your order",
    "Guten Morgen! Die Größe stimmt nicht…",
    "buenos días  “su consulta”",
    "尺寸 ① ﬁ Ａ",
    "",
    "qzx ሰላም <s> ''",
]


def find_marian(folder: Path) -> Base:
    return find(str(folder), "translation", [("en", "de")])


def theirs(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return MarianTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module", params=MARIAN)
def started(request: pytest.FixtureRequest, hub: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Path]:
    """A snapshot, the model that training starts with, the folder of its tokenizer."""
    folder, out = hub.plain(request.param), tmp_path_factory.mktemp("out")
    return folder, start_marian(find_marian(folder), out, MARKERS), out


def logits(model: Any, rows: tuple[int, int]) -> torch.Tensor:
    """Of random old pieces, the last two rows padded."""
    generator = torch.Generator().manual_seed(5)
    source, target = (torch.randint(2, size - 1, (4, 9), generator=generator) for size in rows)
    mask = torch.ones_like(source)
    mask[2:, 5:] = 0
    source[2:, 5:], target[:, 0] = model.config.pad_token_id, model.config.pad_token_id
    with torch.no_grad():
        return model.eval()(input_ids=source, attention_mask=mask, decoder_input_ids=target, use_cache=False).logits


def test_old_pieces_have_the_logits_of_the_published_checkpoint(started: tuple[Path, Any, Path]) -> None:
    folder, model, _ = started
    published = MarianMTModel.from_pretrained(folder, dtype=torch.float32)
    rows = (published.config.vocab_size, published.config.decoder_vocab_size)
    before, after = logits(published, rows), logits(model, rows)
    assert before.std() > 0.5
    assert after.shape[-1] == before.shape[-1] + len(MARKERS)
    torch.testing.assert_close(after[..., : rows[1]], before, rtol=0, atol=1e-5)


def test_markers_are_neither_likely_nor_unlikely_at_first(started: tuple[Path, Any, Path]) -> None:
    _, model, _ = started
    rows = (model.config.vocab_size - len(MARKERS), model.config.decoder_vocab_size - len(MARKERS))
    found = logits(model, rows)
    difference = found[..., rows[1] :] - found[..., : rows[1]].mean(dim=-1, keepdim=True)
    assert difference.abs().max() < 0.05
    assert model.final_logits_bias[0, : rows[1]].mean() < -0.5  # so that a bias of 0 would have shown


def test_embeddings_bias_and_configuration_grow_together(started: tuple[Path, Any, Path]) -> None:
    folder, model, out = started
    config = json.loads((folder / "config.json").read_text())
    source, target = config["vocab_size"] + len(MARKERS), config["decoder_vocab_size"] + len(MARKERS)
    assert (model.config.vocab_size, model.config.decoder_vocab_size) == MarianPieces(out).sizes == (source, target)
    assert model.get_input_embeddings().weight.shape[0] == source
    assert model.lm_head.weight.shape[0] == model.final_logits_bias.shape[1] == target
    assert model.lm_head.weight is model.model.decoder.embed_tokens.weight
    shared = model.model.encoder.embed_tokens.weight is model.model.decoder.embed_tokens.weight
    assert shared == config["share_encoder_decoder_embeddings"]
    assert model.config.pad_token_id == config["pad_token_id"] == MarianPieces(out).pad
    assert model.model.decoder.embed_tokens.weight[config["pad_token_id"]].abs().sum() == 0
    assert model.generation_config.bad_words_ids == [[config["pad_token_id"]]]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_it_is_saved_and_read_again_as_it_is(started: tuple[Path, Any, Path], tmp_path: Path) -> None:
    _, model, out = started
    for name in ("source.spm", "target.spm", "vocab.json", "target_vocab.json", "tokenizer_config.json"):
        if (out / name).exists():
            (tmp_path / name).write_bytes((out / name).read_bytes())
    model.save_pretrained(tmp_path)
    again = MarianMTModel.from_pretrained(tmp_path)
    torch.testing.assert_close(logits(again, (2_000, 2_000)), logits(model, (2_000, 2_000)), rtol=0, atol=0)
    found = find_marian(tmp_path)
    third = start_marian(found, tmp_path / "third", MARKERS)
    assert third.config.vocab_size == model.config.vocab_size  # it has the markers
    for name in ("source.spm", "target.spm", "vocab.json"):
        assert (tmp_path / "third" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert all(torch.equal(a, b) for a, b in zip(third.state_dict().values(), model.state_dict().values(), strict=True))


def test_the_same_base_gives_the_same_weights(hub: Any, tmp_path: Path) -> None:
    base = find_marian(hub.plain("opus-separate"))
    torch.manual_seed(1)
    first = start_marian(base, tmp_path / "first", MARKERS)
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)  # the caller's own generator is left where it was
    second = start_marian(base, tmp_path / "second", MARKERS)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    rows = first.get_input_embeddings().weight[-len(MARKERS) :]
    assert torch.unique(rows, dim=0).shape[0] == len(MARKERS)  # near each other, but not the same


def test_the_dropout_asked_for_is_that_of_every_layer(hub: Any, tmp_path: Path) -> None:
    base = find_marian(hub.plain("opus-separate"))
    for asked, wanted in ((0.37, 0.37), (None, base.config.dropout)):
        model = start_marian(base, tmp_path, MARKERS, asked)
        encoder, decoder = model.model.encoder, model.model.decoder
        found = {part.dropout for part in (encoder, decoder, *encoder.layers, *decoder.layers)}
        assert found == {wanted}
        assert {layer.self_attn.dropout for layer in encoder.layers} == {base.config.attention_dropout}


def test_plain_text_has_the_ids_that_it_had(started: tuple[Path, Any, Path]) -> None:
    folder, _, out = started
    ours, published = MarianPieces(out), theirs(folder)
    compared = [text for text in PLAIN if "<s>" not in text]
    assert len(compared) == 5
    for text in compared:
        assert ours.encode(text) == published(text).input_ids
        assert ours.encode_target(text) == published(text_target=text).input_ids
    assert ours.unknown not in ours.encode(PLAIN[0])


def test_text_with_markers_has_the_ids_of_transformers_on_our_files(started: tuple[Path, Any, Path]) -> None:
    _, _, out = started
    ours, again = MarianPieces(out), theirs(out)
    for text in (f"the sizes {MARKERS[0]}, {MARKERS[19]}{MARKERS[7]}", f"a{MARKERS[3]}b", MARKERS[0]):
        assert ours.encode(text) == again(text).input_ids
        assert ours.encode_target(text) == again(text_target=text).input_ids


def test_each_marker_is_one_piece_on_both_sides(started: tuple[Path, Any, Path]) -> None:
    _, _, out = started
    pieces = MarianPieces(out)
    for side, encode in (("source", pieces.encode), ("target", pieces.encode_target)):
        model = sentencepiece.SentencePieceProcessor(model_file=str(out / f"{side}.spm"))
        ids = json.loads(
            (out / ("target_vocab.json" if side == "target" and (out / "target_vocab.json").exists() else "vocab.json")).read_text()
        )
        for marker in MARKERS:
            for text in (marker, f"a{marker}b", f"{marker}{marker} {marker}."):
                cut = model.encode(text, out_type=str)
                assert cut.count(marker) == text.count(marker)
                assert not any(marker in piece for piece in cut if piece != marker)
                assert encode(text).count(ids[marker]) == text.count(marker)
    assert pieces.decode(pieces.encode_target(f"die {MARKERS[4]} Größe")) == f"die {MARKERS[4]} Größe"


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_characters_that_a_published_model_has_already_become_markers(kind: str) -> None:
    """Web text has private-use characters; SentencePiece then makes pieces of several."""
    odd, model = MARKERS[0] + MARKERS[1], io.BytesIO()
    texts = [f"the {odd} size {MARKERS[2]} {odd}{odd}", "the sizes", "a size"] * 50
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type=kind, vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.pieces.add(piece=f"e{MARKERS[3]}s", score=0.0)  # likelier than its parts together
    before = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    assert any(odd in piece for piece in before.encode(texts[0], out_type=str))
    changed = with_markers(proto.SerializeToString(), MARKERS)
    after = sentencepiece.SentencePieceProcessor(model_proto=changed)
    text = f"{texts[0]} e{MARKERS[3]}s"
    cut = after.encode(text, out_type=str)
    assert [cut.count(marker) for marker in MARKERS[:4]] == [3, 3, 1, 1]
    assert after.decode(cut) == text
    assert after.encode("the sizes a size") == before.encode("the sizes a size")
    defined = [piece.piece for piece in sentencepiece_model_pb2.ModelProto.FromString(changed).pieces if piece.type == piece.USER_DEFINED]
    assert sorted(defined) == list(MARKERS)


def save_changed(folder: Path, copy: Path, change: Any, **options: Any) -> Any:
    """A look-alike saved anew with other options, after `change` has seen the model."""
    shutil.copytree(folder, copy)
    published = MarianMTModel.from_pretrained(folder, dtype=torch.float32)
    model = MarianMTModel(MarianConfig(**(published.config.to_dict() | options)))
    model.load_state_dict(published.state_dict())
    change(model)
    model.save_pretrained(copy)
    return model


def test_an_output_layer_of_its_own_stays_its_own(hub: Any, tmp_path: Path) -> None:
    def double(model: Any) -> None:
        model.lm_head.weight.data *= 2

    published = save_changed(hub.plain("opus-separate"), tmp_path / "base", double, tie_word_embeddings=False)
    model = start_marian(find_marian(tmp_path / "base"), tmp_path / "out", MARKERS)
    before, after = logits(published, (2_500, 2_500)), logits(model, (2_500, 2_500))
    torch.testing.assert_close(after[..., :2_500], before, rtol=0, atol=1e-5)
    assert model.lm_head.weight.shape[0] == 2_520


def test_embeddings_with_more_rows_than_pieces_keep_them(hub: Any, tmp_path: Path) -> None:
    """Some tuned checkpoints are padded to a multiple of 8."""
    published = save_changed(hub.plain("opus-small"), tmp_path / "base", lambda model: model.resize_token_embeddings(2_008))
    model = start_marian(find_marian(tmp_path / "base"), tmp_path / "out", MARKERS)
    before, after = logits(published, (2_000, 2_000)), logits(model, (2_000, 2_000))
    torch.testing.assert_close(after[..., :2_008], before, rtol=0, atol=1e-5)
    assert MarianPieces(tmp_path / "out").sizes == (2_028, 2_028)
    assert MarianPieces(tmp_path / "out").encode(MARKERS[19])[-2] == model.config.vocab_size - 1 == 2_027


def test_a_checkpoint_of_our_own_is_a_base_that_stays_as_it_is(tiny_marian: Any, tmp_path: Path) -> None:
    own, out = tmp_path / "own", tmp_path / "out"
    own.mkdir()
    write_marian_vocabulary(["good morning, the sizes", f"guten Morgen {MARKERS[0]}"] * 3, 60, ["de", "zh"], own)
    size = len(MarianPieces(own))
    tiny_marian(vocab_size=size, pad_token_id=size - 1, decoder_start_token_id=size - 1).save_pretrained(own)
    base = find(str(own), "translation", [("en", "de"), ("en", "zh")])
    assert base.codes == {"de": ">>de<<", "zh": ">>zh<<"}
    model = start_marian(base, out, MARKERS)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), MarianMTModel.from_pretrained(own).state_dict().values(), strict=True)
    )
    for name in ("source.spm", "target.spm"):
        assert (out / name).read_bytes() == (own / name).read_bytes()
    assert json.loads((out / "vocab.json").read_text()) == json.loads((own / "vocab.json").read_text())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.safetensors", b"garbage", "its weights cannot be read"),
        ("pytorch_model.bin", b"garbage", "its weights cannot be read"),
        ("pytorch_model.bin", pickle.dumps(Path("."), protocol=2), "its weights cannot be read"),
    ],
)
def test_weights_that_cannot_be_read_are_told(hub: Any, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    folder = hub.copy(tmp_path / "base", "opus-mul", without=["model.safetensors"], files={name: content})
    with pytest.raises(BaseError, match=f"^base '.*': {said}") as raised:
        start_marian(find_marian(folder), tmp_path / "out", MARKERS)
    assert "\n" not in str(raised.value)


def test_a_pickle_that_runs_code_is_not_run(hub: Any, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    folder = hub.copy(tmp_path / "base", "opus-mul", without=["model.safetensors"])
    torch.save({"final_logits_bias": Attack()}, folder / "pytorch_model.bin")
    with pytest.raises(BaseError, match="its weights cannot be read"):
        start_marian(find_marian(folder), tmp_path / "out", MARKERS)
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_missing_or_of_another_size_are_told(hub: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = hub.copy(tmp_path / "base", "opus-mul")
    state = load_file(folder / "model.safetensors")
    name = "model.decoder.layers.1.fc1.weight"
    weight = state.pop(name)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseError, match=f"1 of its weights are not in its files: {name}"):
        start_marian(find_marian(folder), tmp_path / "out", MARKERS)
    save_file({**state, name: weight[:3].clone()}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseError, match="its weights cannot be read"):
        start_marian(find_marian(folder), tmp_path / "out", MARKERS)


@pytest.mark.parametrize("like", ["xlmr", "roberta", "bert"])
def test_an_encoder_gives_the_states_of_the_published_checkpoint(hub: Any, tmp_path: Path, like: str) -> None:
    folder = hub.plain(like)
    encoder = start_encoder(find(str(folder), "intents"), tmp_path)
    published = AutoModel.from_pretrained(folder, dtype=torch.float32)
    batch = AutoTokenizer.from_pretrained(folder)(PLAIN, padding=True, return_tensors="pt")
    with torch.no_grad():
        found, expected = (model.eval()(**batch).last_hidden_state for model in (encoder, published))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert getattr(encoder, "pooler", None) is None
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("like", "without"), [("xlmr", []), ("xlmr", ["tokenizer.json"]), ("xlmr", ["tokenizer.json", "tokenizer_config.json"]), ("bert", [])]
)
def test_the_tokenizer_of_an_encoder_has_the_published_ids(hub: Any, tmp_path: Path, like: str, without: list[str]) -> None:
    """Whether it came as `tokenizer.json` or in the files from before there was one."""
    folder = hub.copy(tmp_path / "base", like, without=without)
    start_encoder(find(str(folder), "intents"), tmp_path / "out")
    written, published = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json")), AutoTokenizer.from_pretrained(hub.plain(like))
    for text in PLAIN:
        assert written.encode(text).ids == published(text).input_ids
    pieces = XlmrPieces(tmp_path / "out", 64)
    assert pieces.encode(PLAIN[1]) == published(PLAIN[1]).input_ids
    assert pieces.encode("Größe") != pieces.encode("größe")  # cased, as the published ones


def test_xlmr_s_ids_are_sentencepiece_s_moved_by_fairseq_s_piece(hub: Any, tmp_path: Path) -> None:
    folder = hub.copy(tmp_path / "base", "xlmr", without=["tokenizer.json"])
    start_encoder(find(str(folder), "intents"), tmp_path / "out")
    written = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    for text in PLAIN[:4]:
        expected = [i + 1 if i else 3 for i in model.encode(text)]
        assert written.encode(text, add_special_tokens=False).ids == expected


def test_roberta_s_ids_are_those_of_its_byte_pairs(hub: Any, tmp_path: Path) -> None:
    folder = hub.plain("roberta")
    start_encoder(find(str(folder), "intents"), tmp_path)
    written = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    expected = ByteLevelBPETokenizer.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    for text in PLAIN[:5]:
        assert written.encode(text, add_special_tokens=False).ids == expected.encode(text).ids
    assert XlmrPieces(tmp_path, 64).encode(PLAIN[0])[:2] == [0, *expected.encode(PLAIN[0]).ids[:1]]


def test_a_tokenizer_that_does_not_fit_its_encoder_is_told(hub: Any, tmp_path: Path) -> None:
    folder = hub.copy(tmp_path / "base", "xlmr", config={"vocab_size": 100})
    with pytest.raises(BaseError, match=r"its tokenizer has 3,00\d pieces, its embeddings 100$"):
        start_encoder(find(str(folder), "intents"), tmp_path / "out")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BaseError, match="its tokenizer cannot be read"):
        start_encoder(find(str(folder), "intents"), tmp_path / "out")
