"""The state branch on real repositories of git: absent, lost races, persons' commits, rules that forbid force."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import AccessRefused, DataRefused, TargetBusy, UsageError
from cqs_sheets.github.git import Git
from cqs_sheets.github.state import Keeper, Owner, StateBranch
from cqs_sheets.journal import JOURNAL_FILE, Journal
from tests.journal.samples import at, key, poll, signal

pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("git") is None, reason="needs git, on a runner's system"
)
OWNER = Owner(workflow=".github/workflows/cqs-sheets.yml")


def clock() -> datetime:
    return datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Runner:
    """A machine with a checkout of its own; what it watches is put into its journal by `sees`."""

    def __init__(
        self, folder: Path, url: str, owner: Owner = OWNER, *, books: tuple[str, ...] = ("signals.xlsx",)
    ) -> None:
        self.root = folder / "checkout"
        self.root.mkdir(parents=True, exist_ok=True)
        self.waited: list[float] = []
        repository = Git(
            folder / "state", url, environ={"PATH": os.environ["PATH"]}, sleep=self.waited.append
        )
        self.branch = StateBranch(repository, owner.branch, owner, self.root)
        self.keeper = Keeper(
            branch=self.branch,
            root=self.root,
            journal=self.root / ".cqs-sheets" / JOURNAL_FILE,
            workbooks=[self.root / book for book in books],
            page=lambda: "the newest signals",
            clock=clock,
            sleep=self.waited.append,
        )  # fmt: skip

    @property
    def book(self) -> Path:
        return self.root / "signals.xlsx"

    def sees(self, minute: float, *numbers: int, row: str = "") -> None:
        with Journal.open(self.keeper.journal, clock=clock) as journal:
            journal.record_poll(poll(minute, *(signal(number, opened=minute - 1) for number in numbers)))
        self.book.write_text(f"{self.book.read_text() if self.book.exists() else ''}{row}")

    def known(self) -> set[str]:
        with Journal.open_readonly(self.keeper.journal, clock=clock) as journal:
            return {record.signal.key.id for record in journal.records()}


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    return folder


@pytest.fixture
def runner(tmp_path: Path, remote: Path) -> Callable[..., Runner]:
    return lambda name, **more: Runner(tmp_path / name, remote.as_uri(), **more)


def count(remote: Path) -> int:
    return int(git(remote, "rev-list", "--count", OWNER.branch))


def person(remote: Path, tmp_path: Path, files: dict[str, str | None]) -> str:
    """Somebody's commit on the branch; its sha."""
    clone = tmp_path / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    git(tmp_path, "clone", "--quiet", "--branch", OWNER.branch, str(remote), str(clone))
    for name, text in files.items():
        (clone / name).unlink() if text is None else (clone / name).write_text(text)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Update signals.xlsx")
    git(clone, "push", "--quiet")
    return git(clone, "rev-parse", "HEAD")


def show(remote: Path, path: str) -> str:
    return git(remote, "show", f"{OWNER.branch}:{path}")


def test_what_one_run_keeps_the_next_one_has_in_one_commit(
    remote: Path, runner: Callable[..., Runner]
) -> None:
    first = runner("first")
    assert not first.keeper.restore()
    first.sees(0, 1, row="one ")
    assert first.keeper.keep().pushed
    first.sees(1, 2, row="two ")
    assert first.keeper.keep().pushed
    assert count(remote) == 1
    assert git(remote, "ls-tree", "--name-only", OWNER.branch).split() == [
        "README.md",
        JOURNAL_FILE,
        "signals.xlsx",
    ]
    second = runner("second")
    assert second.keeper.restore()
    assert (second.known(), second.book.read_text()) == ({"1", "2"}, "one two ")
    second.sees(2, 3)
    assert second.keeper.keep().pushed
    assert count(remote) == 1
    assert not second.keeper.keep().pushed  # nothing new


def test_a_second_workbook_is_added_to_what_is_there(remote: Path, runner: Callable[..., Runner]) -> None:
    first = runner("first")
    first.sees(0, 1, row="one ")
    first.keeper.keep()
    second = runner("second", books=("signals.xlsx", "my böok.xlsx"))
    second.keeper.restore()
    assert second.known() == {"1"}
    (second.root / "my böok.xlsx").write_text("more")
    second.keeper.keep()
    third = runner("third", books=("my böok.xlsx",))
    third.keeper.restore()
    assert (third.root / "my böok.xlsx").read_text() == "more"
    third.sees(1, 2)
    third.keeper.keep()
    assert show(remote, "signals.xlsx") == "one"  # a list that became shorter drops nothing


