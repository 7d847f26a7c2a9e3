"""Figures inside a page."""

import re
from xml.etree import ElementTree

from amc.reports import svg
from amc.reports.figures import canvas


def drawn(**labels: str) -> canvas.Picture:
    picture = canvas.Picture()
    axes = picture.add_subplot()
    canvas.dress(axes, **labels)
    axes.plot([0, 1], [0.00123456, 0.00234567])
    return picture


def test_it_takes_the_page_s_colors_and_font():
    text = svg.inline(drawn(), name="one", alt="a line")

    assert "currentColor" in text
    assert "var(--line)" in text
    assert "font-family" not in text
    for color in (canvas.INK, canvas.MUTED, canvas.LINE):
        assert color not in text


def test_it_is_told_to_who_does_not_see_it():
    text = svg.inline(drawn(), name="one", alt="<a> line")

    root = ElementTree.fromstring(text.replace("xlink:", ""))
    assert root.get("role") == "img"
    assert root[0].text == "<a> line"


def test_texts_are_texts_with_all_of_their_digits():
    text = svg.inline(drawn(x="0.123456789 <steps>"), name="one", alt="")

    assert ">0.123456789 &lt;steps&gt;<" in text


def test_coordinates_have_two_decimals():
    text = svg.inline(drawn(), name="one", alt="")

    paths = re.findall(r' d="([^"]*)"', text)
    assert paths
    assert not re.search(r"\.\d{3}", " ".join(paths))


def test_two_figures_on_a_page_share_no_id():
    ids = [
        set(re.findall(r'\bid="([^"]+)"', svg.inline(drawn(), name=name, alt="")))
        for name in ("one", "two")
    ]

    assert ids[0] and ids[1]
    assert not ids[0] & ids[1]
