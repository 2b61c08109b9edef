"""Snapshots that look like published checkpoints, small, in the hub cache's own layout: no test needs the hub.

What they share with the real ones: names, files, the keys of `config.json` (with the generation settings of old), opus-mt-en-de's 58,101
pieces with `<pad>` last, nmt_nfkc in the SentencePiece models, weights under the names that the libraries of their day wrote. The widths
are ours (`d_model` 16), the weights are random.

    opus            opus-mt-en-de: one vocabulary, safetensors
    opus-bin        the same, as `pytorch_model.bin`
    opus-small      the same with 2,000 pieces
    opus-separate   opus-mt-tc-big, sepvoc: `vocab.json` and `target_vocab.json`, half precision
    opus-mul        opus-mt-en-mul: with language codes
    opus-mul-en     opus-mt-mul-en
    xlmr            xlm-roberta-base: `sentencepiece.bpe.model` and `tokenizer.json`
    roberta         roberta-base: `vocab.json` and `merges.txt`
    bert            bert-base-multilingual-cased: `vocab.txt` alone, LayerNorm's weights named `gamma` and `beta`
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from configs.schema import ROOT

OPUS_PIECES = 58_101
CODES = (">>deu<<", ">>spa<<", ">>cmn_Hans<<", ">>cmn_Hant<<", ">>fra<<", ">>por<<", ">>srp_Latn<<", ">>srp_Cyrl<<", ">>hrv<<")
OPUS_CONFIG: dict[str, Any] = {
    **{"_num_labels": 3, "architectures": ["MarianMTModel"], "model_type": "marian"},
    **{"activation_dropout": 0.0, "activation_function": "swish", "add_bias_logits": False, "add_final_layer_norm": False},
    **{"attention_dropout": 0.0, "bos_token_id": 0, "classif_dropout": 0.0, "classifier_dropout": 0.0, "d_model": 16},
    **{"decoder_attention_heads": 2, "decoder_ffn_dim": 32, "decoder_layerdrop": 0.0, "decoder_layers": 2, "dropout": 0.1},
    **{"encoder_attention_heads": 2, "encoder_ffn_dim": 32, "encoder_layerdrop": 0.0, "encoder_layers": 2, "eos_token_id": 0},
    **{"forced_eos_token_id": 0, "gradient_checkpointing": False, "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}},
    **{"init_std": 0.02, "is_encoder_decoder": True, "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}, "max_length": 512},
    **{"max_position_embeddings": 512, "normalize_before": False, "normalize_embedding": False, "num_beams": 6, "num_hidden_layers": 2},
    **{"scale_embedding": True, "share_encoder_decoder_embeddings": True, "static_position_embeddings": True},
    **{"transformers_version": "4.22.0.dev0", "use_cache": True},
}
ENCODER_CONFIG: dict[str, Any] = {
    **{"attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 16, "initializer_range": 0.02},
    **{"intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "position_embedding_type": "absolute"},
}


def phrases(*languages: str) -> list[str]:
    """The shipped phrases in these languages."""
    found = []
    for path in sorted((ROOT / "data/phrases").glob("*.tsv")):
        header, *rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
        found += [row[header.index(language)] for row in rows for language in languages]
    assert len(found) > 2_000
    return found


@functools.cache
def spm(languages: tuple[str, ...], size: int) -> bytes:
    """A SentencePiece model of these languages as OPUS-MT and XLM-R train them: unigram, nmt_nfkc, `<unk>`, `<s>` and `</s>` in front."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(phrases(*languages)),
        model_writer=model,
        vocab_size=size,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def pieces_of(model: bytes) -> list[str]:
    """The pieces of a SentencePiece model but for the first three."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]


def marian_vocabulary(pieces: Sequence[str], size: int) -> dict[str, int]:
    """A `vocab.json`: `</s>` 0, `<unk>` 1, the pieces, others up to `size`, `<pad>` last."""
    names = ["</s>", "<unk>", *dict.fromkeys(pieces)]
    names += [f"▁other{i}" for i in range(size - len(names) - 1)]
    assert len(names) == size - 1
    return {name: i for i, name in enumerate([*names, "<pad>"])}


def write(folder: Path, name: str, value: Any) -> None:
    """Bytes as they are, anything else as JSON."""
    content = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, indent=2).encode()
    (folder / name).write_bytes(content)


def make_opus(
    folder: Path,
    source: Sequence[str] = ("en",),
    target: Sequence[str] = ("de",),
    codes: Sequence[str] = (),
    size: int = 4_000,
    weights: str = "model.safetensors",
) -> None:
    """A Marian checkpoint with one vocabulary."""
    models = [spm(tuple(languages), 800 * len(languages)) for languages in (source, target)]
    config = OPUS_CONFIG | {"vocab_size": size, "decoder_vocab_size": size, "pad_token_id": size - 1, "decoder_start_token_id": size - 1}
    write_opus(folder, config, *models)
    said = {f"{side}_lang": langs[0] if len(langs) == 1 else "mul" for side, langs in (("source", source), ("target", target))}
    write(folder, "tokenizer_config.json", said)
    write(folder, "vocab.json", marian_vocabulary([",", "▁", *codes, *pieces_of(models[0]), *pieces_of(models[1])], size))
    save_marian(folder, config, weights)


def make_separate(folder: Path, size: int = 2_500) -> None:
    """A Marian checkpoint whose source and target have pieces, embeddings and ids of their own."""
    source, target = spm(("en",), 800), spm(("de",), 800)
    config = OPUS_CONFIG | {"vocab_size": size, "decoder_vocab_size": size, "pad_token_id": size - 1, "decoder_start_token_id": size - 1}
    config |= {"share_encoder_decoder_embeddings": False, "activation_function": "relu", "torch_dtype": "float16"}
    write_opus(folder, config, source, target)
    write(folder, "tokenizer_config.json", {"source_lang": "eng", "target_lang": "deu", "separate_vocabs": True})
    write(folder, "vocab.json", marian_vocabulary(["▁", *pieces_of(source)], size))
    write(folder, "target_vocab.json", marian_vocabulary(["▁", *pieces_of(target)], size))
    save_marian(folder, config, "model.safetensors")


def write_opus(folder: Path, config: dict[str, Any], source: bytes, target: bytes) -> None:
    """What all Marian checkpoints have."""
    pad = config["pad_token_id"]
    generation = {key: config[key] for key in ("bos_token_id", "eos_token_id", "forced_eos_token_id", "max_length", "num_beams")}
    generation |= {"_from_model_config": True, "bad_words_ids": [[pad]], "decoder_start_token_id": pad, "pad_token_id": pad}
    write(folder, "config.json", config | {"bad_words_ids": [[pad]]})
    write(folder, "generation_config.json", generation | {"renormalize_logits": True, "transformers_version": "4.32.0.dev0"})
    write(folder, "source.spm", source)
    write(folder, "target.spm", target)
    write(folder, "README.md", b"---\nlicense: cc-by-4.0\n---\n")


def save_marian(folder: Path, config: dict[str, Any], name: str) -> None:
    """Random weights with a bias on every piece and a `<pad>` of zeros, as the converter from Marian makes it."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(11)
    model = MarianMTModel(MarianConfig(**{key: config[key] for key in config if key != "torch_dtype"} | {"init_std": 0.3}))
    state = model.state_dict()
    state["final_logits_bias"].normal_(mean=-1.0)[:, -1] = 0
    for key in ("lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"):
        state[key][-1] = 0
    save(folder, name, state, half="torch_dtype" in config)


