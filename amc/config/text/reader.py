"""JSON with comments and trailing commas, read with the place of every key and value.

Its door is `read`. It takes `//` and `/* */` comments and a comma after the last element, and
nothing else beyond RFC 8259: no NaN, no infinity, no half of a surrogate pair, no key given twice
(escapes decoded first). It must not know what a config means.
"""

import math
import os
import re
import stat
from json import JSONDecodeError, JSONDecoder
from typing import Any

from amc.config.text.document import Document, Path, Place, Problem, Text
from amc.errors import ConfigError

SIZE_LIMIT = 2**20
DEPTH_LIMIT = 256
# Each costs some microseconds to read and to check, and a sentence if it is wrong.
VALUES_LIMIT = 10_000

# Not possessive as a whole: CPython 3.11.2 then skips a comment without an end, and all behind it.
_SPACE = re.compile(r"(?:[ \t\n\r]++|//[^\n]*+|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?![\w.+-])")
_NOT_FINITE = re.compile(r"-?(?:NaN|Infinity)\b")
_WORD = re.compile(r"[^\s,:\[\]{}\"]*")
_STRINGS = JSONDecoder()
_CONSTANTS = {"true": True, "false": False, "null": None}
_PYTHON_CONSTANTS = {"True": "true", "False": "false", "None": "null"}
_YAML = re.compile(r"(?:---|[A-Za-z_][\w-]*[ \t]*:(?:\s|$))")


