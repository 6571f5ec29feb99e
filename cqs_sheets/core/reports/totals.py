"""Several syncs told as one: what a whole watch did."""

from __future__ import annotations

from dataclasses import replace

from cqs_sheets.core.reports.report import ApiReport, Report, TargetReport, merged_rejects


def in_total(earlier: Report | None, latest: Report) -> Report:
    """The work of both added up, with the state (coverage, errors, what is pending) of the latest."""
    if earlier is None:
        return latest
    before = {target.target: target for target in earlier.targets}
    now = {target.target: target for target in latest.targets}
    return replace(
        latest,
        started=earlier.started,
        seconds=earlier.seconds + latest.seconds,
        api=_api(earlier.api, latest.api),
        targets=tuple(_target(before.get(name), now.get(name)) for name in before | now),
        warnings=tuple(dict.fromkeys((*earlier.warnings, *latest.warnings))),
    )


def _api(earlier: ApiReport, latest: ApiReport) -> ApiReport:
    return ApiReport(
        requests=earlier.requests + latest.requests,
        signals=latest.signals,
        new=earlier.new + latest.new,
        changed=earlier.changed + latest.changed,
        closed=earlier.closed + latest.closed,
        rejects=merged_rejects([*earlier.rejects, *latest.rejects]),
    )


def _target(earlier: TargetReport | None, latest: TargetReport | None) -> TargetReport:
    told = [target for target in (latest, earlier) if target]
    return replace(
        told[0],
        added=sum(target.added for target in told),
        updated=sum(target.updated for target in told),
        closed=sum(target.closed for target in told),
        requests=sum(target.requests for target in told),
        seconds=sum(target.seconds for target in told),
    )
