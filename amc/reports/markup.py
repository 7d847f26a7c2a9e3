"""HTML that cannot be broken by what stands in it: everything is text unless `element` made it.

Its doors are `element` and `joined`.
"""

import html
from collections.abc import Iterable

_VOID = frozenset({"br", "hr", "img", "meta", "source"})


class Markup(str):
    """Text that is HTML already; only this module and the figures make it."""

    __slots__ = ()


def escaped(content: object) -> Markup:
    """Anything as HTML: what is HTML stays, all else is text."""
    return content if isinstance(content, Markup) else Markup(html.escape(str(content)))


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after another."""
    return Markup("".join(map(escaped, parts)))


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """One element.

    Args:
        tag: its name.
        content: texts, which are escaped, and other elements.
        attributes: a trailing underscore is left out and others become dashes (`class_`,
            `aria_label`); True is an attribute without a value, None or False none.
    """
    written = "".join(
        f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
        for name, value in (
            (name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items()
        )
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(content)}</{tag}>")
