from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.sandbox import FUTURES_CODES, SPOT_CODES, Horizon, Pool, Signal, Simulation, Table
from cqs_sheets.sandbox.market import EPOCH, LONGEST_HISTORY, microseconds
from cqs_sheets.sandbox.prices import EXCHANGES, plain, seeded
from cqs_sheets.sandbox.signals import Life, live
from tests.market.seconds import TURNS
from tests.sandbox.clock import NOON

FREE = frozenset({Pool.FREE, Pool.FREEMIUM})
VIP = frozenset({Pool.VIP})
NOON_MINUTE = int(NOON.timestamp()) // 60

instants = st.timedeltas(timedelta(0), timedelta(days=2_000)).map(
    lambda age: EPOCH + timedelta(hours=6) + age
)
seeds = st.integers(min_value=-5, max_value=10**9)
speeds = st.sampled_from([0.01, 0.3, 1.0, 2.5, 17.0, 600.0, 3600.0])


def open_at(market: Simulation, now: datetime, table: Table = Table.MAIN, minutes: int = 20) -> list[Signal]:
    return market.open_signals(now, minutes=minutes, table=table, pools=FREE | VIP)


def decimal(signal: Signal, name: str) -> Decimal:
    text = signal.published_fields[name]
    assert text
    return Decimal(text)


@pytest.fixture(scope="module")
def two_days() -> list[Signal]:
    return Simulation(seed=3).history(NOON, NOON + timedelta(days=2))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, speed=speeds, now=instants, minutes=st.integers(1, 20))
def test_two_markets_agree_at_every_instant(seed: int, speed: float, now: datetime, minutes: int) -> None:
    fresh, other = Simulation(seed=seed, speed=speed), Simulation(seed=seed, speed=speed)
    open_at(other, now - timedelta(minutes=7))  # one that has run for a while
    for table in Table:
        assert open_at(fresh, now, table, minutes) == open_at(other, now, table, minutes)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, speed=speeds, now=instants, minutes=st.integers(1, 20))
def test_every_open_signal_was_published_inside_the_window(
    seed: int, speed: float, now: datetime, minutes: int
) -> None:
    market = Simulation(seed=seed, speed=speed)
    for table in Table:
        for signal in open_at(market, now, table, minutes):
            text = signal.published_fields["timestamp"]
            assert text
            stamp = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            assert now - timedelta(minutes=minutes) <= stamp <= now
            assert microseconds(stamp) == signal.published < signal.closed


@settings(max_examples=15, deadline=None)
@given(seed=seeds, speed=speeds, now=instants)
def test_open_signals_are_those_of_the_history_not_yet_closed(seed: int, speed: float, now: datetime) -> None:
    market = Simulation(seed=seed, speed=speed)
    instant = microseconds(now)
    since = max(now - timedelta(minutes=20), now - timedelta(seconds=5 * 3600 / speed + 2))
    for table in Table:
        expected = [
            signal
            for signal in market.history(since, now)
            if signal.table == table and signal.published <= instant < signal.closed
        ]
        assert open_at(market, now, table) == expected[::-1]


def test_another_seed_is_another_market() -> None:
    assert open_at(Simulation(seed=1), NOON) != open_at(Simulation(seed=2), NOON)


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_the_feeds_are_about_as_dense_as_the_real_ones(seed: int) -> None:
    market = Simulation(seed=seed)
    instants_of_a_day = [NOON + timedelta(minutes=18 * n) for n in range(80)]

    def density(table: Table, pools: frozenset[Pool]) -> float:
        return mean(
            len(market.open_signals(now, minutes=20, table=table, pools=pools)) for now in instants_of_a_day
        )

    free = density(Table.MAIN, FREE)
    assert 10 < free < 13
    assert 2.6 * free < density(Table.MAIN, VIP) < 3.4 * free
    assert 5 < density(Table.SCALPING, FREE) < 7


def test_speed_makes_more_events_and_shorter_lives_but_keeps_the_clock() -> None:
    hour = timedelta(hours=1)
    slow = Simulation(speed=1).history(NOON, NOON + hour)
    fast = Simulation(speed=20).history(NOON, NOON + hour)
    assert 17 < len(fast) / len(slow) < 23

    def life(signals: list[Signal]) -> float:
        return mean(signal.closed - signal.published for signal in signals)

    assert 17 < life(slow) / life(fast) < 23
    window = open_at(Simulation(speed=600), NOON)
    assert all(NOON - timedelta(minutes=20) <= at(signal.published) <= NOON for signal in window)


