"""Where a judge listens and which key goes there: addresses that are checked, keys that are never shown."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from core.errors import ParameterError

DEFAULT_URL = "https://api.openai.com/v1"
KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Secret:
    """A key that appears in no text by itself; only ``reveal`` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def reveal(self) -> str:
        """The key itself, for the header of a request."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """A text with the key blotted out, should a server have repeated it."""
        return text.replace(self._text, "[key]") if len(self._text) >= 4 else text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is never written anywhere.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that is asked, and the key that it gets.

    url: normal form, without a slash at its end. typed: a person gave the key or the address, so that nothing
    else of the environment goes there. shared: the app serves others, so addresses inside are refused.
    """

    url: str
    key: Secret
    typed: bool
    shared: bool = False

    @property
    def host(self) -> str:
        """Name and port, as errors name it."""
        return urlsplit(self.url).netloc


def endpoint(
    url: str = DEFAULT_URL,
    *,
    key: str | None = None,
    shared: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Endpoint:
    """Where to ask, with the key that belongs there.

    The environment's key belongs to the host in OPENAI_BASE_URL, else to the default host, and goes nowhere
    else; a key that a person typed goes where that person says.

    Raises:
        ParameterError: the address cannot be used, or would carry a key in the open.
    """
    environment = os.environ if environment is None else environment
    where = normal(url)
    own = normal(environment.get(URL) or DEFAULT_URL)
    at_home = _origin(where) == _origin(own)
    secret = Secret(key or (environment.get(KEY, "") if at_home else ""))
    parts = urlsplit(where)
    if secret and parts.scheme == "http" and not _inside(parts.hostname or ""):
        raise ParameterError(
            f"The key would go to {parts.netloc} unencrypted.", "Use an address that begins with https://."
        )
    return Endpoint(where, secret, typed=bool(key) or not at_home, shared=shared)


def normal(url: str) -> str:
    """An address in the form that is compared and stored.

    Raises:
        ParameterError: it is no address of a server, or holds a password.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ParameterError("That is no address of a server.", "Write https://HOST/v1.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ParameterError("That is no address of a server.", "Write https://HOST/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ParameterError(
            "The address holds more than a place.", "Give the key apart, and write https://HOST/v1."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}{'' if port in (None, usual) else f':{port}'}{parts.path.rstrip('/')}"


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet: not private, local, metadata or reserved."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if mapped is not None:
            return is_public(str(mapped))
        if found in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address behind a translator
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not (found.is_multicast or found.is_reserved)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _inside(host: str) -> bool:
    """Whether a name is this machine or an address of a network inside."""
    if host in HERE or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return "." not in host  # a name of the own network, such as that of a container
