"""Text without secrets: what a person may hand to strangers. Its door is `Redaction`."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

SHOWN = "***"
_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTH|COOKIE|DSN", re.IGNORECASE
)
# user:password@ of any URL; the password may hold what should have been written as %40 and so on.
_IN_URL = re.compile(r"(?<=://)([^\s/@:\"']{0,100}):([^\s\"']{0,300})@")
# From a word's beginning, and bounded: a long line must not be gone through again and again.
_ASSIGNED = re.compile(
    r"(?P<name>(?<![\w.-])[\w.-]{0,40}?"
    r"(?:api_?key|access_?key|private_?key|token|secret|passw(?:or)?d|passphrase)"
    r"[\w.-]{0,40})(?P<between>[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"'&,;}\]]+)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
# Shorter than this, a value stands everywhere by chance, and keeps nothing secret.
_SHORTEST = 6


class Redaction:
    """Takes secrets out of texts.

    Args:
        environ: variables whose names tell that they are secret lose their values wherever these
            stand; passwords in URLs that others hold, too.
        secrets: further values that nobody may see.
    """

    def __init__(self, environ: Mapping[str, str], secrets: Iterable[str] = ()) -> None:
        named = [value for name, value in environ.items() if is_secret(name)]
        values = {*named, *secrets, *_passwords(environ.values())}
        kept = {value.strip() for value in values if len(value.strip()) >= _SHORTEST}
        # The longest first: one may be a part of another.
        self._values = sorted(kept, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for value in self._values:
            text = text.replace(value, SHOWN)
        text = _IN_URL.sub(rf"\1:{SHOWN}@", text)
        text = _HEADER.sub(rf"\1 {SHOWN}", text)
        return _ASSIGNED.sub(rf"\g<name>\g<between>{SHOWN}", text)


def is_secret(name: str) -> bool:
    """Whether the name of a variable tells that its value is secret."""
    return _SECRET_NAME.search(name) is not None


def _passwords(texts: Iterable[str]) -> set[str]:
    found = set[str]()
    for text in texts:
        for match in _IN_URL.finditer(text):
            found |= {match[2], unquote(match[2])}
        try:
            found.add(urlsplit(text).password or "")
        except ValueError:
            continue
    return found
