"""Letters and webhooks, to real servers on loopback."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openai import OpenAI

from tests.receivers import hook, letterbox, own_certificate
from tokenmill.kit.addresses import checked_addresses, is_public
from tokenmill.notify.letters import LETTERS, write_letter
from tokenmill.notify.mail import SmtpMailer, SmtpServer
from tokenmill.notify.webhooks import LARGEST, WebhookSender
from tokenmill.ports import Undeliverable

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def mailer(port: int, host: str = "127.0.0.1", **more: str) -> SmtpMailer:
    server = SmtpServer(host=host, port=port, sender="Mill <mill@example.com>", starttls=False, **more)
    return SmtpMailer(server)


def resolver(*addresses: str) -> WebhookSender:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return WebhookSender(loopback=True, resolve=resolve)


# Letters.


async def test_a_letter_arrives_whole(tmp_path: Path) -> None:
    async with letterbox() as box:
        await mailer(box.port).send("dev@example.com", "余额不足", "您的余额\n.\n为 0", message_id="tsk_1")
    (letter,) = box.letters
    assert ("Mill <mill@example.com>", "dev@example.com") == (letter["from"], letter["to"])
    assert ("余额不足", "<tsk_1@example.com>") == (letter["subject"], letter["message-id"])
    assert "auto-generated" == letter["auto-submitted"]
    assert ["您的余额", ".", "为 0"] == letter.get_content().split("\n")[:3]


async def test_the_mailer_signs_in_behind_tls_and_checks_whom_it_speaks_to(tmp_path: Path) -> None:
    """A server with a certificate of another gets neither password nor letter."""
    serves, trusts = own_certificate(tmp_path, "localhost")
    async with letterbox(serves) as box:
        whole = SmtpServer(
            host="localhost", port=box.port, sender="mill@example.com", user="mill", password="hunter2"
        )
        await SmtpMailer(whole, trusts).send("dev@example.com", "s", "t", message_id="tsk_1")
        assert (1, ["\0mill\0hunter2"]) == (box.encrypted, box.signed_in)

        with pytest.raises(Undeliverable, match="SSLCertVerificationError"):
            await SmtpMailer(whole).send("dev@example.com", "s", "t", message_id="tsk_1")
    assert 1 == len(box.letters) == len(box.signed_in)


@pytest.mark.parametrize(("refusal", "final"), [("450 later", False), ("550 nobody", True)])
async def test_a_refused_address_is_given_up_only_when_it_is_for_good(refusal: str, final: bool) -> None:
    async with letterbox() as box:
        box.refusals = [refusal]
        with pytest.raises(Undeliverable) as caught:
            await mailer(box.port).send("dev@example.com", "s", "t", message_id="tsk_1")
    assert final is caught.value.final
    assert "dev@" not in str(caught.value)


async def test_a_mail_server_that_is_away_is_said_without_its_address() -> None:
    async with letterbox() as box:
        pass
    with pytest.raises(Undeliverable, match=r"cannot be used \(ConnectionRefusedError\)"):
        await mailer(box.port).send("dev@example.com", "s", "t", message_id="tsk_1")


@pytest.mark.parametrize("kind", LETTERS)
def test_both_languages_of_a_letter_tell_the_same_facts(kind: str) -> None:
    letters = LETTERS[kind]

    def facts(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = facts(letters.en.subject + letters.en.text)
    assert facts(letters.zh.subject + letters.zh.text) == english
    told = write_letter(kind, None, {name: f"<{name}>" for name in english})
    assert told is not None
    assert all(f"<{name}>" in told.text + told.subject for name in english)
    assert "–" not in told.subject


def test_a_letter_is_in_the_language_that_its_reader_chose() -> None:
    facts = {"plan": "lite", "reason": "the wallet is empty", "console": "https://mill.example/console/"}
    english = write_letter("plan.renewal_failed", "en", facts)
    chinese = write_letter("plan.renewal_failed", "zh-CN", facts)
    both = write_letter("plan.renewal_failed", None, facts)
    assert english is not None
    assert chinese is not None
    assert both is not None
    assert english.text.startswith("Your Token Plan lite could not be renewed")
    assert chinese.text.startswith("您的 Token Plan lite")
    assert "https://mill.example/console/" in chinese.text
    assert f"{english.text}\n\n{chinese.text}" == both.text


def test_a_fact_cannot_break_out_of_its_line() -> None:
    letter = write_letter("model.retires", "en", {"model": "a\r\nBcc: x@example.com {link}", "link": "L"})
    assert letter is not None
    assert "\n" not in letter.subject
    assert "{link}" in letter.subject


def test_nobody_is_written_to_about_what_has_no_letter() -> None:
    assert write_letter("sheep.counted", "en", {}) is None


# Webhooks.


async def test_a_webhook_is_signed_so_that_others_libraries_agree() -> None:
    """The check is the official OpenAI SDK's, which speaks Standard Webhooks."""
    body = b'{"type":"plan.ended"}'
    async with hook() as receiver:
        at = datetime.now(UTC)
        await WebhookSender(loopback=True).send(receiver.url, SECRET, "evt_1", at, body)
    (posted,) = receiver.posted
    checker = OpenAI(api_key="none").webhooks
    checker.verify_signature(posted.body.decode(), posted.headers, secret=SECRET)
    assert {"type": "plan.ended"} == json.loads(posted.body)
    headers = {name.lower(): value for name, value in posted.headers.items()}
    assert ("evt_1", "application/json") == (headers["webhook-id"], headers["content-type"])
    with pytest.raises(ValueError, match="signature"):
        checker.verify_signature(posted.body.decode() + " ", posted.headers, secret=SECRET)