def at(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)


def test_ids_are_unique_grow_with_time_and_overlap_between_the_tables(two_days: list[Signal]) -> None:
    ids = {
        table: [int(signal.published_fields["id"] or "") for signal in two_days if signal.table == table]
        for table in Table
    }
    for numbers in ids.values():
        assert numbers == sorted(set(numbers))
        assert {len(str(number)) for number in numbers} <= {7, 8, 9, 10}
    published = [signal.published for signal in two_days if signal.table == Table.MAIN]
    assert published == sorted(published)
    both = set(ids[Table.MAIN]) & set(ids[Table.SCALPING])
    assert len(both) > 0.9 * len(ids[Table.SCALPING])


def test_one_window_holds_the_same_id_in_both_tables_with_different_contents() -> None:
    market = Simulation()
    main = {signal.published_fields["id"]: signal for signal in open_at(market, NOON)}
    scalps = {signal.published_fields["id"]: signal for signal in open_at(market, NOON, Table.SCALPING)}
    assert main.keys() & scalps.keys()
    for number in main.keys() & scalps.keys():
        assert main[number].published_fields != scalps[number].published_fields


def test_levels_stand_in_the_order_of_the_direction(two_days: list[Signal]) -> None:
    for signal in two_days:
        fields = signal.published_fields
        sign = 1 if fields["direction"] == "LONG" else -1
        ask = decimal(signal, "ask")
        zone = sorted([decimal(signal, "buy_start"), decimal(signal, "buy_end")])
        assert zone[0] <= ask <= zone[1]
        used = [
            Decimal(price)
            for n in (1, 2, 3)
            if (price := fields.get(f"target{n}")) is not None and price not in ("", "0")
        ]
        assert used
        assert len(set(used)) == len(used)
        for target in used:
            assert target > 0
            assert (target - zone[1 if sign > 0 else 0]) * sign > 0
        if fields["stop_loss"]:
            stop = decimal(signal, "stop_loss")
            assert stop > 0
            assert (zone[0 if sign > 0 else 1] - stop) * sign > 0


def test_prices_are_plain_decimals_of_every_magnitude(two_days: list[Signal]) -> None:
    asks = [decimal(signal, "ask") for signal in two_days]
    assert min(asks) < Decimal("1e-7")
    assert max(asks) > Decimal(50_000)
    for signal in two_days:
        for name in ("buy_start", "buy_end", "target1", "ask"):
            text = signal.published_fields[name]
            assert text is not None
            assert set(text) <= set("0123456789.")
            assert text == "0" or "." not in text or text[-1] not in "0."


def test_a_day_shows_what_the_guide_and_the_field_notes_mention(two_days: list[Signal]) -> None:
    main = [signal for signal in two_days if signal.table == Table.MAIN]
    fields = [signal.published_fields for signal in main]
    exchanges = Counter(row["exchange"] for row in fields)
    assert set(exchanges) > {*FUTURES_CODES, *SPOT_CODES, "BINANCE", "BINANCE_FUTURES"}
    assert exchanges["BINANCE"] < exchanges["binance"] / 4
    assert exchanges["BINANCE_FUTURES"] < exchanges["binance_futures"] / 4
    currencies = Counter(row["currency"] for row in fields)
    assert set(currencies) == {"USDT", "USDC", "USD", "BTC"}
    assert currencies["USDT"] > 0.7 * len(fields)
    assert {"BTC", "ETH", "1000SATS", "BTTC", "PEPE"} < {row["coin"] for row in fields}
    assert {row["direction"] for row in fields} == {"LONG", "SHORT"}
    assert {row["type"] for row in fields} == set(Horizon)
    assert {row.get("risk_level") for row in fields} == {"1", "2", "3", "4", "5", None}
    assert {row.get("target3", "missing") for row in fields} > {"missing", "", "0", None}
    assert any(Decimal(row["buy_start"] or 0) > Decimal(row["buy_end"] or 0) for row in fields)
    assert {signal.outcome for signal in main} == {"target", "stop", "expired"}


def test_only_vip_scalps_in_the_main_table(two_days: list[Signal]) -> None:
    scalpers = {
        signal.pool
        for signal in two_days
        if signal.table == Table.MAIN and signal.published_fields["type"] == Horizon.SCALPING
    }
    assert scalpers == {Pool.VIP}


