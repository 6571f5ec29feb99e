"""Every computed column worked out again from its definition in docs/templates.md, in plain Python.

Nothing of the product's arithmetic is used here: what the API sent goes in, floats and texts come out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from tests.templates.wire import NOW, Sent

Values = dict[str, Any]
"""Column id -> expected value: a number, a text, a time or None for a blank."""

FUTURES = {
    "binance_futures": "Binance Futures", "bitget_futures": "Bitget Futures", "bitmex": "BitMEX",
    "bybit": "Bybit", "deribit": "Deribit", "htx_futures": "HTX Futures",
    "kucoin_futures": "KuCoin Futures", "okx_futures": "OKX Futures",
}  # fmt: skip
_SPOT = {
    "binance": "Binance", "bitget": "Bitget", "gateio": "Gate", "htx": "HTX", "kucoin": "KuCoin", "okx": "OKX",
    "coinbase": "Coinbase",
}  # fmt: skip
_BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What stands in Settings; None is an empty cell."""

    Equity: float = 10000
    Stable_quotes: str = "USDT,USDC,USD,FDUSD"
    Risk_pct: float = 0.01
    Split_1: float = 0.5
    Split_2: float = 0.3
    Fee_pct: float = 0.0006
    Max_leverage: float | None = 1
    Default_lev: float | None = 5
    Max_lev: float | None = 10
    Mmr: float = 0.005
    Liq_buffer: float = 0.005
    Fresh_min: float = 5
    Late_min: float = 12

    def cells(self, template: str) -> dict[str, Any]:
        """The settings that a template has."""
        here = {
            "scalping": {"Fresh_min", "Late_min", "Max_leverage"},
            "signals": {"Max_leverage"},
            "futures": {"Default_lev", "Max_lev", "Mmr", "Liq_buffer"},
        }
        elsewhere = {name for names in here.values() for name in names} - here[template]
        return {name: value for name, value in asdict(self).items() if name not in elsewhere}


USUAL = Numbers()
ODD = Numbers(
    Equity=-250, Stable_quotes="usdc , btc", Risk_pct=0.02, Split_1=0.8, Split_2=0.5, Fee_pct=0.004,
    Max_leverage=None, Default_lev=None, Max_lev=None, Mmr=0, Liq_buffer=0, Fresh_min=1, Late_min=60,
)  # fmt: skip


def price(signal: Sent, name: str) -> Decimal | None:
    """An exact price; missing, null, blank and zero mean none."""
    text = signal.fields.get(name)
    return Decimal(text) or None if text else None


def wall(moment: datetime) -> datetime:
    """A time as a clock in Berlin shows it."""
    return moment.astimezone(_BERLIN).replace(tzinfo=None)


def calcs(signal: Sent) -> Values:
    """Every built-in calc by its name."""
    bounds = [bound for name in ("buy_start", "buy_end") if (bound := price(signal, name))]
    low, high = (min(bounds), max(bounds)) if bounds else (None, None)
    entry = (low + high) / 2 if low and high else price(signal, "ask")
    side = {"LONG": 1, "SHORT": -1}.get(signal.fields["direction"])
    stop, targets = price(signal, "stop_loss"), [price(signal, f"target{n}") for n in (1, 2, 3)]

    def distance(to: Decimal | None, sign: int) -> float | None:
        if not entry or not to or not side or (to - entry) * side * sign <= 0:
            return None
        return float(abs(to - entry) / entry)

    shares = [distance(target, 1) for target in targets]
    risked = distance(stop, -1)
    ratios = [
        float(abs(target - entry) / abs(entry - stop))
        if share and risked and target and entry and stop
        else None
        for target, share in zip(targets, shares, strict=True)
    ]
    fields = signal.fields
    code = fields["exchange"].lower()
    return {
        "pair": f"{fields['coin']}/{fields['currency']}",
        "exchange_name": (FUTURES | _SPOT).get(code, fields["exchange"]),
        "entry_low": low, "entry_high": high, "entry_mid": entry, "stop_pct": risked,
        **{f"tp{number}_pct": share for number, share in enumerate(shares, start=1)},
        **{f"rr{number}": ratio for number, ratio in enumerate(ratios, start=1)},
        "lag_minutes": (signal.first_seen - signal.published).total_seconds() / 60,
        **_symbols(code, fields["coin"], fields["currency"]),
        "cornix_text": _cornix(signal, low, high, stop if risked else None, targets, shares),
        "uid": fields["id"] if signal.table == "main" else f"scalping:{fields['id']}",
    }  # fmt: skip


