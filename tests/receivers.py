"""Real servers that take letters and webhooks, on loopback."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Letterbox:
    """An SMTP server that remembers what it took; `refusals` are said instead of taking the next letters."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)
    encrypted: int = 0
    refusals: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation, as far as `smtplib` needs it."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 letterbox")
        while line := (await reader.readline()).decode().strip():
            match line.upper().split(" ", 1)[0]:
                case "EHLO":
                    offers = ["AUTH PLAIN"] + (["STARTTLS"] if self.tls else [])
                    say("250-letterbox")
                    for offer in offers[:-1]:
                        say(f"250-{offer}")
                    say(f"250 {offers[-1]}")
                case "STARTTLS":
                    say("220 go on")
                    await writer.drain()
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                    self.encrypted += 1
                case "AUTH":
                    self.signed_in.append(base64.b64decode(line.split(" ")[2]).decode())
                    say("235 welcome")
                case "RCPT":
                    say(self.refusals.pop(0) if self.refusals else "250 ok")
                case "DATA":
                    say("354 go on")
                    self.letters.append(_letter(await reader.readuntil(b"\r\n.\r\n")))
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 ok")
            await writer.drain()
        writer.close()


def _letter(data: bytes) -> EmailMessage:
    letter = message_from_bytes(data.removesuffix(b".\r\n"), policy=policy.default)
    assert isinstance(letter, EmailMessage)
    return letter


@asynccontextmanager
async def letterbox(tls: ssl.SSLContext | None = None) -> AsyncIterator[Letterbox]:
    """An SMTP server that listens until the block is left."""
    box = Letterbox(tls=tls)
    async with await asyncio.start_server(box.talk, "127.0.0.1", 0) as server:
        box.port = server.sockets[0].getsockname()[1]
        yield box


@dataclass
class Posted:
    """A webhook that arrived."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Hook:
    """An HTTP server that remembers what was posted; `statuses` are answered first, then 204."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Answers a webhook."""
        self.posted.append(Posted(dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"location": "/elsewhere"} if 300 <= status < 400 else {})


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    """A receiver of webhooks that listens until the block is left."""
    receiver = Hook()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()


def own_certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server called `name` shows, and what trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = directory / "certificate.pem", directory / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(chain, secret)
    return serves, ssl.create_default_context(cafile=str(chain))
