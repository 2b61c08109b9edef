import importlib.util
import io
import json
import random
import shutil
import warnings
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from data.grammar import load_grammar
from data.normalize import normalize
from data.pieces import EOS, PAD, UNKNOWN, MarianPieces, XlmrPieces, language_code
from data.protect import MARKERS, find_protected, mask
from data.records import Turn
from training.vocabulary import train_pieces, write_marian_vocabulary, write_xlmr_vocabulary

ROOT = Path(__file__).resolve().parents[2]
CONTROL = (EOS, PAD, UNKNOWN, "<s>", "<mask>", "<eop>", "<eod>", ">>")


@pytest.fixture(scope="module")
def sentences():
    """Masked sentences of every language, from the shipped patterns."""
    grammar = load_grammar(ROOT / "data" / "corpora", ROOT / "data" / "glossaries")
    expansions = [expansion for pattern in grammar.patterns for expansion in grammar.expansions(pattern, 4, 7)]
    texts = [normalize(text) for expansion in expansions for text in grammar.render(expansion, 7, "train").values()]
    return [mask(text, find_protected(text)[: len(MARKERS)]) for text in texts]


@pytest.fixture(scope="module")
def folder(sentences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("marian")
    write_marian_vocabulary(sentences, 3_000, ["de", "es", "zh"], folder)
    return folder


@pytest.fixture(scope="module")
def marian(folder):
    return MarianPieces(folder)


@pytest.fixture(scope="module")
def theirs(folder):
    from transformers import MarianTokenizer

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return MarianTokenizer(str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json"))


ODD = [
    *"  \t\u3000\u00a0\u200b😀👍🏽ñßüÑ漢字。，“”「」…¿¡—-_▁&<>/\\|@#%^*()[]{}'\"`~+=.,;:!?0123456789ＡＢＣａ１é́ﬁ℃²½",
    *MARKERS[:4],
    "</",
    "s>",
    "<<",
    "的",
    "qz",
]


def hard_strings(sentences, count):
    """Deterministic: shipped messages and sentences, and what becomes of them when they are typed badly."""
    chance = random.Random(2_000)
    files = sorted((ROOT / "data" / "utterances").glob("*.jsonl"))
    messages = [json.loads(line)["text"] for path in files for line in path.open(encoding="utf-8")]
    changes = [
        lambda text: text,
        str.upper,
        normalize,
        lambda text: text[: chance.randrange(len(text) + 1)],
        lambda text: "".join(chance.sample(text, len(text))),
        lambda text: "".join(c + (chance.choice(ODD) if chance.random() < 0.2 else "") for c in text),
        lambda text: "".join(c for c in text if chance.random() > 0.15),
        lambda text: "".join(chance.choice(ODD) for _ in text[:40]),
        lambda text: f"  {text}  {text} ",
        lambda text: text.replace(" ", ""),
    ]
    found = ["", " ", "\n", "…", "?!", "😀", *MARKERS]
    while len(found) < count:
        text = chance.choice(messages if len(found) % 3 else sentences)
        for change in chance.sample(changes, 2):
            text = change(text)
        if not any(piece in text for piece in CONTROL):
            found.append(text)
    return found


def test_transformers_does_not_normalise_here(theirs):
    assert importlib.util.find_spec("sacremoses") is None, "with sacremoses, transformers' tokenizer rewrites punctuation"
    assert theirs.normalize("“a”　…") == "“a”　…"


def test_ids_equal_those_of_transformers_on_2000_hard_strings(sentences, marian, theirs):
    texts = hard_strings(sentences, 2_000)
    assert len(texts) == 2_000
    assert len(set(texts)) > 1_900
    unlike = [text for text in texts if marian.encode(text) != theirs(text).input_ids]
    assert unlike == []
    with_code = [text for text in texts if marian.encode(text, "de") != theirs(">>de<<" + text).input_ids]
    assert with_code == []
    unknown = sum(marian.unknown in marian.encode(text) for text in texts)
    assert 300 < unknown < 1_700  # both kinds were compared


def test_target_ids_equal_those_of_transformers(sentences, marian, theirs):
    texts = hard_strings(sentences, 300)
    assert [text for text in texts if marian.encode_target(text) != theirs(text_target=text).input_ids] == []


def test_decoding_equals_that_of_transformers(sentences, marian, theirs):
    texts = hard_strings(sentences, 1_000)
    chance = random.Random(1)
    codes = {theirs.convert_tokens_to_ids(language_code(language)) for language in marian.languages}
    plain = [i for i in range(len(marian)) if i not in codes]
    rows = [marian.encode(text) for text in texts] + [chance.choices(plain, k=12) for _ in range(1_000)]
    unlike = [ids for ids in rows if marian.decode(ids) != theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)]
    assert unlike == []


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**6))
def test_text_of_known_characters_comes_back(sentences, marian, seed):
    text = random.Random(seed).choice(sentences)
    assert marian.decode(marian.encode_target(text)) == text
    assert marian.decode(marian.encode(text, "zh")) == text
    assert marian.unknown not in marian.encode(text)


