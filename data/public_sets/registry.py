"""The public data sets that can be prepared: what they are, who may use them how, and where their files lie.

Addresses name a commit, so that what they give does not change, and every file has a checksum. At these commits copies of the
repositories hold files with these checksums; the addresses themselves could not be tried where this was written, without internet.

Not covered: TICO-19's term lists, WMT-Chat's validation and test parts, Multi30k's later test sets.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from data.public_sets.reading import Reader, chat, conversations, dialogues, labelled, messages, parallel

GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Input:
    """One file of a set.

    Attributes:
        name: what it is called here, without `.gz`.
        path: where it lies in the set's repository.
        sha256: of the content, unpacked where the file is gzip: copies packed by others have other bytes.
    """

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class PublicSet:
    """A public data set.

    Attributes:
        name: of the set and of its folder.
        what: it holds.
        size: per part.
        licence: as its publisher states it.
        measure_only: neither the text nor weights trained on it may be passed on.
        repository: of its publisher, `OWNER/NAME`.
        commit: the version taken.
        inputs: its files.
        parts: part -> the readers that give its records.
        host: that serves the repository's files.
        of: the set whose files it is made of; "": it has files of its own.
    """

    name: str
    what: str
    size: str
    licence: str
    measure_only: bool
    repository: str
    commit: str
    inputs: tuple[Input, ...]
    parts: Mapping[str, tuple[Reader, ...]]
    host: str = GITHUB
    of: str = ""

    @property
    def folder(self) -> str:
        """The folder of its files, where folders are called by the sets."""
        return self.of or self.name

    def address(self, item: Input) -> str:
        """Where a file can be downloaded."""
        return f"{self.host}/{self.repository}/{self.commit}/{item.path}"

    @property
    def terms_of_use(self) -> str:
        """The licence, and what it means for those who measure with the set."""
        warning = ", measure only: commit neither its text nor weights trained on it" if self.measure_only else ""
        return f"licence: {self.licence}{warning}"


def find_set(name: str) -> PublicSet:
    """A set by its name.

    Raises:
        ValueError: there is none; the message names the nearest, or all.
    """
    if name.lower() in SETS:
        return SETS[name.lower()]
    near = difflib.get_close_matches(name.lower(), SETS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"valid: {', '.join(SETS)}"
    raise ValueError(f"public data set {name!r} is not known; {hint}")


_CHAT_EN_DE = Input("train.en-de.csv", "train/en-de.csv", "6e2aea8032a95efa297ff0ca6ab09dd85c6ebc1947ebae0cba622a599d18675e")
_ALL = (
    PublicSet(
        name="wmt-chat-2024",
        what="real customer-support chat, en with de, fr, ko, nl, pt",
        size="de 17,805, fr 15,026, ko 16,122, nl 15,463, pt 15,092 messages",
        licence="CC BY-NC 4.0",
        measure_only=True,
        repository="WMT-Chat-task/chat-task-2024-data",
        commit="12a34149267dd9ae98e60e0ec2e415707fad5618",
        inputs=(
            _CHAT_EN_DE,
            Input("train.en-fr.csv", "train/en-fr.csv", "eff96c25a2b5b5fc436ab85d573d4b2186fb8354a31763445c02e1cc80cc76ad"),
            Input("train.en-ko.csv", "train/en-ko.csv", "95110dfe3aa6a36a592293a68346a06695fb4d1fc3faaa317f8b1575e37a047d"),
            Input("train.en-nl.csv", "train/en-nl.csv", "99fac634c9ca8520994dd1900c7b7c8ee55a9eea072ca2aa38bb675a9b18769c"),
            Input("train.en-pt.csv", "train/en-pt.csv", "6f98e5e8ef95c6acde0424b8f49efbc7419afd3ee2b5bbe0ce1c170cddaff9d8"),
        ),
        parts={
            "train": (
                chat("train.en-de.csv"),
                chat("train.en-fr.csv"),
                chat("train.en-ko.csv"),
                chat("train.en-nl.csv"),
                chat("train.en-pt.csv"),
            ),
        },
    ),
    PublicSet(
        name="wmt-chat-en-de",
        what="the en-de messages of wmt-chat-2024, whole conversations held out",
        size="14,909 + 653 + 2,243 messages",
        licence="CC BY-NC 4.0",
        measure_only=True,
        repository="WMT-Chat-task/chat-task-2024-data",
        commit="12a34149267dd9ae98e60e0ec2e415707fad5618",
        inputs=(_CHAT_EN_DE,),
        parts={part: (conversations(chat("train.en-de.csv"), part),) for part in ("train", "validation", "test")},
        of="wmt-chat-2024",
    ),
    PublicSet(
        name="bcontrast",
        what="task dialogues, agents' (en) and customers' (de) turns",
        size="13,845 + 1,902 turns",
        licence="CC BY-SA 4.0",
        measure_only=False,
        repository="Unbabel/BConTrasT",
        commit="96f33050c704eea1c10da6e8effcfb5495539e74",
        inputs=(
            Input("train.json", "train.json", "9bfef7e7f7cf4f80dd766ed1396e80e5b3535b71bc8052e0b9adcbf753f40a4d"),
            Input("dev.json", "dev.json", "b4b001dd093b5b1719d83bd2b6ad367bb7ed2c2793feb4ce751c3d1ff4485f72"),
        ),
        parts={
            "train": (dialogues("train.json"),),
            "validation": (dialogues("dev.json"),),
        },
    ),
    PublicSet(
        name="multi30k",
        what="captions of pictures, en-de-fr-cs",
        size="29,000 + 1,014 + 1,000 captions",
        licence="none stated",
        measure_only=True,
        repository="multi30k/dataset",
        commit="a3d2e0d26b56f3846f66a952536ffed4e401d05a",
        inputs=(
            Input("train.en", "data/task1/raw/train.en.gz", "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
            Input("train.de", "data/task1/raw/train.de.gz", "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
            Input("train.fr", "data/task1/raw/train.fr.gz", "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d"),
            Input("train.cs", "data/task1/raw/train.cs.gz", "2be68b38c8d586ff4f54eb13cc6e1baaaa053695b3f070d3038303a47f2268da"),
            Input("val.en", "data/task1/raw/val.en.gz", "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
            Input("val.de", "data/task1/raw/val.de.gz", "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
            Input("val.fr", "data/task1/raw/val.fr.gz", "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc"),
            Input("val.cs", "data/task1/raw/val.cs.gz", "d53827e469b0a1ca8d57e9e26b2b64c4bc4b33f5479c7b03ae87ae5c882c3e33"),
            Input(
                "test_2016_flickr.en",
                "data/task1/raw/test_2016_flickr.en.gz",
                "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
            ),
            Input(
                "test_2016_flickr.de",
                "data/task1/raw/test_2016_flickr.de.gz",
                "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
            ),
            Input(
                "test_2016_flickr.fr",
                "data/task1/raw/test_2016_flickr.fr.gz",
                "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
            ),
            Input(
                "test_2016_flickr.cs",
                "data/task1/raw/test_2016_flickr.cs.gz",
                "45adb85f688de8407fddcbe1b36dca15d12aab868149b337e2576f2d6d2ff8d8",
            ),
        ),
        parts={
            "train": (parallel("train"),),
            "validation": (parallel("val"),),
            "test": (parallel("test_2016_flickr"),),
        },
    ),
    PublicSet(
        name="tico19",
        what="translation memories on COVID-19, en with zh, es-419, fr",
        size="3 x 3,071 units",
        licence="CC0 1.0",
        measure_only=False,
        repository="tico-19/tico-19.github.io",
        commit="d97615f9cffa28ec7de571e00fbd513e5a1c7fc7",
        inputs=(
            Input("all.en-zh.tmx", "data/TM/all.en-zh.tmx", "9a93a72c987d882c7fd298aac47692743cc0df7496e41a521bf191d47889c303"),
            Input("all.en-es-419.tmx", "data/TM/all.en-es-419.tmx", "2fd45e476e65eb1828fda1f51ce8b9057e7d549840316957b48919ce431928de"),
            Input("all.en-fr.tmx", "data/TM/all.en-fr.tmx", "8bf9344e724ca68fdda2a725c3ba127df5e3f77f2dc7de1f9bcfc0abd7feed70"),
        ),
        parts={
            "test": (
                parallel("all.en-zh.tmx"),
                parallel("all.en-es-419.tmx"),
                parallel("all.en-fr.tmx"),
            ),
        },
    ),
    PublicSet(
        name="ntrex",
        what="general news, en-zh-de-es-fr-ja",
        size="1,997 sentences",
        licence="CC BY-SA 4.0",
        measure_only=False,
        repository="MicrosoftTranslator/NTREX",
        commit="8561f6a622db9edad1217683e5c83daefd8bb2bf",
        inputs=(
            Input(
                "newstest2019-src.eng.txt",
                "NTREX-128/newstest2019-src.eng.txt",
                "389e8f5796c66db4f646dfad33e1ec622d74767af5ef112b42a1f2cd814df3cc",
            ),
            Input(
                "newstest2019-ref.zho-CN.txt",
                "NTREX-128/newstest2019-ref.zho-CN.txt",
                "8bcd6f0868d33f26c8da12f55a82f66088a7b60a5f7b0b1a99dcec51daa8054a",
            ),
            Input(
                "newstest2019-ref.deu.txt",
                "NTREX-128/newstest2019-ref.deu.txt",
                "259d7406a07b63e6b5b9c4a22fb76b85e2578a3fa0a4e541a50f4f7348e5c1b2",
            ),
            Input(
                "newstest2019-ref.spa.txt",
                "NTREX-128/newstest2019-ref.spa.txt",
                "0ad8129e5ce0bea86ba7e0ea0db0504d6626b8a4d2a7cf4c44b7791c70e99b84",
            ),
            Input(
                "newstest2019-ref.fra.txt",
                "NTREX-128/newstest2019-ref.fra.txt",
                "1dd80d337f6a75c6ed579a95f09ca9b85d87d6e488d0a428c5f89cca99553136",
            ),
            Input(
                "newstest2019-ref.jpn.txt",
                "NTREX-128/newstest2019-ref.jpn.txt",
                "4debd275d04414b71c95bad5f68e7275174e32a4ed33ece1b9a43a227aea2fca",
            ),
        ),
        parts={
            "test": (parallel("newstest2019"),),
        },
    ),
    PublicSet(
        name="clinc150",
        what="messages of 150 intents and out of scope, en",
        size="15,100 + 3,100 + 5,500 messages",
        licence="CC BY 3.0",
        measure_only=False,
        repository="clinc/oos-eval",
        commit="828f8093932c8fe6ca7936c3d2e52903b1c523de",
        inputs=(Input("data_full.json", "data/data_full.json", "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0"),),
        parts={
            "train": (
                labelled("data_full.json", "train"),
                labelled("data_full.json", "oos_train"),
            ),
            "validation": (
                labelled("data_full.json", "val"),
                labelled("data_full.json", "oos_val"),
            ),
            "test": (
                labelled("data_full.json", "test"),
                labelled("data_full.json", "oos_test"),
            ),
        },
    ),
    PublicSet(
        name="banking77",
        what="messages to a bank, 77 intents, en",
        size="10,003 + 3,080 messages",
        licence="CC BY 4.0",
        measure_only=False,
        repository="PolyAI-LDN/task-specific-datasets",
        commit="57ec275d8078af65b7731c2a98be812d844a6d6b",
        inputs=(
            Input("train.csv", "banking_data/train.csv", "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b"),
            Input("test.csv", "banking_data/test.csv", "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d"),
        ),
        parts={
            "train": (messages("train.csv", "text", "category"),),
            "test": (messages("test.csv", "text", "category"),),
        },
    ),
    PublicSet(
        name="bitext",
        what="messages to customer service, 27 intents, made from templates, en",
        size="6,480 + 810 + 810 messages",
        licence="CDLA-Sharing 1.0",
        measure_only=False,
        repository="bitext/customer-support-intent-detection-training-dataset",
        commit="e970229e6473109417301b5edddb283917a10aac",
        inputs=(
            Input(
                "train.csv",
                "data/train/Bitext_Sample_Customer_Service_Training_Dataset.csv",
                "4360971d9ed1884ddc3480b66b50bd3a0ee4b0f5726d1baff6025c69fb854f07",
            ),
            Input(
                "dev.csv",
                "data/dev/Bitext_Sample_Customer_Service_Validation_Dataset.csv",
                "d8bb2011de49a2fd7c12cf0c520e26cc266c8e28501906554a5e22a93e79d177",
            ),
            Input(
                "test.csv",
                "data/test/Bitext_Sample_Customer_Service_Testing_Dataset.csv",
                "e5b8984f88ff4e032dec929c93ab15e8165b439056cce665959a386fc14d06d5",
            ),
        ),
        parts={
            "train": (messages("train.csv", "utterance", "intent"),),
            "validation": (messages("dev.csv", "utterance", "intent"),),
            "test": (messages("test.csv", "utterance", "intent"),),
        },
    ),
)
SETS = {public.name: public for public in _ALL}