_LINEAR = {
    "binance_futures": ("BINANCE:{c}{q}.P", "binanceusdm", "https://www.binance.com/en/futures/{c}{q}"),
    "bitget_futures": ("BITGET:{c}{q}.P", "bitget", "https://www.bitget.com/futures/usdt/{c}{q}"),
    "bybit": ("BYBIT:{c}{q}.P", "bybit", "https://www.bybit.com/trade/usdt/{c}{q}"),
    "htx_futures": (
        "HTX:{c}{q}.P", "htx", "https://www.htx.com/futures/linear_swap/exchange#contract_code={c}-{q}",
    ),
    "kucoin_futures": ("KUCOIN:{c}{q}.P", "kucoinfutures", "https://www.kucoin.com/futures/trade/{x}{q}M"),
    "okx_futures": ("OKX:{c}{q}.P", "okx", "https://www.okx.com/trade-swap/{lc}-{lq}-swap"),
}  # fmt: skip
_INVERSE = {
    "bybit": ("BYBIT:{c}USD.P", "bybit", "https://www.bybit.com/trade/inverse/{c}USD"),
    "deribit": ("DERIBIT:{c}USD.P", "deribit", "https://www.deribit.com/futures/{c}-PERPETUAL"),
    "okx_futures": ("OKX:{c}USD.P", "okx", "https://www.okx.com/trade-swap/{lc}-usd-swap"),
}
_SPOT_SYMBOLS = {
    "binance": ("BINANCE:{c}{q}", "binance", "https://www.binance.com/en/trade/{c}_{q}?type=spot"),
    "bitget": ("BITGET:{c}{q}", "bitget", "https://www.bitget.com/spot/{c}{q}"),
    "gateio": ("GATEIO:{c}{q}", "gate", "https://www.gate.com/trade/{c}_{q}"),
    "htx": ("HTX:{c}{q}", "htx", "https://www.htx.com/trade/{lc}_{lq}?type=spot"),
    "kucoin": ("KUCOIN:{c}{q}", "kucoin", "https://www.kucoin.com/trade/{c}-{q}"),
    "okx": ("OKX:{c}{q}", "okx", "https://www.okx.com/trade-spot/{lc}-{lq}"),
    "coinbase": ("COINBASE:{c}{q}", "coinbase", "https://www.coinbase.com/advanced-trade/spot/{c}-{q}"),
}


def _symbols(code: str, coin: str, quote: str) -> Values:
    blank = dict.fromkeys(("tv_symbol", "ccxt_id", "ccxt_symbol", "trade_url"))
    if not coin.isalnum() or (code == "deribit" and coin not in ("BTC", "ETH")):
        return blank
    if quote == "USD" and code in _INVERSE:
        spelt, ccxt = _INVERSE[code], f"{coin}/USD:{coin}"
    elif code in _LINEAR and quote in ("USDT", "USDC"):
        spelt, ccxt = _LINEAR[code], f"{coin}/{quote}:{quote}"
    elif code in _SPOT_SYMBOLS:
        spelt, ccxt = _SPOT_SYMBOLS[code], f"{coin}/{quote}"
    else:
        return blank
    if coin == "PEPE" and code in ("binance_futures", "bybit"):
        coin = "1000PEPE"  # a contract holds a thousand
        ccxt = ccxt.replace("PEPE", coin)
    names = {
        "c": coin,
        "q": quote,
        "lc": coin.lower(),
        "lq": quote.lower(),
        "x": "XBT" if coin == "BTC" else coin,
    }
    chart: str | None = spelt[0].format(**names)
    if code == "kucoin_futures" and coin == "BTC":
        chart = None  # TradingView's name of it is not known
    return {
        "tv_symbol": chart,
        "ccxt_id": spelt[1],
        "ccxt_symbol": ccxt,
        "trade_url": spelt[2].format(**names),
    }