@pytest.mark.parametrize("typed", ["</s>", "<pad>", "<unk>", ">>de<<", ">>zh<< hello", "hello </s> you", "</s></s>", "</s><pad>>>es<<"])
def test_control_pieces_typed_by_a_customer_are_text(marian, typed):
    ids = marian.encode(typed, "zh")
    control = [i for i in ids if i in marian._source.control]
    assert control == [ids[0], marian.eos]
    assert ids[-1] == marian.eos
    assert len(ids) > 3
    letters = [c for c in typed if c.isalpha()]
    assert [c for c in marian.decode(ids) if c.isalpha()] == letters


def test_a_code_that_sentencepiece_itself_knows_is_still_text_when_typed(folder, sentences, tmp_path):
    model = train_pieces(sentences, 3_000, "unigram", [*MARKERS, ">>de<<", "<pad>"])  # some published Marian models are made so
    for name in ("source.spm", "target.spm"):
        (tmp_path / name).write_bytes(model)
    (tmp_path / "vocab.json").write_bytes((folder / "vocab.json").read_bytes())
    pieces = MarianPieces(tmp_path)
    assert {">>de<<", "<pad>"} <= set(pieces._source._model.encode("a >>de<< <pad>", out_type=str))
    ids = pieces.encode("a >>de<< <pad>")
    assert [i for i in ids if i in pieces._source.control] == [pieces.eos]
    assert ids.count(pieces.unknown) >= 2


def test_each_marker_is_one_piece(marian):
    ids = [marian.encode(marker) for marker in MARKERS]
    own = {row[-2] for row in ids}
    assert len(own) == len(MARKERS)
    assert marian.unknown not in own
    assert marian.decode(sorted(own)) == "".join(sorted(MARKERS))


def test_the_codes_of_a_model(marian, sentences, tmp_path):
    assert marian.languages == ["de", "es", "zh"]
    assert len(marian) > 1_500
    with pytest.raises(ValueError, match="this model has no code for target 'fr'; it has de, es, zh"):
        marian.encode("hello", "fr")
    write_marian_vocabulary(sentences, 3_000, [], tmp_path)
    single = MarianPieces(tmp_path)
    assert single.languages == []
    assert (single.eos, single.unknown, single.pad) == (0, 1, len(single) - 1)


def test_decoding_leaves_out_control_pieces(marian):
    ids = marian.encode("Hello", "de")
    assert marian.decode([marian.pad, *ids, marian.eos, marian.pad]) == marian.decode(marian.encode("Hello")) == "Hello"
    assert marian.decode([]) == marian.decode([marian.eos]) == ""


CODES = {"de": ">>deu<<", "es": ">>spa<<", "zh": ">>cmn_Hans<<"}
PUBLISHED_PIECES = 4_000  # before `<pad>`
OTHERS = [">>cmn_Hant<<", ">>fra<<", ">>srp_Latn<<"]  # of languages that we do not serve


def published(texts):
    """A SentencePiece model as OPUS-MT's (unigram, nmt_nfkc) to which a fine-tuning has added our markers; and the pieces it came with."""
    model = io.BytesIO()
    options = {"model_writer": model, "vocab_size": 1_500, "hard_vocab_limit": False, "num_threads": 1, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), character_coverage=0.9995, user_defined_symbols=[*MARKERS], **options
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return model.getvalue(), [processor.id_to_piece(i) for i in range(3 + len(MARKERS), processor.get_piece_size())]


