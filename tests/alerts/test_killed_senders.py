"""Syncs that are killed at random moments: each service got what the journal says, and no token is left anywhere."""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from cqs_sheets.config import load
from cqs_sheets.core.alerts import Notice, Wording, message_of
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.journal import Journal
from cqs_sheets.run.alerts import Dispatcher
from tests.alerts.servers import certificate, http_service, mail_service
from tests.cli.command import Shell
from tests.e2e.killing import utc_now
from tests.secrets.leftovers import left_behind

pytest.importorskip("apprise")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of modules that apprise's plug-ins import
TELEGRAM, DISCORD = "123456789:AAtoken_that_nobody_may_see_00000000", "JHMHI8qBe7bk2ZwO5U711o3dV_js"
ALERT = '[[alert]]\nname = "{0}"\nto_file = "{1}/{0}"\non = ["new", "changed", "closed", "gap"]\nlimit = 60\n'


class Scene:
    """Five services, a market, and a folder with a config whose addresses are in a vault."""

    def __init__(self, folder: Path, vault: Path, stack: ExitStack, seed: int) -> None:
        market = stack.enter_context(sandbox.start(seed=seed, speed=60))
        ca = certificate(vault / "ca.pem")
        self.proxy, self.hook, self.ntfy = (
            stack.enter_context(http_service(file)) for file in (ca, None, None)
        )
        self.mail = stack.enter_context(mail_service())
        addresses = {
            "telegram": f"tgram://{TELEGRAM}/42",
            "discord": f"https://discord.com/api/webhooks/4174216298/{DISCORD}",
            "ntfy": f"ntfy://127.0.0.1:{self.ntfy.port}/trades",
            "mail": f"mailto://127.0.0.1:{self.mail.port}/?from=me@test.example&to=you@test.example",
            "hook": f"http://127.0.0.1:{self.hook.port}/hook",
        }
        for name, address in addresses.items():
            (vault / name).write_text(address)
        config = "\n".join(ALERT.format(name, vault.as_posix()) for name in addresses)
        (folder / "cqs-sheets.toml").write_text(config)
        kept = {name for name in os.environ if name.lower().endswith("_proxy")}
        self.names = list(addresses)
        self.shell = Shell(
            folder,
            dict.fromkeys(kept, "")
            | {
                "CQS_API_URL": market.url,
                "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy.port}",
                "REQUESTS_CA_BUNDLE": str(ca),
            },
        )

    def sync(self, patience: float | None = None) -> str:
        """What it printed; nothing of one that was killed after so many seconds."""
        with self.shell.start("sync", "--template", "raw", "-v") as process:
            try:
                return "".join(process.communicate(timeout=patience))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return ""

    def send_the_rest(self) -> None:
        """As a process does that is left alone for an hour or two."""
        environ = self.shell.environ
        path = self.shell.home / "journal.sqlite3"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            config = self.shell.folder / "cqs-sheets.toml"
            settings = load(config=config, environ=environ, cwd=self.shell.folder)
            for step in range(40):
                later = timedelta(minutes=5 * step)
                dispatcher = Dispatcher(settings, path, clock=lambda: utc_now() + later, warn=print)  # noqa: B023
                dispatcher.send_due()

    def titles(self) -> Mapping[str, list[str]]:
        """The first lines of what came, by service."""
        posts = self.proxy.posts
        return {
            "telegram": [post.json["text"] for post in posts if post.path.endswith("/sendMessage")],
            "discord": [post.json["content"] for post in posts if "/webhooks/" in post.path],
            "ntfy": [post.json["title"] for post in self.ntfy.posts],
            "mail": [str(mail["Subject"]) for mail in self.mail.mails],
            "hook": [post.json["title"] for post in self.hook.posts],
        }


def told(scene: Scene) -> Mapping[str, tuple[Counter[str], int, Counter[int]]]:
    """By alert, what the journal says: the titles that were surely sent, how many tries, and tries by entry."""
    found = {}
    path = scene.shell.home / "journal.sqlite3"
    with Journal.open_readonly(path, clock=utc_now) as journal:
        config = str(scene.shell.folder / "cqs-sheets.toml")
        for alert in journal.alerts(config):
            entries = journal.last_alerts(alert.id, 100_000)
            assert {entry.state for entry in entries} == {"sent"}, "something was never sent"
            rows = journal._database.execute("SELECT id, batch FROM outbox WHERE alert = ?", (alert.id,))
            batches: defaultdict[int, list[Notice]] = defaultdict(list)
            batch_of: dict[int, int] = dict(rows)
            for entry in entries:
                batches[batch_of[entry.notice.id]].append(entry.notice)
            wording = Wording(symbols=BUILT_IN, zone=utc_now().tzinfo)  # type: ignore[arg-type]
            titles = Counter(message_of(news, wording).title for news in batches.values())
            tries = Counter({entry.notice.id: entry.tries for entry in entries})
            found[alert.name] = titles, max(batches), tries
    return found


def check(folder: Path, vault: Path, *, syncs: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - for a reproducible order
    with ExitStack() as stack:
        scene = Scene(folder, vault, stack, seed)
        printed, usual = [scene.sync()], 4.0
        doomed = set(chance.sample(range(syncs), kills))
        for number in range(syncs):
            begun = utc_now()
            printed.append(scene.sync(chance.uniform(0.8, usual) if number in doomed else None))
            usual = max(1.0, (utc_now() - begun).total_seconds()) if number not in doomed else usual
        scene.send_the_rest()
        came, said = scene.titles(), told(scene)
    for name in scene.names:
        titles, tries, _ = said[name]
        heads = Counter(title for title in came[name])
        assert len(came[name]) <= tries, f"{name} got more than was tried"
        for title, count in titles.items():
            got = sum(number for head, number in heads.items() if title in head)
            assert got >= count, f"{name} lacks {title}"
    events = Counter(event["id"] for post in scene.hook.posts for event in post.json["events"])
    _, _, tries_of = said["hook"]
    assert set(events) == set(tries_of)
    assert all(1 <= events[entry] <= tries_of[entry] for entry in events)
    places = {"what was printed": "".join(printed).encode(), **dict(left_behind(folder))}
    for where, content in places.items():
        assert TELEGRAM.partition(":")[2].encode() not in content, where
        assert DISCORD.encode() not in content, where


@pytest.mark.soak
def test_two_hundred_killed_syncs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(tmp_path, tmp_path_factory.mktemp("vault"), syncs=220, kills=200, seed=5)
