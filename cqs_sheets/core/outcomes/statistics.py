"""What many outcomes say of a feed, and how sure that is.

Signals of one day rise and fall together, so spread is measured between days (between weeks where a signal
may run for two weeks or longer): the cluster-robust variance of a mean. Ratios have 8 places, half-even.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

from cqs_sheets.core.outcomes.judge import Outcome
from cqs_sheets.values import dataclass, replace

EXCLUDED = (
    "missed", "invalidated", "unfilled", "touched", "unknown", "ambiguous", "too_young", "not_judged",
)  # fmt: skip
"""What is counted beside a track record. Ambiguous ones are counted in it too, by their lowest reading."""

SLICES = ("type", "exchange", "side", "risk_level", "coin", "month")
ENOUGH = 30
"""Fewer signals than this are no ground for ranking a slice."""

_FEWEST_CLUSTERS = 10
_LONG = timedelta(days=14)
_Z = Decimal("1.959963984540054")  # of 95 %
_EXACT = Context(prec=34, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal("1e-8")
_FALSE_CLAIMS = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """A share, and its 95 % interval (None where too few days speak)."""

    share: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The track record of all signals or of one slice; R is net.

    `signals` are all, `entered` those with a result whose horizon is over. `if_unknown_lost` is the
    expectancy with each unknown at -1 R. `claim`: 1 or -1 where the expectancy differs from 0 beyond chance,
    looked at together with all other slices.
    """

    by: str
    value: str | None
    signals: int
    entered: int
    excluded: Mapping[str, int]
    hits: tuple[Share, Share, Share]
    expectancy_r: Decimal | None
    stderr_r: Decimal | None
    profit_factor: Decimal | None
    max_drawdown_r: Decimal | None
    if_unknown_lost: Decimal | None
    clusters: int
    claim: int = 0

    @property
    def enough(self) -> bool:
        """Whether there are signals enough to rank this slice or to colour it."""
        return self.entered >= ENOUGH


def track_record(outcomes: Sequence[Outcome]) -> list[Summary]:
    """All signals, then every slice of them. Only signals whose horizon is over count."""
    as_of = max((one.as_of for one in outcomes if one.as_of is not None), default=None)
    summaries = [_summary("all", "all", outcomes, as_of)]
    for by in SLICES:
        parts: dict[str | None, list[Outcome]] = defaultdict(list)
        for one in outcomes:
            parts[_slice(one, by)].append(one)
        ordered = sorted(parts, key=lambda value: (value is None, value or ""))
        summaries += [_summary(by, value, parts[value], as_of) for value in ordered]
    return list(_with_claims(summaries))


def fate(one: Outcome, as_of: datetime | None) -> str:
    """Under what a signal counts: "entered", or one of EXCLUDED."""
    if one.outcome is None:
        return "not_judged"
    # by the end of its own market's candles: later ones may be missing there for a reason
    known = one.as_of or as_of
    if one.ends is not None and known is not None and one.ends > known:
        return "too_young"
    return "entered" if one.r_net is not None and one.outcome != "missed" else one.outcome


def _summary(by: str, value: str | None, outcomes: Sequence[Outcome], as_of: datetime | None) -> Summary:
    counted: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        counted[fate(one, as_of)].append(one)
    old = [one for name, group in counted.items() if name != "too_young" for one in group]
    excluded = {name: len(counted[name]) for name in EXCLUDED}
    excluded["ambiguous"] = sum(one.ambiguous or False for one in old)
    entered = counted["entered"]
    results = [one.r_net for one in entered if one.r_net is not None]
    clusters = [cluster_name(one) for one in entered]
    unknown = [Decimal(-1)] * excluded["unknown"]
    return Summary(
        by=by,
        value=value,
        signals=len(outcomes),
        entered=len(entered),
        excluded=excluded,
        hits=(_hits(entered, 1), _hits(entered, 2), _hits(entered, 3)),
        expectancy_r=_places(_mean(results)),
        stderr_r=_places(_stderr(results, clusters)),
        profit_factor=_places(_profit_factor(results)),
        max_drawdown_r=_places(_drawdown(entered)),
        if_unknown_lost=_places(_mean([*results, *unknown])),
        clusters=len(set(clusters)),
    )


def _slice(one: Outcome, by: str) -> str | None:
    signal = one.signal
    if by == "side":
        return signal.direction or None
    if by == "exchange":
        return signal.exchange.lower() or None
    if by == "month":
        return f"{one.clock or signal.timestamp:%Y-%m}"
    if by == "risk_level":
        return None if signal.risk_level is None else f"{signal.risk_level.normalize():f}"
    return str(getattr(signal, by)) or None


def cluster_name(one: Outcome) -> str:
    """The day of a signal's clock, `2026-05-24`, or its week where it runs for long, `2026-W21`."""
    clock = one.clock or one.signal.timestamp
    if one.ends is not None and one.ends - clock >= _LONG:
        year, week, _ = clock.isocalendar()
        return f"{year}-W{week:02}"
    return f"{clock:%Y-%m-%d}"


