"""Somebody looks after their money: a code, a warning, a statement; the sums are everywhere the same."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from playwright.async_api import Page, expect
from sqlalchemy import select, update

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill
from tests.console.test_usage import amount, exact
from tests.flow.admin_client import browser
from tokenmill.billing.usage_report import usage_report
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.ids import AccountId
from tokenmill.store.ledger_tables import RedeemCode
from tokenmill.store.tables import Account


async def codes(mill: Mill, count: int) -> list[str]:
    """New codes of five dollars each."""
    async with browser(mill.platform) as operator:
        asked = {"amount": "5.00", "currency": "USD", "count": count}
        made: list[str] = (await operator.do("POST", "/operator/codes/batches", asked))["codes"]
        return made


async def expire(mill: Mill, code: str) -> None:
    """Lets the code's time be over."""
    over = update(RedeemCode).where(RedeemCode.shown.startswith(code[:4]), RedeemCode.redeemed_at.is_(None))
    async with mill.platform.database.write() as work:
        await work.session.execute(over.values(expires_at=SystemClock().now() - timedelta(days=1)))


async def redeem(page: Page, say: Words, code: str) -> None:
    await page.get_by_role("textbox", name=say("wallet:redeem.code")).fill(code)
    act = page.get_by_role("button", name=say("wallet:redeem.act"), exact=True)
    async with page.expect_response(lambda reply: reply.url.endswith("/wallet/redeem")):
        await act.click()
    await expect(act).not_to_have_class(re.compile("ant-btn-loading"))


async def test_a_code_comes_in_or_says_why_not(mill: Mill, signed_in: Open, say: Words, sound: Sound) -> None:
    """Used, expired, wrong, and too many tries are four things."""
    good, late = await codes(mill, 2)
    await expire(mill, late)
    page = await signed_in(await mill.newcomer(balance="0.00"), "/console/wallet")
    await redeem(page, say, good.lower())
    done = say("wallet:redeem.done", amount="$5.00", balance="$5.00")
    await expect(page.get_by_role("status").filter(has_text=done)).to_be_visible()
    await expect(page.get_by_role("link", name="$5.00")).to_be_visible()
    alert = page.get_by_role("alert")
    for code, words in ((good, "used"), (late, "expired"), ("ABCDE", "wrong")):
        await redeem(page, say, code)
        await expect(alert).to_have_text(say(f"wallet:redeem.{words}"))
    await sound(page)
    wait = page.get_by_role("timer")
    for _ in range(4):
        if await wait.is_visible():
            break
        await redeem(page, say, "ABCDE")
    await expect(wait).to_contain_text(say("fault.rateLimited", seconds="").split(" ")[0])
    await expect(page.get_by_role("button", name=say("wallet:redeem.act"), exact=True)).to_be_disabled()


async def test_pill_wallet_statement_file_and_command_line_agree(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """To the last digit; what the month began with and its lines make what it ended with."""
    page = await signed_in("developer", "/console/wallet")
    pill = page.get_by_role("banner").get_by_role("link", name="$")
    hero = page.locator(".tm-hero")
    closing = page.locator("dl.tm-figures > div").filter(has_text=say("wallet:statement.closing"))
    await expect(closing).to_be_visible()
    async with mill.platform.database.read() as work:
        account = AccountId(mill.platform.account_id)
        report = await usage_report(work, account, "USD", None)
    told = Decimal(report.balance["USD"])
    assert told == await exact(pill) == await exact(hero) == await exact(closing)
    rows = page.get_by_role("region", name=say("wallet:statement.title"), exact=True).get_by_role("row")
    moved = [await exact(row.get_by_role("cell").nth(2)) for row in (await rows.all())[1:]]
    opening = page.locator("dl.tm-figures > div").filter(has_text=say("wallet:statement.opening"))
    assert await exact(opening) + sum(moved) == told
    async with page.expect_download() as saving:
        await page.get_by_role("button", name=say("action.exportCsv")).click()
    text = Path(await (await saving.value).path()).read_text("utf-8-sig")
    file = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["amount"] or 0) for row in file) == sum(moved)
    assert (file[0]["kind"], file[-1]["kind"], file[-1]["balance"]) == ("opening", "closing", str(told))


async def test_a_line_of_the_statement_leads_to_its_day(signed_in: Open, say: Words) -> None:
    """Whose requests from the wallet cost what the line says."""
    page = await signed_in("developer", "/console/wallet")
    rows = page.get_by_role("region", name=say("wallet:statement.title"), exact=True).get_by_role("row")
    line = rows.filter(has=page.get_by_role("link", name=say("wallet:open.usage"))).first
    spent = -await exact(line.get_by_role("cell").nth(2))
    await line.get_by_role("link").click()
    cost = page.locator("dl.tm-figures > div").filter(has_text=say("usage:metrics.cost"))
    await expect(cost).to_be_visible()
    assert await exact(cost) == spent > 0


async def test_one_is_told_below_an_amount(mill: Mill, signed_in: Open, say: Words) -> None:
    """What is no amount is refused on the spot; the warning comes at once, and goes with the setting."""
    email = await mill.newcomer(balance="12.00")
    page = await signed_in(email, "/console/wallet")
    below = page.get_by_role("textbox", name=say("wallet:alert.amount"))
    save = page.get_by_role("button", name=say("action.save"))
    await below.fill("much")
    await save.click()
    await expect(page.get_by_text(say("wallet:amountWrong"))).to_be_visible()
    await below.fill("20")
    await save.click()
    low = page.get_by_text(say("wallet:balance.low"), exact=True)
    await expect(low).to_be_visible()
    async with mill.platform.database.read() as work:
        kept = await work.session.scalar(select(Account.low_balance).where(Account.email == email))
    assert kept == 20_000_000_000
    await page.get_by_role("button", name=say("wallet:alert.off")).click()
    await expect(low).not_to_be_attached()
    assert amount(await page.locator(".tm-hero").inner_text()) == 12
