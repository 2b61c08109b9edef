import re

import pytest

from data.public_sets.registry import SETS, find_set


def test_there_are_nine_sets_and_three_to_measure_with_only():
    assert list(SETS) == ["wmt-chat-2024", "wmt-chat-en-de", "bcontrast", "multi30k", "tico19", "ntrex", "clinc150", "banking77", "bitext"]
    assert [public.name for public in SETS.values() if public.measure_only] == ["wmt-chat-2024", "wmt-chat-en-de", "multi30k"]


def test_every_file_has_an_address_of_its_own_and_a_checksum():
    items = [(public, item) for public in SETS.values() if not public.of for item in public.inputs]
    assert len(items) == 34
    pinned = re.compile(r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{40}/[^?#\s]+")
    assert all(pinned.fullmatch(public.address(item)) for public, item in items)
    assert len({public.address(item) for public, item in items}) == len({item.sha256 for _, item in items}) == 34
    assert all(re.fullmatch("[0-9a-f]{64}", item.sha256) for _, item in items)


def test_a_set_made_of_anothers_files_takes_them_from_there():
    (made,) = [public for public in SETS.values() if public.of]
    assert (made.name, made.folder, find_set("bcontrast").folder) == ("wmt-chat-en-de", "wmt-chat-2024", "bcontrast")
    whole = SETS[made.of]
    assert set(made.inputs) <= set(whole.inputs)
    assert [(s.licence, s.measure_only, s.repository, s.commit) for s in (made, whole)] == [
        ("CC BY-NC 4.0", True, "WMT-Chat-task/chat-task-2024-data", "12a34149267dd9ae98e60e0ec2e415707fad5618")
    ] * 2


def test_an_address_is_the_publishers():
    public = find_set("Banking77")
    assert public.address(public.inputs[0]) == (
        "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/57ec275d8078af65b7731c2a98be812d844a6d6b/banking_data/train.csv"
    )


def test_terms_of_use_say_what_must_not_be_committed():
    assert find_set("ntrex").terms_of_use == "licence: CC BY-SA 4.0"
    assert find_set("multi30k").terms_of_use == ("licence: none stated, measure only: commit neither its text nor weights trained on it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WMT-Chat", "public data set 'WMT-Chat' is not known; did you mean wmt-chat-2024?"),
        (
            "squad",
            "public data set 'squad' is not known; valid: "
            "wmt-chat-2024, wmt-chat-en-de, bcontrast, multi30k, tico19, ntrex, clinc150, banking77, bitext",
        ),
    ],
)
def test_an_unknown_set_gets_the_valid_names(name, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        find_set(name)
