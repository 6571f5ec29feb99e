"""What arrives at each kind of service, through the unmodified apprise."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqs_sheets import alerts
from cqs_sheets.alerts import sender
from cqs_sheets.core.alerts import Kind, Message, Notice, Send, Sent, Wording, message_of
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.errors import UsageError
from tests.alerts.servers import Service, certificate, http_service, mail_service
from tests.faults.hostile import hostile
from tests.make import record

pytest.importorskip("apprise")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of modules that its plug-ins import
TOKEN = "123456789:AAtoken_that_nobody_may_see_00000000"
NEW = Notice(id=7, at=datetime(2026, 5, 24, 14, 32, tzinfo=UTC), kind=Kind.NEW, record=record(coin="B_C*"))
WORDING = Wording(symbols=BUILT_IN, zone=UTC)


@pytest.fixture
def message() -> Message:
    return message_of([NEW], WORDING)


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The hosts that are fixed in apprise, on this machine."""
    file = certificate(tmp_path / "ca.pem")
    with http_service(file) as service:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{service.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield service


def to(address: str) -> Send:
    return sender(Secret(address), "phone")


def test_telegram_gets_the_message_with_its_marks(proxy: Service, message: Message) -> None:
    assert to(f"tgram://{TOKEN}/42")(message).reason == ""
    [post] = [post for post in proxy.posts if post.path.endswith("/sendMessage")]
    assert (post.host, post.json["chat_id"]) == ("api.telegram.org", 42)
    assert post.json["parse_mode"] == "MARKDOWN"
    assert "New: LONG B C" in post.json["text"]  # no mark of a coin's name is left where a title is
    assert "stop 93100 (1.30 %)" in post.json["text"]


def test_discord_gets_the_message(proxy: Service, message: Message) -> None:
    sent = to("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")(message)
    assert sent.reason == ""
    [post] = proxy.posts
    assert post.path.startswith("/api/webhooks/4174216298/")
    assert "targets" in post.body.decode()


def test_ntfy_gets_the_message(message: Message) -> None:
    with http_service() as service:
        assert to(f"ntfy://127.0.0.1:{service.port}/trades")(message).reason == ""
    [post] = service.posts
    assert post.json["title"] == "New: LONG B_C*/USDT"  # plain, so nothing is escaped
    assert "zone 94250.5 - 94400" in post.json["message"]


def test_mail_arrives(message: Message) -> None:
    with mail_service() as box:
        sent = to(f"mailto://127.0.0.1:{box.port}/?from=me@test.example&to=you@test.example")(message)
    assert sent.reason == ""
    [mail] = box.mails
    assert mail["To"] is not None
    assert "New: LONG" in str(mail["Subject"])


def test_an_address_of_ones_own_gets_json(message: Message) -> None:
    with http_service() as service:
        assert to(f"http://127.0.0.1:{service.port}/hook")(message).reason == ""
    [post] = service.posts
    assert post.json["alert"] == "phone"
    [event] = post.json["events"]
    assert event["id"] == 7
    assert event["kind"] == "new"
    assert event["signal"]["coin"] == "B_C*"


@pytest.mark.parametrize(
    ("status", "unsure"),
    [
        pytest.param(401, False, id="refused"),
        pytest.param(502, True, id="broken"),
        pytest.param(None, True, id="hung up"),
    ],
)
def test_a_failure_says_why_and_whether_it_may_have_arrived(
    status: int | None, unsure: bool, message: Message
) -> None:
    with http_service() as service:
        for address in (f"http://127.0.0.1:{service.port}/x", f"ntfy://127.0.0.1:{service.port}/trades"):
            service.answers[:] = [status] * 9
            sent = to(address)(message)
            assert sent.reason
            assert sent.unsure is unsure, address


def test_nobody_there_is_a_failure_for_sure(message: Message) -> None:
    with http_service() as service:
        port = service.port
    for address in (
        f"http://127.0.0.1:{port}/x",
        f"ntfy://127.0.0.1:{port}/t",
        f"mailto://127.0.0.1:{port}/?from=a@b.cc&to=c@d.ee",
    ):
        sent = to(address)(message)
        assert sent.reason
        assert not sent.unsure


def test_a_redirect_is_not_followed(message: Message) -> None:
    with http_service() as service:
        service.answers.append(302)
        assert "302" in to(f"http://127.0.0.1:{service.port}/x")(message).reason
    assert len(service.posts) == 1


def test_no_token_is_logged(
    proxy: Service, message: Message, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    proxy.answers[:] = [401] * 9
    send = to(f"tgram://{TOKEN}/42")
    sent = send(message)
    told = f"{caplog.text} {capfd.readouterr()} {sent} {send!r}"
    assert "HTTP 401" in sent.reason
    assert TOKEN.partition(":")[2] not in told


@pytest.mark.parametrize("address", ["nosuch://token123", "http://example.com/token123", "https://"])
def test_an_address_that_nobody_takes_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        to(address)
    assert "token123" not in str(refused.value)


def test_without_apprise_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(UsageError, match="apprise") as refused:
        to("ntfy://host/topic")
    assert "cqs-sheets[alerts]" in refused.value.hint


@pytest.mark.parametrize("scheme", ["http", "json"])  # the user's own address, and one by apprise
def test_a_service_that_drips_its_answer_holds_no_other(
    scheme: str, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_LONGEST", 0.3)
    with hostile("header", "drip") as server:
        send = to(server.address.replace("http", scheme, 1))
        assert send(message) == Sent(reason="it did not answer in time", unsure=True)
        assert send(message) == Sent(reason="it still holds the message before")


def test_what_goes_wrong_while_sending_is_the_callers_and_nothing_is_printed(
    message: Message, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Message) -> Sent:
        raise RuntimeError("of tgram://TOKEN")

    with pytest.raises(RuntimeError, match="of tgram"):
        alerts._in_time(broken)(message)
    assert capfd.readouterr() == ("", "")


def test_the_body_of_an_answer_is_not_waited_for(message: Message) -> None:
    with hostile("endless body", "endless") as server:
        assert to(server.address)(message) == Sent()