def test_who_loses_the_race_rests_on_the_winner_and_brings_its_own(
    remote: Path, runner: Callable[..., Runner]
) -> None:
    start = runner("start")
    start.sees(0, 1, row="one ")
    start.keeper.keep()
    winner, loser = runner("winner"), runner("loser")
    winner.keeper.restore()
    loser.keeper.restore()
    winner.sees(1, 2, row="two ")
    loser.sees(2, 3, row="three ")
    with Journal.open(loser.keeper.journal, clock=clock) as journal:
        journal.keep_answer("swing", {}, at(3), b"{}")
    winner.keeper.keep()
    kept = loser.keeper.keep()
    assert kept.pushed
    assert kept.taken == (JOURNAL_FILE, "signals.xlsx")
    assert loser.known() == {"1", "2", "3"}
    assert (
        loser.book.read_text() == "one two "
    )  # theirs: what is ours is pending, and goes in with the next sync
    with Journal.open_readonly(loser.keeper.journal, clock=clock) as journal:
        assert len(journal.undigested()) == 1
        assert journal.coverage([("swing", "all/free")]).gap_seconds == 0
        wanted = journal.wanted(journal.target(f"{loser.book} as signals", ""), None)
        assert {row.record.signal.key for row in wanted} == {key(1), key(2), key(3)}
    after = runner("after")
    after.keeper.restore()
    assert after.known() == {"1", "2", "3"}
    assert count(remote) == 1


def test_two_that_begin_at_once_on_no_branch_lose_nothing(runner: Callable[..., Runner]) -> None:
    one, two = runner("one"), runner("two")
    for each, number in ((one, 1), (two, 2)):
        assert not each.keeper.restore()
        each.sees(number, number, row=f"{number} ")
    one.keeper.keep()
    assert two.keeper.keep().taken == (JOURNAL_FILE, "signals.xlsx")
    assert two.known() == {"1", "2"}


