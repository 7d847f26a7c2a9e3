"""A figure as SVG inside a page: in the page's colors, with texts that are texts, and small.

Its door is `inline`.
"""

import io
import re

from matplotlib import rc_context
from matplotlib.figure import Figure

from amc.reports.figures import canvas
from amc.reports.markup import Markup, element

_PAGE_COLORS = {
    canvas.INK: "currentColor",
    canvas.MUTED: "var(--muted)",
    canvas.LINE: "var(--line)",
    "white": "var(--page)",
    "#ffffff": "var(--page)",
}
_GROUP_ID = re.compile(r'<g id="[^"]*"')
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ATTRIBUTE = re.compile(r' (d|x|y|width|height|transform|points)="([^"]*)"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_SIZE = re.compile(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', re.DOTALL)
# Texts inherit the page's font.
_FONT = re.compile(r" font-family: [^;\"]*;?")
_POINT_PIXELS = 4 / 3


def inline(figure: Figure, *, name: str, alt: str) -> Markup:
    """The `<svg>` of a figure.

    Args:
        figure: any.
        name: unlike that of another figure on the page, since ids must be.
        alt: what it shows, for who does not see it.
    """
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, dpi=canvas.PIXELS)
    text = file.getvalue()
    size = _SIZE.search(text)
    assert size is not None, "matplotlib writes the size of every SVG"
    body = _small(text[size.end() : text.rindex("</svg>")])
    for color, of_page in _PAGE_COLORS.items():
        body = body.replace(f": {color}", f": {of_page}")
    return Markup(
        element(
            "svg",
            element("title", alt),
            Markup(body),
            role="img",
            viewBox=f"0 0 {size[1]} {size[2]}",
            style=f"max-width: {float(size[1]) * _POINT_PIXELS:.0f}px",
            xmlns="http://www.w3.org/2000/svg",
        )
    )


def _small(body: str) -> str:
    body = _COMMENT.sub("", _METADATA.sub("", body))
    body = _GROUP_ID.sub("<g", body)
    # A hundredth of a point is seen by nobody. Numbers that are written as text are left alone.
    body = _ATTRIBUTE.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), body)
    body = _FONT.sub("", body)
    return re.sub(r"\n\s*", "\n", body)