def _cornix(
    signal: Sent, low: Decimal | None, high: Decimal | None, stop: Decimal | None,
    targets: list[Decimal | None], shares: list[float | None],
) -> str | None:  # fmt: skip
    there = [(target, share) for target, share in zip(targets, shares, strict=True) if target]
    if not low or not high or not stop or not there or any(share is None for _, share in there):
        return None
    fields, code = signal.fields, signal.fields["exchange"].lower()
    name = (FUTURES | _SPOT).get(code, fields["exchange"])
    if code == "bybit" and fields["currency"] == "USDT":
        name = "Bybit USDT"
    leverage = fields.get("leverage") or ("1" if code in FUTURES else None)
    lines = [
        f"#{fields['coin']}/{fields['currency']}",
        f"Exchanges: {name}",
        f"Signal Type: Regular ({fields['direction'].title()})",
        *([f"Leverage: Isolated ({leverage}X)"] if leverage else []),
        f"Entry Zone: {low:f} - {high:f}",
        "Take-Profit Targets:",
        *(f"{number}) {target:f}" for number, (target, _) in enumerate(there, start=1)),
        "Stop Targets:",
        f"1) {stop:f}",
    ]
    return "\n".join(lines)


def planned_ratio(ratios: list[float | None], numbers: Numbers) -> float | None:
    """R:R of the targets by partial exits: TP1, then TP2 of what is left, the last one takes the rest."""
    left, total = 1.0, 0.0
    shares = [numbers.Split_1, numbers.Split_2]
    there = [at for at, ratio in enumerate(ratios) if ratio is not None]
    if not there:
        return None
    after_first = 1 - numbers.Split_1
    for at in there[:-1]:
        share = min(shares[at], after_first) if at else shares[at]
        left -= share
        total += share * (ratios[at] or 0)
    return total + left * (ratios[there[-1]] or 0)


def is_cash(quote: str, numbers: Numbers) -> bool:
    """Whether sizes can be told in the account's currency."""
    return quote.upper() in [each.strip().upper() for each in numbers.Stable_quotes.split(",")]


def size(signal: Sent, numbers: Numbers) -> float | None:
    """Coins that lose the risk per trade at the stop."""
    known = calcs(signal)
    stop = price(signal, "stop_loss")
    if known["stop_pct"] is None or not stop or not is_cash(signal.fields["currency"], numbers):
        return None
    return max(0, numbers.Equity) * numbers.Risk_pct / float(abs(known["entry_mid"] - stop))


def signals_formulas(signal: Sent, numbers: Numbers) -> Values:
    """The formula columns of the template signals."""
    known = calcs(signal)
    coins = size(signal, numbers)
    if coins is not None:
        leverage = max(1, numbers.Max_leverage or 0)
        coins = min(coins, max(0, numbers.Equity) * leverage / float(known["entry_mid"]))
    return {
        "rr": planned_ratio([known["rr1"], known["rr2"], known["rr3"]], numbers),
        "size": coins,
        "value": None if coins is None else coins * float(known["entry_mid"]),
        "chart": "chart" if known["tv_symbol"] else None,
        "trade": "open" if known["trade_url"] else None,
    }