def read(path: str | os.PathLike[str]) -> Document:
    """Read a file.

    Raises:
        ConfigError: the file cannot be read, or its text is not JSON. (Single values that are wrong
            in themselves are in the document's `faults`.)
    """
    name = os.fspath(path)
    try:
        content = _content(name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError([Text(name).fault(("<file>",), f"{reason}.")]) from error
    return read_text(_decoded(content, name), name)


def read_text(content: str, name: str) -> Document:
    """Read a text; `name` stands for the file in faults.

    Raises:
        ConfigError: the text is not JSON.
    """
    if _YAML.match(content.lstrip()):
        message = "this looks like YAML; a config is JSON. Write it as an object, `{ ... }`."
        raise ConfigError([Text(name, content).fault(("<file>",), message)])
    return _Reader(Text(name, content)).document()


def _content(name: str) -> bytes:
    """At most SIZE_LIMIT bytes of a regular file; never waits for a pipe or a device."""
    _refuse_special(os.stat(name))
    if os.path.realpath(name).startswith(("/proc/", "/sys/")):
        raise ValueError("it belongs to the kernel, not to a user. Give a regular file")
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        _refuse_special(os.fstat(descriptor))
        content = file.read(SIZE_LIMIT + 1) or b""
    if len(content) > SIZE_LIMIT:
        raise ValueError("it is larger than 1 MiB; no config is")
    return content


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ValueError("it is a directory. Give a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file. Save it as one first")
    if status.st_size > SIZE_LIMIT:
        raise ValueError(f"it has {status.st_size} bytes; the limit is 1 MiB")


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        message = (
            f"byte 0x{content[error.start]:02x} is not UTF-8. Save the file as UTF-8; "
            "UTF-16 and binary files are not read."
        )
        raise ConfigError(
            [Text(name, before + "\ufffd").fault((), message, len(before))]
        ) from error
    if not text.strip():
        raise ConfigError([Text(name).fault((), "the file is empty. A config is an object.")])
    return text


class _Reader:
    """A recursive reader over one text."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.content = text.content
        self.position = 0
        self.values = 0
        self.read_document = Document(None, text, Place(text))

    def document(self) -> Document:
        document = self.read_document
        self._skip()
        document.value, document.place = self._value(())
        self._skip()
        if self.position < len(self.content):
            raise self._error("something follows the end of the config. Remove it")
        return document

    def _value(self, path: Path, key: int | None = None) -> tuple[Any, Place]:
        """The value that begins here; `key` is where its key stands, if it has one."""
        place = Place(self.text, self.position, key)
        self.values += 1
        if self.values > VALUES_LIMIT:
            raise self._error(f"more than {VALUES_LIMIT} values; no config has so many")
        if len(path) > DEPTH_LIMIT:
            raise self._error(f"nested more than {DEPTH_LIMIT} deep")
        match self.content[self.position : self.position + 1]:
            case "{":
                return self._object(path, place.inner), place
            case "[":
                return self._array(path, place.inner), place
            case '"':
                return self._string(), place
            case _:
                return self._scalar(path), place

    def _object(self, path: Path, places: dict[str | int, Place]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._advance()
        while not self._at("}"):
            offset = self.position
            if not self._at('"'):
                raise self._error("expected a key in double quotes", word=True)
            key = self._string()
            inner = (*path, key)
            if key in found:
                self._note(inner, "this key is given twice. Keep one of them", offset)
            self._skip()
            if not self._at(":"):
                raise self._error("expected ':' between the key and its value", word=True)
            self._advance()
            value, place = self._value(inner, offset)
            if key not in found:
                found[key], places[key] = value, place
            self._separator("}")
        self.position += 1
        return found

    def _array(self, path: Path, places: dict[str | int, Place]) -> list[Any]:
        found: list[Any] = []
        self._advance()
        while not self._at("]"):
            value, places[len(found)] = self._value((*path, len(found)))
            found.append(value)
            self._separator("]")
        self.position += 1
        return found

    def _separator(self, closing: str) -> None:
        self._skip()
        if self._at(","):
            self._advance()
        elif not self._at(closing):
            raise self._error(f"expected ',' or '{closing}'", word=True)

    def _string(self) -> str:
        value: str
        try:
            value, self.position = _STRINGS.raw_decode(self.content, self.position)
        except JSONDecodeError as error:
            self.position = min(error.pos, len(self.content) - 1)
            raise self._error(_string_reason(error)) from error
        return value

    def _scalar(self, path: Path) -> Any:
        offset = self.position
        if match := _NUMBER.match(self.content, offset):
            self.position = match.end()
            return self._number(path, match)
        if match := _NOT_FINITE.match(self.content, offset):
            self.position = match.end()
            self._note(path, f"{match[0]} is not a number in JSON. Write a finite one", offset)
            return float(match[0])
        word = self._word()
        if word in _CONSTANTS:
            self.position += len(word)
            return _CONSTANTS[word]
        raise self._error("expected a value", word=True)

    def _number(self, path: Path, match: re.Match[str]) -> int | float:
        offset = match.start()
        is_integer = match[1] is None and match[2] is None
        if is_integer and len(match[0]) < 400:
            return int(match[0])
        value = float(match[0])
        if math.isinf(value):
            self._note(path, "this number is too large to be kept. Write a finite one", offset)
        return value

    def _at(self, character: str) -> bool:
        return self.content.startswith(character, self.position)

    def _advance(self) -> None:
        self.position += 1
        self._skip()

    def _skip(self) -> None:
        match = _SPACE.match(self.content, self.position)
        self.position = match.end() if match else self.position

    def _word(self) -> str:
        match = _WORD.match(self.content, self.position)
        return match[0] if match else ""

    def _note(self, path: Path, reason: str, offset: int) -> None:
        self.read_document.notes.append((Problem(path, f"{reason}."), self.text, offset))

    def _error(self, reason: str, word: bool = False) -> ConfigError:
        hint = _hint(self._word(), self.content[self.position :][:2]) if word else ""
        self._note((), f"{reason}{hint}", self.position)
        return self.read_document.error(())


def _string_reason(error: JSONDecodeError) -> str:
    if error.msg.startswith("Unterminated"):
        return "this string has no closing quote"
    if error.msg.startswith("Invalid control character"):
        return "a control character cannot stand in a string. Write it as an escape, such as \\n"
    return (
        f'this escape is not JSON: {error.msg}. JSON has \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX'
    )


def _hint(word: str, begin: str) -> str:
    """What to say about the word that stands where something else was expected."""
    if not begin:
        return ", but the file ends here"
    if begin == "/*":
        return ", but this comment has no end"
    if begin[0] == "#":
        return ", but got '#'. Comments begin with //"
    if word.startswith("'"):
        return ", but got a single quote. JSON has double quotes"
    if word in _PYTHON_CONSTANTS:
        return f", but got {word}. JSON writes {_PYTHON_CONSTANTS[word]}"
    if word and word[0] in "+-.0123456789" and not _NUMBER.fullmatch(word):
        return (
            f", but got {word[:20]!r}. JSON has decimal numbers without a leading '+' or zero and "
            "with digits on both sides of the point"
        )
    return f", but got {(word or begin[0])[:20]!r}"
