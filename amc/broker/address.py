"""Where Redis is: the one reading of a broker's URL.

Its doors are `Address.parse` and `broker_address`.
kombu, Celery's results, redis-py and Flower each read a URL in their own way; they get one that
all of them understand alike. No message repeats what might be part of a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from amc.errors import UsageError
from amc.settings import BROKER_URL_VARIABLE, broker_url

SOCKET_SCHEME = "redis+socket"
_SCHEMES = ("redis", "rediss", SOCKET_SCHEME)
_DEFAULT_PORT = 6379
_DATABASE_NAMES = ("db", "virtual_host")
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_CERTIFICATES = ("required", "optional", "none")


@dataclass(frozen=True)
class Address:
    """A Redis: where it listens, and which of its databases is meant.

    Attributes:
        scheme: `redis`, `rediss` (TLS) or `redis+socket`.
        host: name or IP address; empty for a socket.
        port: 0 for a socket.
        path: of the socket; empty for a host.
        database: its number.
        username: empty if none.
        password: empty if none.
        tls: `ssl_cert_reqs` and so on, as redis-py and kombu call them; empty without TLS.
    """

    scheme: str
    host: str
    port: int
    path: str
    database: int
    username: str
    password: str = field(repr=False)
    tls: Mapping[str, str]

    @classmethod
    def parse(cls, url: str, *, source: str) -> "Address":
        """Read a URL.

        Args:
            url: `redis://:password@host:6379/0`, `rediss://` likewise, `redis+socket:///path?db=0`.
            source: where it was written, for the message.

        Raises:
            UsageError: it is none.
        """
        try:
            return cls._parse(url)
        except ValueError as error:
            raise UsageError(
                f"{source}: {error}. Write redis://:PASSWORD@HOST:6379/0, rediss://... for TLS, or "
                f"{SOCKET_SCHEME}:///PATH"
            ) from None  # the cause may quote a password

    @classmethod
    def _parse(cls, url: str) -> "Address":
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _SCHEMES:
            named = f"{scheme}:// is" if separator and scheme.isalnum() else "this is"
            raise ValueError(f"{named} no kind of Redis")
        if not url.isprintable() or " " in url:
            raise ValueError("the URL holds a blank or a control character; write it as %20")
        parts = _split(f"http://{rest}" if scheme != SOCKET_SCHEME else f"file://{rest}")
        _refuse_raw_characters(parts)
        query = _query(parts, scheme)
        userinfo = parts.netloc.rpartition("@")[0]
        username, _, password = userinfo.partition(":")
        host, port = _host(parts, scheme)
        return cls(
            scheme=scheme,
            host=host,
            port=port,
            path=unquote(parts.path) if scheme == SOCKET_SCHEME else "",
            database=_database(parts, query, scheme),
            username=unquote(username),
            password=unquote(password),
            tls=_tls(query) if scheme == "rediss" else {},
        )

    @property
    def url(self) -> str:
        """The URL that everybody reads alike, with the password."""
        return self._url(quote(self.password, safe=""))

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return self._url("***" if self.password else "")

    def _url(self, password: str) -> str:
        secret = f":{password}" if password else ""
        user = f"{quote(self.username, safe='')}{secret}@" if self.username or secret else ""
        if self.path:
            database = f"?virtual_host={self.database}" if self.database else ""
            return f"{self.scheme}://{user}{quote(self.path)}{database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{urlencode(self.tls)}" if self.tls else ""
        return f"{self.scheme}://{user}{host}:{self.port}/{self.database}{query}"

    @property
    def options(self) -> dict[str, Any]:
        """What redis-py's client wants to know."""
        found: dict[str, Any] = {
            "db": self.database,
            "username": self.username or None,
            "password": self.password or None,
        }
        if self.path:
            return {**found, "unix_socket_path": self.path}
        tls = {"ssl": True, **self.tls} if self.scheme == "rediss" else {}
        return {**found, "host": self.host, "port": self.port, **tls}


def broker_address() -> Address:
    """Where Redis is, as the surroundings say (`broker_url`).

    Raises:
        UsageError: AMC_BROKER_URL is no URL of a Redis.
    """
    return Address.parse(broker_url(), source=BROKER_URL_VARIABLE)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # The reason repeats what stands there, which may be a password with brackets in it.
        raise ValueError(
            "its host is none; as part of a password [ ] and what is no ASCII are written %5B, "
            "%5D and so on"
        ) from None


def _refuse_raw_characters(parts: SplitResult) -> None:
    if any("@" in part for part in (parts.path, parts.query, parts.fragment)):
        raise ValueError("the password holds one of / ? # as it is; write them as %2F, %3F and %23")
    if parts.fragment:
        raise ValueError("'#' has no meaning in it; as part of a name it is written %23")


def _host(parts: SplitResult, scheme: str) -> tuple[str, int]:
    address = parts.netloc.rpartition("@")[2]
    if scheme == SOCKET_SCHEME:
        if address:
            raise ValueError("a socket's path must be absolute, after three slashes")
        if not parts.path.strip("/"):
            raise ValueError("it names no socket")
        return "", 0
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is no number from 1 to 65535") from None
    if port == 0 or (port is None and address.endswith(":")):
        raise ValueError("the port is no number from 1 to 65535")
    if not parts.hostname:
        raise ValueError("it names no host")
    return unquote(parts.hostname), port or _DEFAULT_PORT


def _query(parts: SplitResult, scheme: str) -> dict[str, str]:
    found = parse_qsl(parts.query, keep_blank_values=True)
    known = (*_DATABASE_NAMES, *((*_FILES, "ssl_cert_reqs") if scheme == "rediss" else ()))
    for name, _ in found:
        if name not in known:
            raise ValueError(f"unknown option after '?'; known: {', '.join(known)}")
    if len({name for name, _ in found}) < len(found):
        raise ValueError("an option stands twice after '?'")
    return dict(found)


def _database(parts: SplitResult, query: Mapping[str, str], scheme: str) -> int:
    in_path = "" if scheme == SOCKET_SCHEME else parts.path.removeprefix("/")
    written = {text for text in (in_path, *map(query.get, _DATABASE_NAMES)) if text}
    if len(written) > 1:
        raise ValueError("it names two databases")
    text = written.pop() if written else "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise ValueError("the database is no number")
    return int(text)


def _tls(query: Mapping[str, str]) -> dict[str, str]:
    wanted = query.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if wanted not in _CERTIFICATES:
        raise ValueError(f"ssl_cert_reqs is one of {', '.join(_CERTIFICATES)}")
    files = {name: query[name] for name in _FILES if query.get(name)}
    return {"ssl_cert_reqs": wanted, **files}