def test_a_push_that_comes_between_look_and_push_is_a_race_and_not_overwritten(
    remote: Path, runner: Callable[..., Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = runner("one"), runner("two")
    one.sees(0, 1, row="1 ")
    two.sees(1, 2, row="2 ")
    look = two.branch.look
    looks: list[object] = []

    def late() -> object:
        looks.append(look())
        if len(looks) == 1:
            one.keeper.keep()
        return looks[-1]

    monkeypatch.setattr(two.branch, "look", late)
    assert two.keeper.keep().pushed
    assert len(looks) == 2
    assert two.known() == {"1", "2"}
    assert count(remote) == 1


def test_a_persons_workbook_is_taken_and_their_commit_stays(
    remote: Path, tmp_path: Path, runner: Callable[..., Runner]
) -> None:
    watching = runner("watching")
    watching.sees(0, 1, row="one ")
    watching.keeper.keep()
    theirs = person(remote, tmp_path, {"signals.xlsx": "one with notes ", "mine.txt": "keep me"})
    watching.sees(1, 2, row="two ")
    assert watching.keeper.keep().taken == ("signals.xlsx",)
    assert watching.book.read_text() == "one with notes "
    assert watching.known() == {"1", "2"}
    for minute in (2, 3):
        watching.sees(minute, row="more ")
        watching.keeper.keep()
    assert git(remote, "rev-parse", f"{OWNER.branch}^") == theirs
    assert count(remote) == 3
    assert show(remote, "mine.txt") == "keep me"
    later = runner("later")
    later.keeper.restore()
    later.sees(4, row="again ")
    later.keeper.keep()
    assert git(remote, "rev-parse", f"{OWNER.branch}^") == theirs


def test_a_journal_that_a_person_deleted_or_broke_is_no_beginning(
    remote: Path, tmp_path: Path, runner: Callable[..., Runner]
) -> None:
    watching = runner("watching")
    watching.sees(0, 1, row="one ")
    watching.keeper.keep()
    person(remote, tmp_path, {JOURNAL_FILE: None})
    watching.sees(1, 2)
    watching.keeper.keep()
    assert runner("later").keeper.restore()
    assert watching.known() == {"1", "2"}
    person(remote, tmp_path, {JOURNAL_FILE: "nonsense"})
    with pytest.raises(DataRefused):
        runner("much-later").keeper.restore()
    assert show(remote, JOURNAL_FILE) == "nonsense"


def test_where_force_is_forbidden_it_appends(remote: Path, runner: Callable[..., Runner]) -> None:
    git(remote, "config", "receive.denyNonFastForwards", "true")
    watching = runner("watching")
    for minute in range(3):
        watching.sees(minute, minute + 1)
        watching.keeper.keep()
    assert watching.branch.appends
    assert count(remote) == 3


def test_a_rule_that_forbids_every_push_is_told(remote: Path, runner: Callable[..., Runner]) -> None:
    hook = remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found'; exit 1\n")
    hook.chmod(0o755)
    watching = runner("watching")
    watching.sees(0, 1)
    with pytest.raises(AccessRefused, match="GH013"):
        watching.keeper.keep()


def test_a_server_that_is_away_is_asked_again_and_never_taken_for_an_absent_branch(
    remote: Path, runner: Callable[..., Runner]
) -> None:
    remote.rename(remote.with_name("away"))
    watching = runner("watching")
    with pytest.raises(TargetBusy, match="cannot be reached"):
        watching.keeper.restore()
    assert watching.waited == [2.0, 8.0, 20.0, 60.0]
    watching.sees(0, 1)
    with pytest.raises(TargetBusy):
        watching.keeper.keep()
    remote.with_name("away").rename(remote)
    assert watching.keeper.keep().pushed


def test_two_workflows_never_share_a_branch_unless_one_was_renamed(runner: Callable[..., Runner]) -> None:
    first = runner("first")
    first.sees(0, 1)
    first.keeper.keep()
    other = runner("other", owner=Owner(workflow=".github/workflows/renamed.yml"))
    assert other.keeper.restore()
    file = other.root / OWNER.workflow
    file.parent.mkdir(parents=True)
    file.touch()
    other = runner("other", owner=Owner(workflow=".github/workflows/renamed.yml"))
    other.branch._git("update-ref", "-d", "refs/cqs/base")
    with pytest.raises(UsageError, match=r"default of"):
        other.keeper.restore()
    swing = runner("swing", owner=Owner(workflow=OWNER.workflow, name="swing"))
    assert not swing.keeper.restore()
    usdt = Owner(workflow=OWNER.workflow, name="swing-usdt")
    assert not runner("usdt", owner=usdt).keeper.restore()


@pytest.mark.parametrize("name", ["a b", "-x", "x.lock", "a..b", "sandbox", "ä"])
def test_a_name_that_no_branch_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Owner(workflow="w.yml", name=name)


def test_the_token_is_in_no_address_argument_or_file(tmp_path: Path) -> None:
    asked = tmp_path / "bin" / "git"
    asked.parent.mkdir()
    asked.write_text(f'#!/bin/sh\nenv >> {tmp_path}/env; echo "$@" >> {tmp_path}/arguments\n')
    asked.chmod(0o755)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "HEAD").touch()
    environ = {"PATH": f"{asked.parent}:/usr/bin:/bin"}
    repository = Git(
        tmp_path / "state", "https://github.com/me/mine.git", environ=environ, token=Secret("s3cret")
    )
    repository.ask("ls-remote", repository.url)
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert "GIT_CONFIG_KEY_0=http.https://github.com/.extraheader" in (tmp_path / "env").read_text()
    assert "s3cret" not in repr(repository)


def test_a_workbook_near_githubs_limit_is_told_and_left_as_it_was(
    remote: Path, runner: Callable[..., Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = runner("watching")
    watching.sees(0, 1, row="small")
    watching.keeper.keep()
    monkeypatch.setattr("cqs_sheets.github.state.LARGEST", 200_000)
    with watching.book.open("wb") as file:
        file.truncate(200_001)
    watching.sees(1, 2)
    kept = watching.keeper.keep()
    assert "100 MB" in kept.warnings[0]
    assert show(remote, "signals.xlsx") == "small"


def test_a_journal_knows_its_workbook_on_a_runner_with_other_folders(runner: Callable[..., Runner]) -> None:
    first, second = runner("first"), runner("second")
    first.sees(0, 1)
    with Journal.open(first.keeper.journal, clock=clock) as journal:
        target = journal.target(f"{first.book} as signals", "")
        journal.delivered(
            target, sequence=7, version="", rows=[], cursor=journal.newest_change(), at=at(0), wrote=True
        )
    first.keeper.keep()
    second.keeper.restore()
    with Journal.open(second.keeper.journal, clock=clock) as journal:
        assert journal.target(f"{second.book} as signals", "").sequence == 7


def test_the_copy_in_the_branch_is_pruned_and_whole(
    remote: Path, tmp_path: Path, runner: Callable[..., Runner]
) -> None:
    watching = runner("watching")
    watching.sees(-60 * 24 * 40, 1)
    watching.sees(0, 2)
    watching.keeper.keep()
    file = tmp_path / "copy.sqlite3"
    subprocess.run(f"git show {OWNER.branch}:{JOURNAL_FILE} > {file}", cwd=remote, shell=True, check=True)  # noqa: S602
    with Journal.open_readonly(file, clock=clock) as journal:
        assert journal.verify() == []
        assert len(journal.polls(9)) == 1