def test_free_scalps_keep_the_guides_rules(two_days: list[Signal]) -> None:
    scalps = [signal for signal in two_days if signal.table == Table.SCALPING]
    assert scalps
    for signal in scalps:
        fields = signal.published_fields
        ask = decimal(signal, "ask")
        assert decimal(signal, "buy_start") == ask * Decimal("0.999")
        assert decimal(signal, "buy_end") == ask * Decimal("1.001")
        assert fields["risk_level"] == "3"
        assert fields["type"] == Horizon.SCALPING
        assert (fields["exchange"] or "").lower() != "bitmex"
        assert not {fields.get("target2"), fields.get("target3")} - {None, "", "0"}


def test_leverage_belongs_to_futures_and_is_the_middle_of_a_range(two_days: list[Signal]) -> None:
    for signal in two_days:
        futures = (signal.published_fields["exchange"] or "").lower() in FUTURES_CODES
        assert (signal.leverage is not None) == futures
    assert {"2", "7.5", "15"} < {signal.leverage for signal in two_days}


def test_edits_change_a_stop_or_a_target_while_the_signal_is_open(two_days: list[Signal]) -> None:
    edited = [signal for signal in two_days if signal.edits]
    assert 0.2 < len(edited) / len(two_days) < 0.7
    names = set()
    for signal in edited:
        before = dict(signal.published_fields)
        for edit in signal.edits:
            assert signal.published < edit.at < signal.closed
            for name, value in edit.changes.items():
                names.add(name)
                assert before[name] != value
                before[name] = value
        assert signal.fields_at(signal.published) == signal.published_fields
        assert signal.fields_at(signal.closed) == before
    assert names == {"stop_loss", "target1", "target2", "target3"}


def test_many_edits_and_closings_happen_while_the_window_still_shows_the_signal(
    two_days: list[Signal],
) -> None:
    window = 20 * 60 * 1_000_000
    assert sum(signal.closed - signal.published < window for signal in two_days) > 0.1 * len(two_days)
    visible = [signal for signal in two_days if any(e.at - signal.published < window for e in signal.edits)]
    assert len(visible) > 0.1 * len(two_days)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(), longest=st.floats(60, 20_000), has_stop=st.booleans())
def test_a_life_ends_in_its_time_and_its_moves_come_before(seed: int, longest: float, has_stop: bool) -> None:
    life = live(seeded(seed), longest, has_stop=has_stop)
    assert isinstance(life, Life)
    assert 0 < life.seconds <= longest
    assert (life.outcome == "expired") == (life.seconds == longest)
    assert has_stop or life.outcome != "stop"
    times = [move.after for move in life.moves]
    assert times == sorted(times)
    assert all(0 < time <= life.seconds for time in times)
    assert has_stop or all(move.what == "target" for move in life.moves)


@given(units=st.integers(0, 10**18), decimals=st.integers(0, 16))
def test_plain_writes_the_exact_value(units: int, decimals: int) -> None:
    text = plain(units, decimals)
    assert Decimal(text) == Decimal(units).scaleb(-decimals)
    assert "e" not in text.lower()


def test_nothing_was_published_before_the_market_opened() -> None:
    assert open_at(Simulation(), EPOCH) == []
    assert Simulation().history(EPOCH - timedelta(days=2), EPOCH - timedelta(days=1)) == []


def test_a_history_that_is_too_long_is_refused_with_the_longest_span() -> None:
    market = Simulation(speed=600)
    span = timedelta(seconds=LONGEST_HISTORY * 120 / 600)
    with pytest.raises(ValueError, match=str(span)):
        market.history(NOON, NOON + span * 1.01)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 5000])
def test_a_speed_without_sense_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be a number from"):
        Simulation(speed=speed)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="with a zone"):
        open_at(Simulation(), NOON.replace(tzinfo=None))


def test_between_its_turns_a_price_goes_straight_on() -> None:
    market = Simulation(seed=3)
    exchange = next(one for one in EXCHANGES if one.code == "binance")
    for minute in range(NOON_MINUTE, NOON_MINUTE + 30):
        paid = [market.prices.at(exchange, exchange.pairs[0], minute * 60 + second) for second in range(60)]
        for first, last in pairwise(TURNS):
            way = paid[first : last + 1]
            assert way in (sorted(way), sorted(way, reverse=True))
