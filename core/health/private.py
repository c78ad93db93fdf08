"""What may name or reach a person: addresses, numbers of phones, accounts, cards and machines. Shown masked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, TURNS, found_at

GROUP = "Private data"
LEFT = 2  # characters that a mask leaves at the start


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of private data.

    quick: a pattern of polars that every such text meets.
    exact: the candidates in it.
    holds: whether a candidate is one, as by its check digits.
    """

    quick: str
    exact: re.Pattern[str]
    holds: Callable[[str], bool]


EXAMPLE_HOSTS = re.compile(
    r"(?i)(?:^|[.@])(?:example|test|invalid|localhost|domain|yourdomain|mydomain|company|yourcompany|email|xyz|abc|website|yourwebsite|"
    r"acme|sample|mail|business|organization|univ|school|university|foo|bar)\.\w+(?:\.\w+)?$|\.(?:example|test|invalid|local)$"
)
EXAMPLE_USERS = re.compile(
    r"(?i)^(?:user|username|name|your|you|me|example|test|someone|john|jane|foo|bar|abc|xxx+|xyz|my|info|support|contact|admin|sales|hello|help|"
    r"no-?reply|customer|service|email|first|last|git|npm|jdoe|jsmith|sam|bob|alice|joe|mary|webmaster|postmaster|office|press|media|jobs|hr)"
    r"(?:[._-]?(?:name|service|care|doe|smith|brown|here|user|username|e?mail|gmail|account|address|domain|team|last|johnson|test))*[\d._]*@"
)
PHONE = re.compile(
    r"(?<![\w.$€£/=#-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}|(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4})(?![\w.-]?\d)"
)


def _email(text: str) -> bool:
    """Of somebody: neither an example, nor of an office, nor a letter that stands for a name."""
    if len(set(text.partition("@")[0].lower())) == 1:
        return False
    return not EXAMPLE_HOSTS.search(text.rpartition("@")[2]) and not EXAMPLE_USERS.match(text)


def _phone(text: str) -> bool:
    """Eight to fifteen digits; fictional numbers, of 555 and of a single or a counted-up row, are left out."""
    digits = re.sub(r"\D", "", text)
    local = digits[-10:]
    made_up = "555" in (local[:3], local[3:6]) or len(set(digits)) < 4
    counted = any(row in digits for row in ("1234567", "2345678", "3456789", "4567890", "9876543", "8765432"))
    toll_free = local[:3] in {"800", "888", "877", "866", "900"} and len(digits) in (10, 11)
    return 8 <= len(digits) <= 15 and not made_up and not counted and not toll_free


def _iban(text: str) -> bool:
    """ISO 7064: the letters as numbers, the first four signs at the end, 1 modulo 97."""
    compact = re.sub(r"\s", "", text)
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def _card(text: str) -> bool:
    """Luhn's sum, for the prefixes and lengths of cards; the test numbers of payment services are left out."""
    digits = re.sub(r"\D", "", text)
    if not 13 <= len(digits) <= 16 or len(set(digits)) < 5 or digits in TEST_CARDS:
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


TEST_CARDS = frozenset(
    {"4242424242424242", "4111111111111111", "5555555555554444", "378282246310005", "4012888888881881"}
)


def _address(text: str) -> bool:
    """Of the public internet: private, reserved and documented ranges, and public resolvers, are left out."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and text not in RESOLVERS
        and int(text.partition(".")[0]) > 9
    )


RESOLVERS = frozenset(
    {
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "208.67.222.222",
        "208.67.220.220",
        "255.255.255.255",
    }
)


def _social(text: str) -> bool:
    """A number that the office may have given out; the ones that it used in public are left out."""
    area, group, serial = text.split("-")
    given = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return given and text not in {"123-45-6789", "078-05-1120", "219-09-9999"} and len(set(text)) > 3


KINDS = {
    "email": _Kind(r"@[\w-]", re.compile(r"(?<![\w.+%-])[\w+%-]{1,64}(?:\.[\w+%-]{1,64}){0,4}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,12}\b"), _email),
    "phone": _Kind(r"\d[ .)-]{1,2}\d{2,4}[ .-]?\d", PHONE, _phone),
    "iban": _Kind(r"[A-Z]{2}\d{2} ?[A-Z0-9]{4}", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), _iban),
    "card": _Kind(r"\d{4}[ -]?\d{4,6}[ -]?\d{4,5}", re.compile(r"(?<![\d.-])(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|65\d{2}|3[47]\d{2})(?:[ -]?\d{4}){3}(?![\d.-])|(?<![\d.-])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?![\d.-])"), _card),
    "ip-address": _Kind(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", re.compile(r"(?<![\w.§])(?<!§ )(?<!ection )(?<!ersion )\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w]|\.\d)"), _address),
    "social-security": _Kind(r"\d{3}-\d{2}-\d{4}", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), _social),
}  # fmt: skip
WINDOW = 200_000  # characters of one text that are looked at: what is longer is no row of a person


def masked(text: str) -> str:
    """The text with everything of these kinds masked, so that it can be shown."""
    for kind in KINDS.values():
        text = kind.exact.sub(partial(_masked_if, kind), text)
    return text


def _masked_if(kind: _Kind, match: re.Match[str]) -> str:
    piece = match.group()
    return _mask(piece) if kind.holds(piece) else piece


def _mask(piece: str) -> str:
    """The first two characters stay, and the signs between the rest."""
    return piece[:LEFT] + re.sub(r"[^\W_]", "•", piece[LEFT:])


def _find(kind: _Kind, frame: pl.DataFrame) -> Found:
    texts = (
        frame.lazy().with_row_index("row").select("row", text=pl.concat_str(PROMPT, RESPONSE, TURNS, separator="\n"))
        .filter(pl.col("text").str.contains(kind.quick)).collect()
    )  # fmt: skip
    rows, seen = [], []
    for row, text in texts.iter_rows():
        candidates = (match.group() for match in kind.exact.finditer(text[:WINDOW]))
        piece = next((each for each in candidates if kind.holds(each)), None)
        if piece is not None:
            rows.append(row)
            seen.append(_mask(piece))
    return found_at(rows, seen)


def _check(name: str, title: str, summary: str) -> Check:
    return Check(name, title, summary, GROUP, 1, partial(_find, KINDS[name]))


CHECKS = (
    _check("email", "E-mail address", "An address that is no example such as user@example.com."),
    _check(
        "phone",
        "Phone number",
        "A number in national or international form; fictional 555 numbers and free lines are left out.",
    ),
    _check("iban", "Bank account (IBAN)", "An account whose check digits are right."),
    _check(
        "card",
        "Payment card",
        "A number of a card whose Luhn digit is right; known test numbers are left out.",
    ),
    _check(
        "ip-address",
        "IP address",
        "An IPv4 address of the public internet, not of a private or documented range.",
    ),
    _check(
        "social-security",
        "US social security number",
        "A number in the form of the US, in a range that is given out.",
    ),
)