def numbered(*pieces):
    """A published vocabulary, `<pad>` last and under the same number in each, and the markers behind it."""
    names = list(dict.fromkeys([EOS, UNKNOWN, *pieces]))
    others = [f"▁other{i}" for i in range(PUBLISHED_PIECES - len(names))]
    return {piece: i for i, piece in enumerate([*names, *others, PAD, *MARKERS])}


@pytest.fixture(scope="module", params=["one vocabulary", "two vocabularies"])
def opus(request, sentences, tmp_path_factory):
    """A fine-tuned checkpoint that came with many language codes: source and target are cut by different models."""
    folder = tmp_path_factory.mktemp("opus")
    (source, source_pieces), (target, target_pieces) = (published(sentences[start:]) for start in (0, len(sentences) // 3))
    (folder / "source.spm").write_bytes(source)
    (folder / "target.spm").write_bytes(target)
    vocabularies = {"vocab.json": numbered(*source_pieces, *target_pieces, *CODES.values(), *OTHERS)}
    if request.param == "two vocabularies":
        vocabularies = {"vocab.json": numbered(*CODES.values(), *source_pieces, *OTHERS), "target_vocab.json": numbered(*target_pieces)}
    for name, ids in vocabularies.items():
        (folder / name).write_text(json.dumps(ids), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def their_opus(opus):
    from transformers import MarianTokenizer

    target = str(opus / "target_vocab.json")
    separate = {"separate_vocabs": True, "target_vocab_file": target} if Path(target).exists() else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        return MarianTokenizer(*(str(opus / name) for name in ("source.spm", "target.spm", "vocab.json")), **separate)


def test_ids_of_a_published_vocabulary_equal_those_of_transformers(sentences, opus, their_opus):
    pieces = MarianPieces(opus, CODES)
    texts = hard_strings(sentences, 1_000)
    assert [text for text in texts if pieces.encode(text) != their_opus(text).input_ids] == []
    assert [text for text in texts if pieces.encode(text, "zh") != their_opus(">>cmn_Hans<<" + text).input_ids] == []
    assert [text for text in texts if pieces.encode_target(text) != their_opus(text_target=text).input_ids] == []
    written = [pieces.encode_target(text) for text in texts]
    assert [pieces.encode(text) for text in texts] != written, "source and target are cut differently"
    assert 100 < sum(pieces.unknown in ids for ids in written) < 900
    chance, codes = random.Random(3), [i for piece, i in their_opus.get_vocab().items() if piece.startswith(">>")]
    rows = written + [
        [i for i in chance.choices(range(PUBLISHED_PIECES + 1 + len(MARKERS)), k=12) if i not in codes] for _ in range(300)
    ]  # copied names are source pieces
    theirs = [their_opus.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) for ids in rows]
    assert [pieces.decode(ids) for ids in rows] == theirs


def test_markers_come_back_whole(opus):
    pieces = MarianPieces(opus)
    first, second = (pieces.id_of(marker) for marker in MARKERS[:2])
    assert pieces.pad < first < second < len(pieces)
    for text in (f"send {MARKERS[0]} to {MARKERS[1]}.", f"{MARKERS[0]}{MARKERS[1]}"):
        assert [i for i in pieces.encode(text) if i in (first, second)] == [first, second]
        assert pieces.decode(pieces.encode_target(text)) == text


def test_codes_are_named_by_the_checkpoint(opus):
    pieces = MarianPieces(opus, CODES)
    assert pieces.languages == ["de", "es", "zh"]
    assert pieces.codes == sorted(pieces.id_of(piece) for piece in CODES.values())
    assert pieces.encode("today", "zh") == [pieces.id_of(">>cmn_Hans<<"), *pieces.encode("today")]
    assert MarianPieces(opus, {}).languages == []
    assert MarianPieces(opus).languages == ["cmn_Hans", "cmn_Hant", "deu", "fra", "spa", "srp_Latn"]
    with pytest.raises(ValueError, match="this model has no code for target 'fra'; it has de, es, zh"):
        pieces.encode("today", "fra")
    with pytest.raises(ValueError, match=r"opus\d: its vocabulary has no language code >>jpn<<, ▁the$"):
        MarianPieces(opus, {"de": ">>deu<<", "ja": ">>jpn<<", "en": "▁the"})


@pytest.mark.parametrize("codes", [None, {}, CODES])
def test_no_code_of_a_published_vocabulary_can_be_typed(opus, codes):
    pieces = MarianPieces(opus, codes)
    control = {pieces.eos, pieces.pad, *(pieces.id_of(piece) for piece in [*CODES.values(), *OTHERS])}
    for typed in [*CODES.values(), *OTHERS, EOS, PAD, f"{EOS} {PAD}{OTHERS[0]} today"]:
        assert [i for i in pieces.encode(typed) if i in control] == [pieces.eos]
        assert len(pieces.encode(typed)) > 2


def test_what_no_piece_has_is_left_out_in_decoding(opus):
    """An embedding may have more rows than the vocabulary has pieces."""
    pieces = MarianPieces(opus)
    ids = pieces.encode_target("today")
    assert pieces.decode([*ids, pieces.sizes[1], 10**6]) == pieces.decode(ids) == "today"


def test_sizes_are_those_of_source_and_target(opus, tmp_path):
    source, target = MarianPieces(opus).sizes
    own = opus / "target_vocab.json"
    assert source == len(json.loads((opus / "vocab.json").read_text()))
    assert target == source
    if own.exists():
        ids = json.loads(own.read_text())
        ids["▁another"] = len(ids)
        changed = Path(shutil.copytree(opus, tmp_path / "opus"))
        (changed / own.name).write_text(json.dumps(ids))
        assert MarianPieces(changed).sizes == (source, source + 1)


@pytest.fixture(scope="module")
def xlmr(sentences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("xlmr")
    size = write_xlmr_vocabulary(sentences, 3_000, folder)
    pieces = XlmrPieces(folder, 24)
    assert len(pieces) == size
    return pieces


BEGIN, XLMR_PAD, END, XLMR_UNKNOWN = 0, 1, 2, 3  # XLM-R's own numbers


def inner(xlmr, text):
    ids = xlmr.encode(text)
    assert (ids[0], ids[-1]) == (BEGIN, END)
    return ids[1:-1]


@pytest.mark.parametrize("typed", ["<s>", "</s>", "<pad>", "＜s＞", "</S>", "a </s> b", "<s></s>"])
def test_control_pieces_typed_to_the_classifier_are_text(xlmr, typed):
    ids = inner(xlmr, typed)
    assert not {BEGIN, XLMR_PAD, END} & set(ids)
    assert len(ids) > 0
    assert xlmr.encode("hello", [Turn(role="agent", text=typed)]).count(END) == 2


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=4))
def test_no_text_writes_a_control_piece_or_goes_over_the_limit(xlmr, text, turns):
    ids = xlmr.encode(text, [Turn(role="customer", text=turn) for turn in turns])
    assert len(ids) <= 24
    assert ids[0] == BEGIN
    assert ids[-1] == END
    assert BEGIN not in ids[1:]
    assert XLMR_PAD not in ids
    assert 1 <= ids.count(END) <= 1 + len(turns)


def test_history_comes_newest_first(xlmr):
    turns = [Turn(role="customer", text="pump"), Turn(role="agent", text="motor"), Turn(role="customer", text="today")]
    expected = [BEGIN, *inner(xlmr, "order"), END]
    for text in ("today", "motor", "pump"):
        expected += [*inner(xlmr, text), END]
    assert len(expected) <= 24
    assert xlmr.encode("order", turns) == expected
    assert xlmr.encode("order") == [BEGIN, *inner(xlmr, "order"), END]


def test_a_long_message_keeps_its_beginning_and_has_no_history(xlmr, tmp_path_factory):
    text = "please send the order today and " * 20
    ids = xlmr.encode(text, [Turn(role="agent", text="no")])
    assert len(ids) == 24
    assert ids[1:-1] == inner(xlmr, text) == xlmr._pieces(xlmr._likeliest(text))[:22]


def test_turns_are_kept_whole_up_to_the_first_that_does_not_fit(xlmr):
    long = Turn(role="agent", text="please send the order today and tomorrow and next week and then some more")
    short = Turn(role="customer", text="pump")
    assert len(inner(xlmr, long.text)) > 12
    message = [BEGIN, *inner(xlmr, "please send the order today to us"), END]
    kept = [*inner(xlmr, "pump"), END]
    assert xlmr.encode("please send the order today to us", [short, long, short]) == [*message, *kept]  # the older short one is not kept
    assert xlmr.encode("please send the order today to us", [short, short]) == [*message, *kept, *kept]


def test_a_turn_that_fits_exactly_is_kept(xlmr):
    message = inner(xlmr, "pump")
    turn = "please send the order"
    room = len(message) + 2 + len(inner(xlmr, turn)) + 1
    for limit, kept in ((room, True), (room - 1, False)):
        xlmr.max_pieces, before = limit, xlmr.max_pieces
        assert (len(xlmr.encode("pump", [Turn(role="agent", text=turn)])) == room) == kept
        xlmr.max_pieces = before


def test_an_unknown_character_is_the_unknown_piece(xlmr):
    assert XLMR_UNKNOWN in inner(xlmr, "ሰላም")


def bert_tokenizer(texts):
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizer

    trained = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    trained.train_from_iterator(texts, vocab_size=2_000, min_frequency=2, limit_alphabet=500, show_progress=False)
    return BertTokenizer(vocab=trained.get_vocab(), do_lower_case=False)


def roberta_tokenizer(texts):
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaTokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(texts, 2_000, 2, False, ["<s>", PAD, EOS, UNKNOWN, "<mask>"])
    model = json.loads(trained.to_str())["model"]
    return RobertaTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])