def futures_formulas(signal: Sent, numbers: Numbers) -> Values:
    """The formula columns of the template futures."""
    known, fields = calcs(signal), signal.fields
    meant = float(fields.get("leverage") or 0)
    if meant < 1:
        meant = max(1, numbers.Default_lev or 0)
    links = {key: signals_formulas(signal, numbers)[key] for key in ("chart", "trade")}
    stop_pct, stop, tp1 = known["stop_pct"], price(signal, "stop_loss"), price(signal, "target1")
    names = (
        "move safe use margin_pct liq liq_pct check size notional margin risk fee_r rr rr_net roe1".split()  # noqa: SIM905
    )
    if stop_pct is None or not stop:
        return {"meant": meant, **links, **dict.fromkeys(names)}
    entry, sign = float(known["entry_mid"]), 1 if fields["direction"] == "SHORT" else -1
    inverse = fields["currency"] == "USD"

    def on_margin(to: Decimal) -> float:
        """A way from the entry as the margin feels it at 1x."""
        return abs(entry / float(to) - 1) if inverse else abs(float(to) / entry - 1)

    move = on_margin(stop)
    safe = floor(1 / (move + numbers.Mmr + numbers.Liq_buffer) + 1e-12)
    cap = numbers.Max_lev if numbers.Max_lev is not None else 1e9
    use = max(1, floor(min(meant, cap, safe)))
    d = 1 / use - numbers.Mmr
    liq = None if d >= 1 else entry / (1 - sign * d) if inverse else entry * (1 + sign * d)
    left = 1 / meant - numbers.Mmr - move
    coins = size(signal, numbers)
    if coins is not None:
        coins = min(coins, max(0, numbers.Equity) * use / entry)
    per_coin = abs(entry - float(stop))
    fee_r = 2 * numbers.Fee_pct / stop_pct
    ratio = planned_ratio([known["rr1"], known["rr2"], known["rr3"]], numbers)
    if signal.table == "scalping":
        ratio = known["rr1"]
    return {
        "meant": meant, "move": move, "safe": safe, "use": use, "margin_pct": move * use,
        "liq": liq, "liq_pct": None if liq is None else abs(liq / entry - 1),
        "check": "LIQ FIRST" if left <= 0 else "TIGHT" if left <= numbers.Liq_buffer else "SAFE",
        "size": coins,
        "notional": None if coins is None else coins * entry,
        "margin": None if coins is None else coins * entry / use,
        "risk": None if coins is None else coins * per_coin,
        "fee_r": fee_r, "rr": ratio,
        "rr_net": None if ratio is None else (ratio - fee_r) / (1 + fee_r),
        "roe1": None if known["rr1"] is None or not tp1 else use * on_margin(tp1),
        **links,
    }  # fmt: skip


def scalping_formulas(signal: Sent, numbers: Numbers) -> Values:
    """The formula columns of the template scalping."""
    known = calcs(signal)
    target, stop = known["tp1_pct"], known["stop_pct"]
    reward, risk = ((target or 0) - 2 * numbers.Fee_pct, (stop or 0) + 2 * numbers.Fee_pct)
    both = target is not None and stop is not None
    return {
        "rr_net": reward / risk if both else None,
        "be": risk / (risk + reward) if both else None,  # win rate x reward = loss rate x risk
        **{key: value for key, value in signals_formulas(signal, numbers).items() if key != "rr"},
    }  # fmt: skip


FORMULAS: dict[str, Callable[[Sent, Numbers], Values]] = {
    "raw": lambda *_: {},
    "compact": lambda *_: {},
    "signals": signals_formulas,
    "futures": futures_formulas,
    "scalping": scalping_formulas,
}


def fields(signal: Sent) -> Values:
    """What the API sent, and what is known since, by the field's name."""
    prices = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask")
    numbers = ("risk_level", "leverage")
    texts = ("id", "exchange", "currency", "coin", "direction", "type")
    return {
        **{name: price(signal, name) for name in prices},
        **{name: float(signal.fields[name]) if name in signal.fields else None for name in numbers},
        **{name: signal.fields[name] or None for name in texts},
        "timestamp": wall(signal.published.astimezone(UTC)),
        "status": signal.status,
        "first_seen": wall(signal.first_seen),
        "last_seen": None if signal.status == "open" else wall(NOW),
        "table": signal.table,
    }
