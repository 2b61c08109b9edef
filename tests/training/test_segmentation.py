"""Drawn segmentations: as likely as the unigram model says, and a function of the generator alone."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from training.segmentation import SampledSegmentation
from training.vocabulary import XLMR_MODEL, write_xlmr_vocabulary

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
UNKNOWN = 3
PENALTY = 10.0  # SentencePiece's kUnkPenalty
PIECES = {"▁": -3.0, "a": -2.5, "b": -3.5, "ab": -3.2, "▁a": -2.8, "ba": -4.0, "abab": -7.0, "▁aba": -6.0, "bx": -5.0}
DRAWS = 20_000
TOLERANCE = 0.015  # of a share: more than four standard deviations at 20,000 draws


def write_tokenizer(folder: Path, pieces: dict[str, float] = PIECES) -> Path:
    tokenizer = Tokenizer(models.Unigram([*((name, 0.0) for name in SPECIAL), *pieces.items()], unk_id=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def cuts(word: str, known: dict[str, float]) -> Iterator[list[str]]:
    """Every way to cut a word into known pieces and, where a character is no piece, that character."""
    if not word:
        yield []
    for end in range(1, len(word) + 1):
        if word[:end] in known or end == 1:
            yield from ([word[:end], *rest] for rest in cuts(word[end:], known))


def shares(word: str, alpha: float, pieces: dict[str, float] = PIECES) -> dict[tuple[int, ...], float]:
    """How likely each sequence of ids is: its pieces' likelihoods to the power of alpha, over the sum of all."""
    ids = {piece: i for i, piece in enumerate([*SPECIAL, *pieces])}
    floor = min(pieces.values()) - PENALTY
    weights: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for cut in cuts(word, pieces):
        found: list[int] = []
        for i in (ids.get(piece, UNKNOWN) for piece in cut):
            if not (i == UNKNOWN and found and found[-1] == UNKNOWN):
                found.append(i)
        weights[tuple(found)] += math.exp(alpha * sum(pieces.get(piece, floor) for piece in cut))
    return {cut: weight / sum(weights.values()) for cut, weight in weights.items()}


def drawn(sample: SampledSegmentation, text: str, draws: int = DRAWS) -> dict[tuple[int, ...], float]:
    """How often each sequence of ids is drawn, as a share."""
    chance = random.Random(7)
    counts = Counter(tuple(sample(text, chance)) for _ in range(draws))
    return {ids: count / draws for ids, count in counts.items()}


def assert_alike(found: dict[tuple[int, ...], float], expected: dict[tuple[int, ...], float]) -> None:
    assert found.keys() <= expected.keys()
    for ids, share in expected.items():
        assert found.get(ids, 0.0) == pytest.approx(share, abs=TOLERANCE), ids


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_a_segmentation_is_as_frequent_as_it_is_likely(tmp_path: Path, alpha: float) -> None:
    expected = shares("▁abab", alpha)
    assert len(expected) == 10, "all ten ways to cut it"
    assert_alike(drawn(SampledSegmentation(write_tokenizer(tmp_path), alpha), "abab"), expected)


def test_the_smaller_alpha_is_the_more_alike_are_the_shares() -> None:
    """What the brute force says of the paper's parameter, so that the test above means something."""
    highest = [max(shares("▁abab", alpha).values()) for alpha in (0.01, 0.2, 1.0, 50.0)]
    assert highest == sorted(highest)
    assert highest[0] == pytest.approx(1 / 10, abs=0.01)
    assert highest[2] - highest[1] > 5 * TOLERANCE
    assert highest[-1] > 0.9


def test_unknown_characters_are_drawn_as_the_model_scores_them(tmp_path: Path) -> None:
    """`x` is no piece, but `bx` is: b and an unknown character is the other way, less likely by the penalty."""
    alpha = 0.1
    expected = shares("▁abx", alpha)
    with_unknown = sum(share for ids, share in expected.items() if UNKNOWN in ids)
    assert 0.1 < with_unknown < 0.6
    assert_alike(drawn(SampledSegmentation(write_tokenizer(tmp_path), alpha), "abx"), expected)


def test_neighbouring_unknown_characters_are_one_piece(tmp_path: Path) -> None:
    """As `tokenizers` fuses them; those of two words stay two."""
    file = write_tokenizer(tmp_path)
    sample = SampledSegmentation(file, 0.3)
    own = Tokenizer.from_file(str(file))
    for text in ("xyz", "zzz a yy", "axxxb", "😀 ü"):
        assert [i for i in sample(text, random.Random(1)) if i == UNKNOWN] == [i for i in own.encode(text).ids if i == UNKNOWN] != []
    assert sample("zz yy", random.Random(1)) == [4, UNKNOWN, 4, UNKNOWN]