def xlmr_tokenizer(texts):
    from transformers import XLMRobertaTokenizer

    model, pieces = published(texts)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    learned = [(piece, processor.get_score(processor.piece_to_id(piece))) for piece in pieces]
    return XLMRobertaTokenizer(vocab=[("<s>", 0.0), (PAD, 0.0), (EOS, 0.0), (UNKNOWN, 0.0), *learned, ("<mask>", 0.0)])


TOKENIZERS = {"bert": bert_tokenizer, "roberta": roberta_tokenizer, "xlmr": xlmr_tokenizer}
BERT_CONTROL = ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")


@pytest.fixture(scope="module", params=TOKENIZERS)
def encoder(request, sentences, tmp_path_factory):
    """The pieces of an encoder as transformers writes it, with limits of its own; and transformers' tokenizer of that folder."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp(request.param)
    TOKENIZERS[request.param](sentences).save_pretrained(folder)
    pieces = XlmrPieces(folder, 10_000)
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["truncation"] = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0}
    content["padding"]["pad_token"] = "[PAD]"
    theirs = AutoTokenizer.from_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    limited = XlmrPieces(folder, 10_000)
    assert limited.encode("pump " * 30) == pieces.encode("pump " * 30)
    return limited, theirs


def test_ids_of_an_encoder_equal_those_of_transformers_on_1000_hard_strings(sentences, encoder):
    pieces, theirs = encoder
    texts = [text for text in hard_strings(sentences, 1_000) if not any(piece in text for piece in BERT_CONTROL)]
    assert len(texts) > 990
    assert [text for text in texts if pieces.encode(text) != theirs(text).input_ids] == []
    assert len(pieces) == len(theirs)
    assert (pieces.pad, pieces.unknown) == (theirs.pad_token_id, theirs.unk_token_id)
    assert pieces.control == {*theirs.all_special_ids} - {theirs.unk_token_id}


def test_no_special_piece_of_an_encoder_can_be_typed(encoder):
    pieces, theirs = encoder
    begin, end = theirs("").input_ids
    for typed in [*BERT_CONTROL, *CONTROL[:5], "a </s> b [SEP] c", "<mask>[MASK]"]:
        ids = pieces.encode(typed)
        assert [i for i in ids if i in pieces.control] == [begin, end]
        assert len(ids) > 2
        assert pieces.encode("a", [Turn(role="agent", text=typed)]).count(end) == 2


def test_an_encoder_reads_earlier_turns_behind_the_message(encoder):
    pieces, theirs = encoder
    parts = [theirs(text).input_ids for text in ("order", "today", "pump")]
    turns = [Turn(role="customer", text="pump"), Turn(role="agent", text="today")]
    assert pieces.encode("order", turns) == [*parts[0], *parts[1][1:], *parts[2][1:]]


def test_a_tokenizer_with_other_special_pieces_is_refused(tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"<bos>": 0, "[UNK]": 1}, "[UNK]")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match=r"tokenizer.json has neither the pieces <s>, </s>, <pad>, <unk> nor \[CLS\], \[SEP\], "):
        XlmrPieces(tmp_path, 8)
