"""Honest servers on this machine that speak what alerts are sent by: HTTP as several services do, and SMTP.

Hosts that are fixed in a client are reached through the proxy: it answers for them, with a certificate of its own.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("api.telegram.org", "discord.com")


@dataclass(slots=True)
class Post:
    host: str
    path: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Service:
    """What came, and how to answer: `answers` are statuses for the next requests, then 200; None hangs up."""

    posts: list[Post] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    port: int = 0

    def texts(self) -> list[str]:
        return [post.body.decode() for post in self.posts]


def _handler(service: Service, tls: ssl.SSLContext | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            assert tls is not None
            self.host = self.path.partition(":")[0]
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.wfile.flush()
            with tls.wrap_socket(self.connection, server_side=True) as inner:
                plain = self.rfile, self.wfile
                self.rfile, self.wfile = inner.makefile("rb"), inner.makefile("rwb", 0)  # type: ignore[assignment]
                self.handle_one_request()
                self.rfile.close()
                self.rfile, self.wfile = plain
            self.close_connection = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = service.answers.pop(0) if service.answers else 200
            service.posts.append(Post(self.host, self.path, body))
            if status is None:
                self.close_connection = True
                return
            told = {"ok": True, "result": {"message_id": 1, "chat": {"id": 1}}, "id": "x", "event": "message"}
            content = json.dumps(told if status < 400 else {"ok": False, "description": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 64


@contextmanager
def http_service(certificate: Path | None = None) -> Iterator[Service]:
    """A server of HTTP; with a certificate it is a proxy for HOSTS."""
    service, tls = Service(), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = _Server(("127.0.0.1", 0), _handler(service, tls))
    server.daemon_threads = True
    service.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def certificate(path: Path, hosts: Sequence[str] = HOSTS) -> Path:
    """A certificate of its own authority, with its key, for those hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@dataclass(slots=True)
class Mailbox:
    mails: list[Message] = field(default_factory=list)
    port: int = 0


@contextmanager
def mail_service() -> Iterator[Mailbox]:
    """A server of SMTP, as far as a client that sends needs it."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 mail.test ESMTP\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    box.mails.append(message_from_bytes(text, policy=policy.default))  # its headers decoded
                if word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 mail.test\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield box
        server.shutdown()