def test_what_looks_like_a_special_piece_is_text(tmp_path: Path) -> None:
    sample = SampledSegmentation(write_tokenizer(tmp_path), 0.3)
    for text in ("</s>", "a<pad>b", "<s> <unk>"):
        assert not {0, 1, 2} & set(sample(text, random.Random(1)))
    assert sample("", random.Random(1)) == []


def test_the_text_is_normalised_and_cut_into_words_as_the_tokenizer_does(tmp_path: Path) -> None:
    sample = SampledSegmentation(write_tokenizer(tmp_path), 0.3)
    assert drawn(sample, "ABAB", 500) == drawn(sample, "abab", 500)
    names = dict(enumerate([*SPECIAL, *PIECES]))
    for seed in range(50):
        assert "".join(names[i] for i in sample("abab  ba\ta", random.Random(seed))).count("▁") >= 2, "no piece reaches over a space"


def test_the_draw_is_a_function_of_the_generator(tmp_path: Path) -> None:
    file = write_tokenizer(tmp_path)
    used, fresh = SampledSegmentation(file, 0.2), SampledSegmentation(file, 0.2)
    for seed in range(100):
        used("abab baba ab", random.Random(seed))
    chance, other = random.Random(5), random.Random(5)
    first = [used("abab abab", chance) for _ in range(20)]
    assert first == [fresh("abab abab", other) for _ in range(20)]
    assert chance.getstate() == other.getstate()
    assert len({tuple(ids) for ids in first}) > 5, "one generator draws others as it goes on"


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, shipped: list[str]) -> Path:
    """A vocabulary of shipped phrases, in the folder of its files."""
    folder = tmp_path_factory.mktemp("learned")
    write_xlmr_vocabulary(shipped, 1_200, folder)
    return folder


@pytest.fixture(scope="module")
def shipped() -> list[str]:
    from tests.lookalikes import phrases

    return phrases("en", "de", "es")[::3]


def test_with_a_large_alpha_it_is_the_likeliest(learned: Path, shipped: list[str]) -> None:
    """The same ids as `tokenizers` finds by Viterbi, unknown characters included."""
    from tests.lookalikes import phrases

    own, sample = Tokenizer.from_file(str(learned / "tokenizer.json")), SampledSegmentation(learned / "tokenizer.json", 1.0e6)
    texts = [*shipped, *phrases("zh")[:200]]
    chance = random.Random(1)
    different = [text for text in texts if sample(text, chance) != own.encode(text, add_special_tokens=False).ids]
    assert len(texts) > 2_000
    assert different == []
    assert any(UNKNOWN in own.encode(text).ids for text in texts)


def test_sentencepiece_draws_alike(learned: Path) -> None:
    """Its sampling over the whole lattice (`nbest_size=-1`) and ours, of one word, against the shares of all ways to cut it."""
    alpha, word = 0.2, "▁order"
    entries = json.loads((learned / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    pieces = dict(entries[len(SPECIAL) :])
    expected = shares(word, alpha, pieces)
    assert len(expected) >= 8
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(learned / XLMR_MODEL))
    counts = Counter(
        tuple(3 + i for i in theirs.encode("order", enable_sampling=True, alpha=alpha, nbest_size=-1)) for _ in range(DRAWS)
    )  # its piece 0 is the unknown one, 3 here
    assert_alike({ids: count / DRAWS for ids, count in counts.items()}, expected)
    assert_alike(drawn(SampledSegmentation(learned / "tokenizer.json", alpha), "order"), expected)


def test_drawn_pieces_are_the_text(learned: Path, shipped: list[str]) -> None:
    own, sample, chance = (
        Tokenizer.from_file(str(learned / "tokenizer.json")),
        SampledSegmentation(learned / "tokenizer.json", 0.2),
        random.Random(3),
    )
    others = 0
    for text in shipped[:300]:
        ids = sample(text, chance)
        likeliest = own.encode(text, add_special_tokens=False).ids
        assert "".join(map(own.id_to_token, ids)) == "".join(map(own.id_to_token, likeliest))
        others += ids != likeliest
    assert others > 150


@pytest.mark.parametrize(("model", "kind"), [(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"), "WordPiece"), (models.BPE(), "BPE")])
def test_another_kind_of_vocabulary_is_refused(tmp_path: Path, model: Any, kind: str) -> None:
    file = tmp_path / "tokenizer.json"
    Tokenizer(model).save(str(file))
    with pytest.raises(ValueError, match="from a Unigram model only") as caught:
        SampledSegmentation(file, 0.3)
    assert str(caught.value) == f"{file}: segmentations can be drawn from a Unigram model only, not {kind}"
