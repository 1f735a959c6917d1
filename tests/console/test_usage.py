"""Somebody wants to know what their bill is made of: a chart, its rows, a file, a receipt."""

from __future__ import annotations

import csv
import io
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound

MONTH = "/console/usage?range=days30&purse=wallet"
AMOUNT = re.compile(r"[^0-9.-]")


def amount(text: str) -> Decimal:
    """`-$1,000.00` as a number."""
    return Decimal(AMOUNT.sub("", text))


async def exact(cell: Locator) -> Decimal:
    """All the digits of an amount, which are in its title."""
    title = await cell.locator("[title]").last.get_attribute("title")
    assert title is not None
    return amount(title)


def receipts(page: Page, say: Words) -> Locator:
    """The list of requests."""
    return page.get_by_role("region", name=say("usage:receipts"), exact=True).get_by_role("row")


async def whole_list(page: Page, say: Words) -> list[Locator]:
    """Every row of it, however many pages it has."""
    await expect(receipts(page, say).nth(1)).to_be_visible()
    more = page.get_by_role("button", name=say("action.more"))
    while await more.is_visible():
        before = await receipts(page, say).count()
        await more.click()
        await expect(receipts(page, say).nth(before)).to_be_visible()
    return (await receipts(page, say).all())[1:]


async def test_rows_chart_and_file_have_one_sum(signed_in: Open, say: Words) -> None:
    """To the last digit, as do the rows of the table by model."""
    page = await signed_in("developer", MONTH)
    total = await exact(page.locator("dl.tm-figures > div").filter(has_text=say("usage:metrics.cost")))
    assert total > 0
    groups = page.get_by_role("region", name=say("usage:breakdown.model"), exact=True).get_by_role("row")
    await expect(groups.last).to_contain_text(say("usage:all"))
    costs = [await exact(row) for row in (await groups.all())[1:]]
    assert sum(costs[:-1]) == costs[-1] == total
    rows = await whole_list(page, say)
    assert sum([await exact(row.get_by_role("cell").nth(6)) for row in rows]) == total
    async with page.expect_download() as saving:
        await page.get_by_role("button", name=say("action.exportCsv")).click()
    saved = await saving.value
    assert re.fullmatch(r"usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv", saved.suggested_filename)
    raw = Path(await saved.path()).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    file = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert len(file) == len(rows)
    assert sum(Decimal(row["charged"]) for row in file) == total
    assert {(row["zone"], row["started_at"][-6:]) for row in file} == {("Asia/Shanghai", "+08:00")}


async def test_a_day_leads_to_its_hours_and_a_row_to_itself(
    signed_in: Open, say: Words, sound: Sound
) -> None:
    """What is shown is in the address: the way back is the browser's, and a reload changes nothing."""
    page = await signed_in("developer", "/console/usage?range=days30&metric=requests&by=tool")
    await page.get_by_text(say("action.asTable"), exact=True).click()
    days = page.locator("table.tm-twin").get_by_role("row")
    await expect(days).to_have_count(31)
    day = days.last.get_by_role("button")
    counted = sum(int(text) for text in await days.last.get_by_role("cell").all_inner_texts())
    assert counted > 0
    await day.click()
    await expect(page).to_have_url(re.compile(r"from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d"))
    await expect(days).to_have_count(25)
    hours = [int(text) for text in await page.locator("table.tm-twin td").all_inner_texts() if text.strip()]
    assert sum(hours) == counted
    await sound(page)
    await page.go_back()
    await expect(days).to_have_count(31)
    await page.get_by_role("button", name=say("usage:narrow", name="codex")).click()
    tag = page.get_by_text(re.compile(f"{say('usage:groups.tool')}: codex"))
    await expect(tag).to_be_visible()
    await page.reload()
    await expect(tag).to_be_visible()
    tools = [await row.get_by_role("cell").nth(2).inner_text() for row in await whole_list(page, say)]
    assert set(tools) == {"codex"}
    await page.get_by_role("button", name=say("usage:unfilter", name=say("usage:groups.tool"))).click()
    await expect(tag).not_to_be_attached()


async def test_a_receipt_adds_up_before_ones_eyes(signed_in: Open, say: Words) -> None:
    """Each line is its count times its rate; their sum, rounded once, is the cost of the list's row."""
    page = await signed_in("developer", MONTH)
    first = receipts(page, say).nth(1)
    cost = await exact(first.get_by_role("cell").nth(6))
    await first.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(say("usage:receipt.title"))
    bill = page.locator("table.tm-bill")
    await expect(bill).to_be_visible()
    total = Decimal(0)
    for row in await bill.locator("tbody tr").all():
        count, rate, product = await row.get_by_role("cell").all_inner_texts()
        assert amount(product) == amount(count) * amount(rate.split(" / ")[0]) / 1_000_000
        total += amount(product)
    assert total.quantize(Decimal("0.000000001"), ROUND_HALF_UP) == cost > 0
    sums = await bill.locator("tfoot td").all_inner_texts()
    assert [amount(text) for text in sums] == [total, cost]
    facts = page.locator("dl.tm-facts")
    for words in (say("usage:receipt.quality.reported"), "gpu-1 (up-model)", say("purse.wallet")):
        await expect(facts).to_contain_text(words)
    await expect(page.get_by_role("button", name=re.compile(say("usage:receipt.requestId")))).to_be_visible()


async def test_a_receipt_that_is_not_there_says_for_how_long_they_are_kept(
    signed_in: Open, say: Words
) -> None:
    """And not whether somebody else has it."""
    page = await signed_in("developer", "/console/usage/receipts/req_00000000000000000000000000")
    await expect(page.get_by_text(say("usage:receipt.goneTitle"))).to_be_visible()
    await expect(page.get_by_text(say("usage:receipt.goneForEver"))).to_be_visible()


async def test_nothing_used_leads_on(signed_in: Open, say: Words) -> None:
    """To a wider range, in which there is something."""
    page = await signed_in("developer", "/console/usage?from=2026-01-01&to=2026-01-03")
    await page.get_by_role("button", name=say("usage:widen")).click()
    await expect(page.get_by_role("heading", name=say("usage:breakdown.model"))).to_be_visible()


async def test_days_of_ones_own_are_chosen_on_a_phone(signed_in: Open, say: Words, sound: Sound) -> None:
    """The calendar fits, and both days are in the address."""
    page = await signed_in("developer", "/console/usage?range=today", width=390)
    await page.get_by_text(say("range.custom"), exact=True).click()
    await page.get_by_role("textbox").first.click()
    calendar = page.locator(".ant-picker-dropdown")
    await expect(calendar).to_be_visible()
    await sound(page)
    first = calendar.locator("td.ant-picker-cell-in-view:not(.ant-picker-cell-disabled)").first
    day = await first.get_attribute("title")
    today = calendar.locator("td.ant-picker-cell-today").last
    last = await today.get_attribute("title")
    assert day is not None
    assert last is not None
    assert day < last
    await first.click()
    await today.click()
    await expect(page).to_have_url(re.compile(f"from={day}&to={last}"))