def save(folder: Path, name: str, state: Mapping[str, Any], half: bool = False) -> None:
    """Weights as a pickle with every name, or as safetensors without what is tied or computed."""
    import torch
    from safetensors.torch import save_file

    if name.endswith(".bin"):
        torch.save(dict(state), folder / name)
        return
    stored = [key for key in state if "embed_positions" not in key]
    stored.sort(key=lambda key: (not key.startswith(("lm_head", "cls")), "embed_tokens" not in key))
    once = {state[key].data_ptr(): key for key in stored}  # of what is tied, the last of its names in this order
    save_file({key: state[key].half() if half else state[key] for key in once.values()}, folder / name, metadata={"format": "pt"})


def make_xlmr(folder: Path) -> None:
    """An XLM-R encoder with its language-model head."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    model = spm(("en", "de", "es", "zh"), 3_000)
    tokenizer = xlmr_tokenizer(model)
    size = tokenizer.get_vocab_size()
    config = ENCODER_CONFIG | {"vocab_size": size, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    config |= {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "output_past": True}
    write(folder, "config.json", config | {"architectures": ["XLMRobertaForMaskedLM"], "model_type": "xlm-roberta"})
    write(folder, "tokenizer_config.json", {"model_max_length": 512})
    write(folder, "sentencepiece.bpe.model", model)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(12)
    save(folder, "model.safetensors", XLMRobertaForMaskedLM(XLMRobertaConfig(**config)).state_dict())


def xlmr_tokenizer(model: bytes) -> Any:
    """XLM-R's `tokenizer.json`: fairseq's four special pieces in front, `<mask>` last, the model's own normalisation."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    vocabulary = [
        ("<s>", 0.0),
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((p.piece, p.score) for p in proto.pieces[3:]),
        ("<mask>", 0.0),
    ]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def make_bert(folder: Path) -> None:
    """A BERT encoder with its pre-training heads, from before there was a `tokenizer.json`."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForPreTraining

    tokenizer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    tokenizer.train_from_iterator(phrases("en", "de", "es", "zh"), vocab_size=3_000, min_frequency=2, show_progress=False)
    vocabulary = tokenizer.get_vocab()
    config = ENCODER_CONFIG | {"vocab_size": len(vocabulary), "max_position_embeddings": 512, "type_vocab_size": 2, "pad_token_id": 0}
    config |= {"layer_norm_eps": 1e-12, "directionality": "bidi", "pooler_type": "first_token_transform"}
    write(folder, "config.json", config | {"architectures": ["BertForMaskedLM"], "model_type": "bert"})
    write(folder, "tokenizer_config.json", {"do_lower_case": False, "model_max_length": 512})
    write(folder, "vocab.txt", "".join(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.__getitem__)).encode())
    torch.manual_seed(13)
    state = BertForPreTraining(BertConfig(**config)).state_dict()
    named = {key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): state[key] for key in state}
    save(folder, "model.safetensors", named)


def make_roberta(folder: Path) -> None:
    """A RoBERTa encoder with its language-model head and the two files of its byte pairs."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForMaskedLM

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(phrases("en"), vocab_size=1_000, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    config = ENCODER_CONFIG | {"vocab_size": tokenizer.get_vocab_size(), "max_position_embeddings": 514, "type_vocab_size": 1}
    config |= {"layer_norm_eps": 1e-5, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    write(folder, "config.json", config | {"architectures": ["RobertaForMaskedLM"], "model_type": "roberta"})
    write(folder, "tokenizer_config.json", {"model_max_length": 512})
    torch.manual_seed(14)
    save(folder, "model.safetensors", RobertaForMaskedLM(RobertaConfig(**config)).state_dict())


MAKERS: dict[str, Callable[[Path], None]] = {
    "opus": functools.partial(make_opus, size=OPUS_PIECES),
    "opus-bin": functools.partial(make_opus, size=OPUS_PIECES, weights="pytorch_model.bin"),
    "opus-small": functools.partial(make_opus, size=2_000),
    "opus-separate": make_separate,
    "opus-mul": functools.partial(make_opus, target=("de", "es", "zh"), codes=CODES),
    "opus-mul-en": functools.partial(make_opus, source=("de", "es", "zh"), target=("en",)),
    "xlmr": make_xlmr,
    "roberta": make_roberta,
    "bert": make_bert,
}


class Hub:
    """A hub cache of look-alikes.

    Args:
        cache: its folder.
        made: where each look-alike is made, once.
    """

    def __init__(self, cache: Path, made: Path) -> None:
        self.cache, self._made = cache, made

    def plain(self, like: str) -> Path:
        """The folder of a look-alike as it was made: not to be changed."""
        folder = self._made / like
        if not folder.exists():
            partial = self._made / f"{like}.partial"
            partial.mkdir(parents=True)
            MAKERS[like](partial)
            partial.rename(folder)
        return folder

    def copy(self, folder: Path, like: str, without: Sequence[str] = (), **changes: Any) -> Path:
        """A look-alike in a folder of its own.

        Args:
            folder: new.
            like: which one.
            without: files that it lacks.
            changes: `config`, `tokenizer_config`, `generation_config`: keys that change in that file; `files`: name -> bytes or JSON.
        """
        shutil.copytree(self.plain(like), folder)
        for name in without:
            (folder / name).unlink()
        for name in ("config", "tokenizer_config", "generation_config"):
            if name in changes:
                write(folder, f"{name}.json", json.loads((folder / f"{name}.json").read_bytes()) | changes[name])
        for name, value in changes.get("files", {}).items():
            write(folder, name, value)
        return folder

    def add(self, name: str, like: str, without: Sequence[str] = (), **changes: Any) -> Path:
        """Puts a look-alike into the cache as a hub id; gives its snapshot. The same name again changes nothing."""
        repository = self.cache / f"models--{name.replace('/', '--')}"
        commit = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        snapshot = repository / "snapshots" / commit
        if snapshot.exists():
            return snapshot
        blobs = repository / "blobs"
        loose = self.copy(repository / "loose", like, without, **changes)
        for folder in (blobs, repository / "refs", snapshot):
            folder.mkdir(parents=True)
        (repository / "refs/main").write_text(commit)
        for file in sorted(loose.iterdir()):
            blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
            file.replace(blob)
            (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
        loose.rmdir()
        return snapshot


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub of which nothing but the cache can be reached, here and in the processes that tests start; empty until a test adds to it."""
    import huggingface_hub.constants

    home = tmp_path_factory.mktemp("hub")
    made = Hub(home / "hub", tmp_path_factory.mktemp("lookalikes"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_HUB_CACHE", str(made.cache))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(made.cache))
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield made
