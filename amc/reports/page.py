"""The report: one HTML file that needs nothing else, not even a network.

Its doors are `page` and `document`.

It holds no script, and says so to the browser: what is written in a config or in an error can at
most be read.
"""

import base64
import time
from collections.abc import Iterable
from pathlib import Path

from amc.reports import wording
from amc.reports.chapters import chapters, section
from amc.reports.headline import header
from amc.reports.markup import Markup, element, joined
from amc.reports.material import Material
from amc.reports.reproduction import reproduction
from amc.version import VERSION

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
_STYLE = Path(__file__).with_name("report.css")


def page(material: Material, *, film: bytes | None = None, now: float | None = None) -> str:
    """The report of an experiment.

    Args:
        material: what was gathered of it.
        film: an MP4 file of its agent; None leaves the film out.
        now: Unix time, for the footer; this machine's if None.
    """
    sections = [*chapters(material), reproduction(material)]
    if film:
        sections.insert(2, _film(film))  # after the scores and curves, beside what mattered
    return document(f"{material.id}: report", header(material), sections, now=now)


def document(
    title: str, header: Markup, sections: Iterable[Markup], *, now: float | None = None
) -> str:
    """A whole page.

    Args:
        title: as a browser's tab shows it.
        header: what is read first.
        sections: the rest.
        now: Unix time, for the footer; this machine's if None.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )
    main = element("main", element("div", joined(sections), class_="figures"))
    made = f"Made by amc {VERSION}, {wording.moment(time.time() if now is None else now)}."
    body = element("body", header, main, element("footer", made))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _film(film: bytes) -> Markup:
    source = f"data:video/mp4;base64,{base64.b64encode(film).decode()}"
    video = element(
        "video",
        "This browser plays no MP4.",
        src=source,
        controls=True,
        loop=True,
        preload="metadata",
        aria_label="A film of the winner's agent",
    )
    return section("The agent", "film", element("figure", video))
