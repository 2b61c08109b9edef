from configs.schema import ROOT
from data.counts import tables


def test_the_readme_states_what_there_is():
    assert tables() in (ROOT / "data/README.md").read_text(encoding="utf-8")