@pytest.mark.parametrize(("status", "final"), [(500, False), (302, False), (404, False), (410, True)])
async def test_only_2xx_is_taken_and_redirects_are_not_followed(status: int, final: bool) -> None:
    async with hook() as receiver:
        receiver.statuses = [status]
        with pytest.raises(Undeliverable, match=str(status)) as caught:
            await WebhookSender(loopback=True).send(receiver.url, SECRET, "evt_1", NOW, b"{}")
    assert (final, 1) == (caught.value.final, len(receiver.posted))


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """The name is not asked again: here it has no other address than the one the check was given."""
    async with hook() as receiver:
        port = receiver.url.split(":")[2]
        await resolver("127.0.0.1").send(f"http://hooks.invalid:{port}", SECRET, "evt_1", NOW, b"{}")
    assert f"hooks.invalid:{port.split('/')[0]}" == receiver.posted[0].headers["Host"]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:0:1",
        "::7f00:1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "ff02::1",
    ],
)
async def test_inner_addresses_are_refused(address: str) -> None:
    """Also when one of several answers is such, whichever is connected to."""
    sender = WebhookSender(resolve=lambda host, port: _answer("93.184.215.14", address))
    with pytest.raises(Undeliverable, match="not a public address"):
        await sender.send("https://hooks.example.com/x", SECRET, "evt_1", NOW, b"{}")


async def _answer(*addresses: str) -> list[str]:
    return list(addresses)


async def test_public_addresses_pass() -> None:
    public = ["93.184.215.14", "2606:4700::1111", "64:ff9b::5db8:d70e"]
    found = await checked_addresses(lambda host, port: _answer(*public), "h", 443, loopback=False)
    assert public == found


async def test_an_inner_address_written_as_a_number_is_refused_too() -> None:
    for host in ("127.0.0.1", "2130706433", "[::1]", "0x7f000001", "localhost"):
        with pytest.raises(Undeliverable):
            await WebhookSender().send(f"https://{host}/x", SECRET, "evt_1", NOW, b"{}")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "https://user@hooks.example.com/x",
        "https:///x",
        "https://h:99999/x",
        "https://h:0/x",
        "https://[::1/x",
    ],
)
async def test_what_is_no_https_address_is_refused_for_good(url: str) -> None:
    with pytest.raises(Undeliverable) as caught:
        await WebhookSender(resolve=lambda host, port: _answer("93.184.215.14")).send(
            url, SECRET, "evt_1", NOW, b"{}"
        )
    assert caught.value.final


async def test_loopback_is_for_trying_and_opens_nothing_else() -> None:
    sender = resolver("10.0.0.1")
    with pytest.raises(Undeliverable, match="not a public"):
        await sender.send("http://hooks.invalid/x", SECRET, "evt_1", NOW, b"{}")
    with pytest.raises(Undeliverable, match="this machine alone"):
        await resolver("93.184.215.14").send("http://hooks.invalid/x", SECRET, "evt_1", NOW, b"{}")


async def test_a_host_that_is_not_there_is_asked_again_later() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError

    with pytest.raises(Undeliverable, match="no address") as caught:
        await WebhookSender(resolve=nowhere).send("https://h.example/x", SECRET, "evt_1", NOW, b"{}")
    assert not caught.value.final


async def test_too_large_an_event_and_a_broken_secret_are_refused() -> None:
    sender = resolver("127.0.0.1")
    for secret, body in ((SECRET, b"x" * (LARGEST + 1)), ("whsec_?", b"{}")):
        with pytest.raises(Undeliverable) as caught:
            await sender.send("http://h.invalid/x", secret, "evt_1", NOW, body)
        assert caught.value.final


def test_addresses_that_stand_for_others_are_judged_by_those() -> None:
    from ipaddress import ip_address

    assert is_public(ip_address("::ffff:93.184.215.14"))
    assert not is_public(ip_address("::ffff:169.254.169.254"))
