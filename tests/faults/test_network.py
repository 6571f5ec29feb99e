"""Two faults in a row between us and the signals API or Google: the right exit code, and nothing lost or doubled.

The ordinary tests try a sample of the combinations; `pytest -m soak tests/faults` tries all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import pytest

from tests.faults.links import API_BUDGET, GOOGLE_BUDGET, Links, linked
from tests.faults.network import PASSING, STRAY, Fault, Net, api_faults, google_faults, network

_REQUESTS = 3  # that a sync with news sends to Google: two questions and one write
_RENEWED = "google-401"  # a new token is tried at once
_PLANNED_ANEW = "google-400"
_OTHER_PATH = "api-404"  # the other documented address is tried at once
_MENDED_ONCE = (_RENEWED, _PLANNED_ANEW, _OTHER_PATH)

Script = Sequence[Fault | None]


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    with linked(tmp_path_factory.mktemp("links")) as made:
        yield made


@pytest.fixture(scope="module")
def wanted(links: Links) -> list[dict[str, Any]]:
    """The spreadsheet's rows after a sync that nothing disturbs."""
    assert links.sync().exit_code == 0
    return links.rows()


def allowed(faults: Script) -> set[int]:
    """The exit codes that a sync may end with after these faults."""
    struck = [fault for fault in faults if fault]
    final = {fault.code for fault in struck} - {PASSING}
    names = [fault.name for fault in struck]
    if names == [_OTHER_PATH] * 2:
        return {69}
    return final if len(final) == len(set(names)) == 1 and names[0] not in _MENDED_ONCE else final | {0}


def violations(
    links: Links, net: Net, wanted: list[dict[str, Any]], api: Script, google: Script
) -> Iterator[str]:
    """What a sync with these faults, and the next one without, leave wrong."""
    links.restore()
    visits = len(net.server.visits)
    report = links.sync(api, google)
    if report.exit_code not in allowed([*api, *google]):
        yield f"exit code {report.exit_code}: {[str(error) for error in report.errors]}"
    if any(visit.startswith(STRAY) for visit in net.server.visits[visits:]):
        yield "followed a redirect to another origin"
    if links.waited_for_api > API_BUDGET or links.waited_for_google > GOOGLE_BUDGET:
        yield f"waited {links.waited_for_api:.0f} s and {links.waited_for_google:.0f} s"
    keys = [row["id"] for row in links.rows()]
    if len(keys) != len(set(keys)):
        yield "a row is doubled"
    if report.exit_code == 0 and links.rows() != wanted:
        yield "says that all is well, and the spreadsheet lacks something"
    again = links.sync()
    if again.exit_code:
        yield f"the next sync ends with {again.exit_code}: {[str(error) for error in again.errors]}"
    if links.rows() != wanted:
        yield "the spreadsheet is not as after an undisturbed sync"


def at_the_api(net: Net) -> Iterator[tuple[Script, Script]]:
    return ((pair, ()) for pair in product(api_faults(net), repeat=2))


def at_google(net: Net) -> Iterator[tuple[Script, Script]]:
    """Beginning with each of the requests of a sync."""
    for before, pair in product(range(_REQUESTS), product(google_faults(net), repeat=2)):
        yield (), (*[None] * before, *pair)


def at_both_ends(net: Net) -> Iterator[tuple[Script, Script]]:
    for before, one, other in product(range(_REQUESTS), api_faults(net), google_faults(net)):
        yield (one,), (*[None] * before, other)


def tried(
    links: Links, net: Net, wanted: list[dict[str, Any]], combinations: Iterable[tuple[Script, Script]]
) -> list[str]:
    return [
        f"{[*map(str, api)]} at the API, {[*map(str, google)]} at Google: {problem}"
        for api, google in combinations
        for problem in violations(links, net, wanted, api, google)
    ]


@pytest.mark.parametrize("end", [at_the_api, at_google, at_both_ends])
def test_two_faults_in_a_row_lose_and_double_nothing(
    links: Links, net: Net, wanted: list[dict[str, Any]], end: Any
) -> None:
    every = list(end(net))
    assert tried(links, net, wanted, every[:: len(every) // 8]) == []


@pytest.mark.soak
@pytest.mark.parametrize("end", [at_the_api, at_google, at_both_ends])
def test_every_two_faults_in_a_row_lose_and_double_nothing(
    links: Links, net: Net, wanted: list[dict[str, Any]], end: Any
) -> None:
    assert tried(links, net, wanted, end(net)) == []
