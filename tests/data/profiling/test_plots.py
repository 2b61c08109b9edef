from xml.etree import ElementTree

from data.profiling.plots import histogram, share_bar


def parsed(text):
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


BARS = [{"from": 0, "to": 10, "count": 5}, {"from": 10, "to": 20, "count": 0}, {"from": 20, "to": None, "count": 1_000}]


def test_a_histogram_is_well_formed_and_says_what_it_shows():
    figure = parsed(histogram(BARS, "en: <characters>", "characters"))
    svg = figure.find("svg")
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Histogram, en: <characters>. Most of 1,005: 20 characters and more, 1,000."
    assert figure.findtext("figcaption") == "en: <characters>"
    assert [bar.findtext("title") for bar in svg.iter("rect")] == [
        "0 to below 10 characters: 5",
        "10 to below 20 characters: 0",
        "20 characters and more: 1,000",
    ]


def test_heights_follow_the_counts_and_few_are_still_seen():
    heights = [float(bar.get("height")) for bar in parsed(histogram(BARS, "x", "y")).iter("rect")]
    assert heights == [1.0, 0.0, 124.0]


def test_the_numbers_stand_beside_the_plot():
    rows = parsed(histogram(BARS, "x", "words")).findall("details/table/tbody/tr")
    assert [(row.findtext("th"), row.findtext("td")) for row in rows] == [("0 to below 10 words", "5"), ("20 words and more", "1,000")]


def test_a_share_is_a_bar_that_no_screen_reader_reads():
    bar = parsed(share_bar(0.25))
    assert (bar.get("aria-hidden"), bar.find("rect").get("width")) == ("true", "25.0")
    assert parsed(share_bar(7)).find("rect").get("width") == "100.0"