def _hits(entered: Iterable[Outcome], rank: int) -> Share:
    """How many hit the target of that rank, of those that have it."""
    having = [one for one in entered if (one.targets or 0) >= rank]
    if not having:
        return Share()
    hits = [Decimal((one.targets_hit or 0) >= rank) for one in having]
    clusters = [cluster_name(one) for one in having]
    share = _EXACT.divide(sum(hits, Decimal(0)), Decimal(len(hits)))
    effective = _effective(hits, share, clusters)
    if effective is None:
        return Share(_places(share))
    low, high = _wilson(share, effective)
    return Share(_places(share), _places(low), _places(high))


def _effective(hits: Sequence[Decimal], share: Decimal, clusters: Sequence[Hashable]) -> Decimal | None:
    """How many independent signals so many are worth; None where too few days speak."""
    groups, count = len(set(clusters)), Decimal(len(hits))
    if groups < _FEWEST_CLUSTERS:
        return None
    naive = _EXACT.divide(_EXACT.multiply(share, 1 - share), count)
    if not naive:
        return Decimal(groups)
    effect = max(Decimal(1), _EXACT.divide(_variance(hits, clusters), naive))
    return _EXACT.divide(count, effect)


def _wilson(share: Decimal, count: Decimal) -> tuple[Decimal, Decimal]:
    """Wilson's score interval (Wilson 1927)."""
    square = _EXACT.divide(_Z * _Z, count)
    middle = share + square / 2
    half = _Z * _EXACT.sqrt(_EXACT.divide(share * (1 - share), count) + _EXACT.divide(square, 4 * count))
    return _EXACT.divide(middle - half, 1 + square), _EXACT.divide(middle + half, 1 + square)


def _mean(numbers: Sequence[Decimal]) -> Decimal | None:
    return _EXACT.divide(sum(numbers, Decimal(0)), Decimal(len(numbers))) if numbers else None


def _variance(numbers: Sequence[Decimal], clusters: Sequence[Hashable]) -> Decimal:
    """The variance of a mean, robust to what is alike within a cluster; at least two clusters."""
    mean = _mean(numbers) or Decimal(0)
    sums: dict[Hashable, Decimal] = defaultdict(Decimal)
    for number, cluster in zip(numbers, clusters, strict=True):
        sums[cluster] += number - mean
    groups, count = Decimal(len(sums)), Decimal(len(numbers))
    spread = sum((one * one for one in sums.values()), Decimal(0))
    return _EXACT.divide(groups * spread, (groups - 1) * count * count)


def _stderr(results: Sequence[Decimal], clusters: Sequence[Hashable]) -> Decimal | None:
    enough = len(set(clusters)) >= _FEWEST_CLUSTERS
    return _EXACT.sqrt(_variance(results, clusters)) if enough else None


def _profit_factor(results: Sequence[Decimal]) -> Decimal | None:
    """What was won over what was lost; None where nothing was lost."""
    lost = -sum((one for one in results if one < 0), Decimal(0))
    return _EXACT.divide(sum((one for one in results if one > 0), Decimal(0)), lost) if lost else None


def equity(outcomes: Iterable[Outcome]) -> list[tuple[datetime, Decimal]]:
    """The sum of R after each closed trade, by the time it closed."""
    paid = [(one.legs[-1].at, one.r_net) for one in outcomes if one.legs and one.r_net is not None]
    total, curve = Decimal(0), []
    for moment, result in sorted(paid, key=lambda trade: trade[0]):
        total += result
        curve.append((moment, total))
    return curve


def _drawdown(entered: Sequence[Outcome]) -> Decimal | None:
    """The deepest fall of the equity curve from a height before it."""
    peak = deepest = Decimal(0)
    for _, total in equity(entered):
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest if entered else None


def _with_claims(summaries: Sequence[Summary]) -> Iterator[Summary]:
    """Each summary with its claim: of all that could be made, as many as chance alone would not give."""
    chances = {at: _chance(one) for at, one in enumerate(summaries) if one.enough and one.stderr_r}
    sound = discoveries(chances)
    for at, one in enumerate(summaries):
        claimed = at in sound and one.expectancy_r is not None
        sign = 1 if (one.expectancy_r or 0) > 0 else -1
        yield replace(one, claim=sign) if claimed else one


def discoveries(chances: Mapping[int, float]) -> set[int]:
    """The keys of the chances (p-values) that stand at a false discovery rate of 10 % (Benjamini, Hochberg 1995)."""
    ordered = sorted(chances, key=lambda key: chances[key])
    stands = [
        rank for rank, key in enumerate(ordered, 1) if chances[key] <= _FALSE_CLAIMS * rank / len(ordered)
    ]
    return set(ordered[: max(stands, default=0)])


def _chance(summary: Summary) -> float:
    """How likely an expectancy so far from 0 is by chance: two-sided, Student's t over the clusters."""
    ratio = float(summary.expectancy_r or 0) / float(summary.stderr_r or 1)
    return student(ratio, summary.clusters - 1)


def student(ratio: float, freedom: int) -> float:
    """The two-sided tail of Student's t for whole degrees of freedom (Abramowitz, Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(abs(ratio) / math.sqrt(freedom))
    cosine, even = math.cos(angle), freedom % 2 == 0
    term = 1.0 if even else cosine
    total = term if freedom > 1 else 0.0
    for step in range(2 if even else 3, freedom - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    inside = math.sin(angle) * total
    return 1 - inside if even else 1 - 2 / math.pi * (angle + inside)


def _places(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.quantize(_PLACES, context=_EXACT)
