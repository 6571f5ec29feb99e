"""From the API's bytes to signals."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cqs_sheets.core.signals.parse import (
    NO_COUNT,
    Envelope,
    NotTheEnvelope,
    Parsed,
    merge_leverage,
    parse_envelope,
    parse_signals,
)
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey
from tests.make import signal

OBJECT = {
    "id": "1847291",
    "timestamp": "2026-05-24 14:32:05",
    "exchange": "binance",
    "currency": "USDT",
    "coin": "BTC",
    "direction": "LONG",
    "buy_start": "94250.5",
    "buy_end": "94400",
    "target1": "95500",
    "target2": "96200",
    "target3": "97000",
    "stop_loss": "93100",
    "type": "SHORT TERM",
    "ask": "94325",
    "risk_level": "3",
}
PRICES = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask")
NOTHING = object()


def answer(*objects: object, **envelope: object) -> bytes:
    frame = {"error": 0, "message": "Success", "count": len(objects), "signals": objects} | envelope
    return json.dumps({name: value for name, value in frame.items() if value is not NOTHING}).encode()


def parsed(*objects: object, zone: str = "UTC") -> Parsed:
    envelope = parse_envelope(answer(*objects))
    return parse_signals(envelope.signals, table=FeedTable.MAIN, zone=ZoneInfo(zone), count=envelope.count)


def one(**changes: object) -> Signal:
    """The signal that the example becomes with these changes; NOTHING takes a field away."""
    fields = {name: value for name, value in (OBJECT | changes).items() if value is not NOTHING}
    (found,) = parsed(fields).signals
    return found


def reason(value: object) -> str:
    """Why this is no signal."""
    result = parsed(value)
    assert result.signals == ()
    (reject,) = result.rejects
    return reject.reason


def raw(text: str) -> Parsed:
    """What the example becomes with this JSON put before its fields."""
    body = '{"error":0,"count":1,"signals":[{' + text + json.dumps(OBJECT)[1:] + "]}"
    return parse_signals(parse_envelope(body.encode()).signals, table=FeedTable.MAIN, zone=UTC)


class TestTheEnvelope:
    def test_is_read_from_the_guides_example(self) -> None:
        assert parse_envelope(answer(OBJECT)) == Envelope(0, "Success", 1, [OBJECT])

    def test_of_an_empty_answer_is_a_success(self) -> None:
        empty = parse_envelope(answer(message="No new signals available"))
        assert empty == Envelope(0, "No new signals available", 0, [])

    @pytest.mark.parametrize("signals", [NOTHING, None, [], {}])
    def test_of_a_failure_need_not_carry_signals(self, signals: object) -> None:
        failed = parse_envelope(answer(error=5, message="Invalid API Key", count=NOTHING, signals=signals))
        assert (failed.error, failed.message, failed.signals) == (5, "Invalid API Key", [])

    def test_may_have_a_byte_order_mark_and_numbers_as_text(self) -> None:
        assert parse_envelope(b"\xef\xbb\xbf" + answer(error="0", count=" 3 ")) == Envelope(
            0, "Success", 3, []
        )

    @pytest.mark.parametrize("count", [NOTHING, None, "many", 1.5, True, [], 10**400])
    def test_may_lack_a_count_that_can_be_read(self, count: object) -> None:
        assert parse_envelope(answer(count=count)).count == NO_COUNT

    def test_keeps_a_message_short_and_writable(self) -> None:
        assert len(parse_envelope(answer(message="x" * 10_000)).message) <= 200
        assert parse_envelope(b'{"error":4,"message":"\\ud800"}').message == "\ufffd"
        assert parse_envelope(answer(message=["?"])).message == ""

    @pytest.mark.parametrize("deep", ['{"a":' * 20_000 + "1" + "}" * 20_000, "[" * 20_000 + "]" * 20_000])
    def test_a_signal_nested_too_deeply_is_set_aside_alone(self, deep: str) -> None:
        objects = [OBJECT | {"id": "1", "tags": ["[", {"b": [1]}]}, OBJECT | {"id": "2", "x": "HERE"}]
        body = answer(*objects, OBJECT | {"id": "3"}).replace(b'"HERE"', deep.encode())
        found = parse_signals(parse_envelope(body).signals, table=FeedTable.MAIN, zone=ZoneInfo("UTC"))
        assert [each.key.id for each in found.signals] == ["1", "3"]
        assert json.loads(found.signals[0].extra["tags"]) == ["[", {"b": [1]}]
        assert [(each.id, each.reason) for each in found.rejects] == [("2", "a field is nested too deeply")]
        assert found.complete

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"", "empty body"),
            (b" \r\n", "empty body"),
            (b"<!DOCTYPE html><p>", "web page"),
            (b"\xef\xbb\xbf<html>", "web page"),
            (b"Fatal error", "not JSON"),
            (b"\xff\xfe\x00", "not JSON"),
            (b'{"error":0,"signals":[', "broken JSON"),
            (b'{"error":0,"signals":[]}{}', "broken JSON"),
            (b"[" * 200_000, "nested too deeply"),
            (b'{"error":0,"x":' * 100_000, "nested too deeply"),
            (b"[]", "not an object"),
            (b"null", "not an object"),
            (b"0", "not an object"),
            (b"{}", "'error'"),
            (b'{"status":"ok","data":[]}', "'error'"),
            (b'{"error":null,"signals":[]}', "'error'"),
            (b'{"error":false,"signals":[]}', "'error'"),
            (b'{"error":0.5,"signals":[]}', "'error'"),
            (b'{"error":NaN,"signals":[]}', "'error'"),
            (b'{"error":0}', "'signals'"),
            (b'{"error":0,"signals":{}}', "'signals'"),
            (b'{"error":0,"error":5,"signals":[]}', "twice"),
        ],
    )
    def test_is_not_taken_for_anything_else(self, body: bytes, why: str) -> None:
        with pytest.raises(NotTheEnvelope, match=why):
            parse_envelope(body)

    def test_refused_quotes_nothing_of_the_body(self) -> None:
        with pytest.raises(NotTheEnvelope) as caught:
            parse_envelope(b'{"error": topsecret}')
        assert "topsecret" not in caught.value.reason

    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    @example(b'{"error":' + b"9" * 5000 + b"}")
    @example(b'{"error":1e99999}')
    def test_reading_raises_nothing_else_whatever_the_bytes(self, body: bytes) -> None:
        with contextlib.suppress(NotTheEnvelope):
            parse_envelope(body)


class TestASignal:
    def test_is_read_from_the_guides_example(self) -> None:
        assert one() == Signal(
            key=SignalKey(FeedTable.MAIN, "1847291"),
            timestamp=datetime(2026, 5, 24, 14, 32, 5, tzinfo=UTC),
            exchange="binance",
            currency="USDT",
            coin="BTC",
            direction="LONG",
            buy_start=Decimal("94250.5"),
            buy_end=Decimal(94400),
            target1=Decimal(95500),
            target2=Decimal(96200),
            target3=Decimal(97000),
            stop_loss=Decimal(93100),
            type="SHORT TERM",
            ask=Decimal(94325),
            risk_level=Decimal(3),
        )

    def test_belongs_to_the_table_that_was_asked(self) -> None:
        result = parse_signals([OBJECT], table=FeedTable.SCALPING, zone=UTC)
        assert result.signals[0].key == SignalKey(FeedTable.SCALPING, "1847291")

    @given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=12), st.sampled_from(PRICES))
    def test_keeps_its_prices_exactly(self, price: Decimal, name: str) -> None:
        text = format(price, "f")
        kept = getattr(one(**{name: text}), name)
        assert (kept is None and price == 0) or format(kept, "f") == text

    @pytest.mark.parametrize("text", ["0.000000012340", "94250.50", "123456789012345678.123456789012345678"])
    def test_keeps_every_digit_of_a_price_even_of_a_json_number(self, text: str) -> None:
        assert format(one(ask=text).ask or 0, "f") == text
        body = json.dumps({"error": 0, "signals": [OBJECT | {"ask": "@"}]}).replace('"@"', text)
        numbers = parse_signals(parse_envelope(body.encode()).signals, table=FeedTable.MAIN, zone=UTC)
        assert format(numbers.signals[0].ask or 0, "f") == text

    @pytest.mark.parametrize(
        ("text", "plain"),
        [("1e5", "100000"), ("1e30", "1" + "0" * 30), ("1.5E-7", "0.00000015"), ("+2", "2"), (".5", "0.5")],
    )
    def test_has_prices_without_exponent(self, text: str, plain: str) -> None:
        assert format(one(ask=text).ask or 0, "f") == plain
        assert one(ask=text).ask == Decimal(plain)

    @pytest.mark.parametrize("name", ["target1", "target2", "target3", "stop_loss"])
    @pytest.mark.parametrize("nothing", [NOTHING, None, "", "  ", "0", "0.00000000", "-0", 0, 0.0, "0e7"])
    def test_has_no_target_or_stop_where_none_was_meant(self, name: str, nothing: object) -> None:
        assert getattr(one(**{name: nothing}), name) is None

    @pytest.mark.parametrize("name", PRICES)
    @pytest.mark.parametrize(
        "text",
        ["n/a", "94,250.5", "NaN", "Infinity", "1_000", "0x10", "\u0661", "1e999", "1e31", "--1", "9" * 90],
    )
    def test_with_a_price_that_is_no_number_is_set_aside(self, name: str, text: str) -> None:
        assert reason(OBJECT | {name: text}).startswith(f"{name} is not a number")

    @pytest.mark.parametrize(
        "literal", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999", "9" * 6000]
    )
    def test_with_an_absurd_json_number_spoils_only_itself(self, literal: str) -> None:
        bad = json.dumps(OBJECT | {"id": "2", "ask": "@"}).replace('"@"', literal)
        body = f'{{"error":0,"count":2,"signals":[{bad},{json.dumps(OBJECT)}]}}'
        result = parse_signals(parse_envelope(body.encode()).signals, table=FeedTable.MAIN, zone=UTC)
        assert [found.key.id for found in result.signals] == ["1847291"]
        assert [reject.id for reject in result.rejects] == ["2"]

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("text", "not an object"),
            (None, "not an object"),
            ([OBJECT], "not an object"),
            ({}, "no id"),
            (OBJECT | {"id": None}, "no id"),
            (OBJECT | {"id": "  "}, "no id"),
            (OBJECT | {"id": ["1"]}, "id is not text"),
            (OBJECT | {"id": True}, "id is not text"),
            (OBJECT | {"id": "1" * 300}, "id is longer"),
            (OBJECT | {"id": "\0"}, "the id holds characters"),
            (OBJECT | {"id": "7\u202e"}, "the id holds characters"),
            (OBJECT | {"coin": ""}, "no coin"),
            (OBJECT | {"coin": None}, "no coin"),
            (OBJECT | {"coin": {"a": 1}}, "coin is not text"),
            (OBJECT | {"timestamp": None}, "no timestamp"),
            (OBJECT | {"timestamp": "yesterday"}, "timestamp is not a time: 'yesterday'"),
            (OBJECT | {"ask": "-1"}, "ask is negative"),
            (OBJECT | {"stop_loss": False}, "stop_loss is not text"),
        ],
    )
    def test_that_is_malformed_is_set_aside_with_its_reason(self, value: object, why: str) -> None:
        assert why in reason(value)

    def test_with_a_field_that_comes_twice_is_set_aside(self) -> None:
        result = raw('"ask":"1",')
        assert result.signals == ()
        assert [(reject.id, reject.reason) for reject in result.rejects] == [(None, "a field comes twice")]

    def test_set_aside_keeps_its_raw_text_within_bounds(self) -> None:
        (reject,) = parsed(OBJECT | {"ask": "n/a", "note": "\ud800é"}).rejects
        assert (reject.id, json.loads(reject.raw)["note"]) == ("1847291", "\ufffdé")
        (large,) = parsed(OBJECT | {"ask": "n/a", "note": "x" * 100_000}).rejects
        assert len(large.raw) <= 2000
        reject.raw.encode()

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            (" 7 ", "7"),
            (1847291, "1847291"),
            (7.0, "7"),
            ("007", "007"),
            ("a-1", "a-1"),
            ("7e30", "7e30"),
            (1.5, "1.5"),
        ],
    )
    def test_has_an_id_of_text(self, sent: object, kept: str) -> None:
        assert one(id=sent).key.id == kept

    @pytest.mark.parametrize("coin", ["1000SHIB", "=1+1", "币安人生", "BTC-PERP", "LUNA 2"])
    def test_keeps_weird_coins_as_they_are(self, coin: str) -> None:
        assert one(coin=f" {coin} ").coin == coin

    def test_may_have_texts_of_two_hundred_characters(self) -> None:
        assert one(coin="x" * 200).coin == "x" * 200
        assert reason(OBJECT | {"coin": "x" * 201}) == "coin is longer than 200 characters"

    def test_keeps_the_casing_of_its_exchange(self) -> None:
        assert one(exchange="BINANCE_Futures").exchange == "BINANCE_Futures"

    def test_has_direction_and_type_in_the_guides_spelling(self) -> None:
        found = one(direction="long", type="Short  term")
        assert (found.direction, found.type, found.flags) == ("LONG", "SHORT TERM", ())

    def test_keeps_fields_that_the_guide_does_not_name(self) -> None:
        found = raw('"score":0.870,"tags":["a",{"b":1.50}],"live":true,"note":" hi ","none":null,')
        assert found.signals[0].extra == {
            "score": "0.870",
            "tags": '["a",{"b":1.50}]',
            "live": "true",
            "note": " hi ",
        }

    def test_bounds_an_unknown_field_to_what_a_cell_holds(self) -> None:
        assert len(one(note="x" * 100_000).extra["note"]) == 32_000

    def test_holds_only_text_that_can_be_written(self) -> None:
        found = one(coin="A\udc80B", **{"no\ud800te": "\udfff"})
        assert (found.coin, found.extra) == ("A\ufffdB", {"no\ufffdte": "\ufffd"})
        assert "text that is not UTF-8" in found.flags

    def test_with_a_stray_byte_is_kept_and_flagged(self) -> None:
        body = answer(OBJECT | {"coin": "Z@Z"}).replace(b"Z@Z", b"Z\xe9Z")
        (found,) = parse_signals(parse_envelope(body).signals, table=FeedTable.MAIN, zone=UTC).signals
        assert (found.coin, found.flags) == ("Z\ufffdZ", ("text that is not UTF-8",))

    @pytest.mark.parametrize(("sent", "kept"), [("10", 10), (12.5, Decimal("12.5")), ("0", None), ("", None)])
    def test_may_have_a_leverage(self, sent: object, kept: object) -> None:
        assert one(leverage=sent).leverage == kept

    @pytest.mark.parametrize("name", ["leverage", "risk_level"])
    @pytest.mark.parametrize("sent", ["high", "-3", True, ["3"], "1e99"])
    def test_does_without_a_leverage_or_risk_that_cannot_be_read(self, name: str, sent: object) -> None:
        found = one(**{name: sent})
        assert getattr(found, name) is None
        assert any(name.replace("_", " ") in flag and "cannot be read" in flag for flag in found.flags)


class TestATimeStamp:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-05-24 14:32:05",
            "2026-05-24T14:32:05",
            " 2026-05-24 14:32:05 ",
            "2026-05-24 14:32:05.000",
            "2026-05-24T14:32:05Z",
            "2026-05-24T16:32:05+02:00",
            "2026-05-24 16:32:05 +0200",
            "1779633125",
            1779633125,
            "1779633125000",
        ],
    )
    def test_may_be_written_in_several_ways(self, text: object) -> None:
        assert one(timestamp=text).timestamp == datetime(2026, 5, 24, 14, 32, 5, tzinfo=UTC)

    def test_is_on_the_servers_clocks_and_kept_in_utc(self) -> None:
        (summer, winter) = parsed(
            OBJECT, OBJECT | {"id": "2", "timestamp": "2026-01-24 14:32:05"}, zone="Europe/Berlin"
        ).signals
        assert summer.timestamp == datetime(2026, 5, 24, 12, 32, 5, tzinfo=UTC)
        assert winter.timestamp == datetime(2026, 1, 24, 13, 32, 5, tzinfo=UTC)
        assert summer.timestamp.tzinfo is UTC

    def test_with_its_own_offset_ignores_the_servers_zone(self) -> None:
        (found,) = parsed(OBJECT | {"timestamp": "2026-05-24T14:32:05Z"}, zone="Asia/Tokyo").signals
        assert found.timestamp == datetime(2026, 5, 24, 14, 32, 5, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["2000-01-01 00:00:00", "2199-12-31 23:59:59"])
    def test_may_be_of_this_or_the_next_century(self, text: str) -> None:
        assert f"{one(timestamp=text).timestamp:%Y-%m-%d %H:%M:%S}" == text

    def test_keeps_fractions_of_a_second(self) -> None:
        assert one(timestamp="2026-05-24 14:32:05.250").timestamp.microsecond == 250_000
        assert one(timestamp=1779633125.25).timestamp.microsecond == 250_000

    @pytest.mark.parametrize(
        "text",
        [
            "0000-00-00 00:00:00",
            "2026-02-30 00:00:00",
            "2026-05-24 24:00:01",
            "2026-05-24 14:32:60",
            "2026-05-24",
            "24.05.2026 14:32:05",
            "20260524T143205",
            "2026-05-24 14:32:05+25:00",
            "0001-01-01 00:00:00",
            "1999-12-31 23:59:59",
            "2200-01-01 00:00:00",
            "9999-12-31 23:59:59",
            "0",
            "1e9",
            "\u0662\u0660\u0662\u0666-05-24 14:32:05",
        ],
    )
    def test_that_is_no_time_sets_the_signal_aside(self, text: str) -> None:
        assert "timestamp is not a time" in reason(OBJECT | {"timestamp": text})

    @given(
        st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2198, 1, 1)),  # noqa: DTZ001 - the API's
        st.integers(-14, 14),
    )
    def test_survives_any_fixed_zone(self, naive: datetime, hours: int) -> None:
        whole = naive.replace(microsecond=0)
        zone = timezone(timedelta(hours=hours))
        sent = OBJECT | {"timestamp": f"{whole:%Y-%m-%d %H:%M:%S}"}
        (found,) = parse_signals([sent], table=FeedTable.MAIN, zone=zone).signals
        assert found.timestamp == whole.replace(tzinfo=zone)

    @given(
        st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]),
        st.integers(0, 3 * 365 * 86_400).map(
            lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        ),
        st.integers(0, 20 * 60),
    )
    @example("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 5)
    @example("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 5)
    @example("Australia/Lord_Howe", datetime(2026, 4, 4, 15, 15, tzinfo=UTC), 0)
    def test_is_the_right_one_also_in_the_hour_that_clocks_show_twice(
        self, name: str, opened: datetime, seconds_ago: int
    ) -> None:
        zone = ZoneInfo(name)
        sent = OBJECT | {"timestamp": f"{opened.astimezone(zone):%Y-%m-%d %H:%M:%S}"}
        at = opened + timedelta(seconds=seconds_ago)
        (found,) = parse_signals([sent], table=FeedTable.MAIN, zone=zone, at=at).signals
        assert found.timestamp == opened


class TestAnOddity:
    @pytest.mark.parametrize(
        ("changes", "flag"),
        [
            ({"direction": "SIDEWAYS"}, "unknown direction"),
            ({"direction": ""}, "no direction"),
            ({"type": "WEEKLY"}, "unknown type"),
            ({"type": None}, "no type"),
            ({"exchange": NOTHING}, "no exchange"),
            ({"currency": ""}, "no currency"),
            ({"risk_level": "0"}, "risk level outside 1-5"),
            ({"risk_level": "5.5"}, "risk level outside 1-5"),
            ({"ask": "110000"}, "ask far outside the entry zone"),
            ({"ask": "80000"}, "ask far outside the entry zone"),
            ({"buy_start": "", "buy_end": None}, "no entry zone"),
            ({"target1": "", "target2": "", "target3": ""}, "no target"),
            ({"target1": "0"}, "a target is skipped"),
            ({"target2": None}, "a target is skipped"),
            ({"target2": "97500"}, "targets out of order"),
            ({"target2": "95500"}, "targets out of order"),
            ({"target1": "94000"}, "target on the wrong side"),
            ({"stop_loss": "95000"}, "stop on the wrong side"),
            ({"stop_loss": "94300"}, "stop inside the entry zone"),
            ({"buy_start": "94400", "buy_end": "94250.5"}, "entry zone reversed"),
        ],
    )
    def test_is_flagged_and_its_values_are_kept(self, changes: dict[str, Any], flag: str) -> None:
        assert one(**changes).flags == (flag,)

    SHORT = OBJECT | {
        "direction": "SHORT",
        "buy_start": "94400",
        "buy_end": "94250.5",
        "target1": "93000",
        "target2": "92000",
        "target3": "91000",
        "stop_loss": "95500",
    }

    def test_of_a_long_is_the_rule_of_a_short(self) -> None:
        assert parsed(self.SHORT).signals[0].flags == ()
        mirrored = parsed(OBJECT | {"direction": "SHORT"}).signals[0]
        assert mirrored.flags == (
            "targets out of order",
            "target on the wrong side",
            "stop on the wrong side",
        )

    def test_is_measured_from_the_ask_where_there_is_no_zone(self) -> None:
        found = one(buy_start="", buy_end="", ask="95600", stop_loss="95700")
        assert found.flags == ("no entry zone", "target on the wrong side", "stop on the wrong side")

    def test_is_not_that_a_target_or_a_stop_is_missing(self) -> None:
        assert one(target2="", target3="0", stop_loss=None, risk_level=NOTHING).flags == ()


class TestAnAnswer:
    def test_keeps_the_order_of_its_signals(self) -> None:
        result = parsed(*(OBJECT | {"id": str(number)} for number in (5, 3, 9)))
        assert [found.key.id for found in result.signals] == ["5", "3", "9"]
        assert (result.warnings, result.complete) == ((), True)

    def test_goes_on_past_a_malformed_signal(self) -> None:
        result = parsed(OBJECT | {"id": "1"}, OBJECT | {"id": "2", "ask": "?"}, OBJECT | {"id": "3"})
        assert [found.key.id for found in result.signals] == ["1", "3"]
        assert [reject.id for reject in result.rejects] == ["2"]
        assert result.complete

    def test_with_a_reject_of_unknown_id_is_not_complete(self) -> None:
        assert not parsed(OBJECT, "?").complete

    def test_that_says_the_same_twice_says_it_once(self) -> None:
        result = parsed(OBJECT, OBJECT)
        assert (len(result.signals), result.warnings, result.complete) == (1, (), True)

    def test_that_contradicts_itself_is_taken_at_its_last_word_with_a_warning(self) -> None:
        result = parsed(OBJECT, OBJECT | {"ask": "94330"})
        assert [found.ask for found in result.signals] == [Decimal(94330)]
        assert "1847291" in result.warnings[0]

    @pytest.mark.parametrize("count", [0, 2, -1, "x", NOTHING])
    def test_with_a_wrong_count_is_not_complete(self, count: object) -> None:
        envelope = parse_envelope(answer(OBJECT, count=count))
        result = parse_signals(envelope.signals, table=FeedTable.MAIN, zone=UTC, count=envelope.count)
        assert (len(result.signals), len(result.warnings), result.complete) == (1, 1, False)
        announced = (
            f"count {count} " if isinstance(count, int) and count >= 0 else "no count that can be read "
        )
        assert announced in result.warnings[0]

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=8,
    )

    @given(
        st.lists(JSON | st.dictionaries(st.sampled_from(list(OBJECT)), JSON).map(OBJECT.__or__), max_size=4)
    )
    def test_becomes_signals_and_rejects_whatever_json_it_holds(self, objects: list[object]) -> None:
        result = parsed(*objects)
        assert len(result.signals) + len(result.rejects) <= len(objects)
        assert bool(result.signals or result.rejects) == bool(objects)
        for found in result.signals:
            assert found.timestamp.tzinfo is UTC
            assert all(getattr(found, name) is None or getattr(found, name) > 0 for name in PRICES)
            repr(found).encode()
        assert all(reject.reason and len(reject.raw) <= 2000 for reject in result.rejects)


class TestMergedLeverage:
    def test_is_taken_from_the_filtered_answer(self) -> None:
        base = [signal("1"), signal("2", exchange="bybit"), signal("3")]
        merged = merge_leverage(base, [signal("2", exchange="bybit", leverage=Decimal(10))])
        assert [(found.key.id, found.leverage) for found in merged] == [("1", None), ("2", 10), ("3", None)]

    def test_is_never_blanked_by_an_answer_without_it(self) -> None:
        (merged,) = merge_leverage([signal(leverage=Decimal(7))], [signal(ask=Decimal(95000))])
        assert (merged.leverage, merged.ask) == (Decimal(7), Decimal(95000))

    def test_keeps_tables_apart(self) -> None:
        scalp = signal("1", table=FeedTable.SCALPING, leverage=Decimal(5))
        assert merge_leverage([signal("1")], [scalp]) == [signal("1"), scalp]

    def test_brings_signals_that_only_the_filtered_answer_has(self) -> None:
        assert merge_leverage([], [signal("9")]) == [signal("9")]
