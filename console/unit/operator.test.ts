/** Claims about what operators' forms send: nothing is lost on the way there and back. */
import { describe, expect, test } from "vitest";

import { askedOf, valuesOf as pricesOf } from "../src/pages/op/accounts/prices";
import { sheetOf, timesDecimal } from "../src/pages/op/codes/batches";
import { termsOf, valuesOf } from "../src/pages/op/plans/terms";

describe("a tier", () => {
  const tier = {
    id: "pro",
    name: { en: "Pro", zh: "专业版" },
    credits: "38000000000.5",
    prices: { USD: { month: "50.00", year: null }, CNY: { month: null, year: "3474.24" } },
    rank: 30,
    windows: [
      { name: "5h", seconds: 18_000, credits: "5000.5" },
      { name: "odd", seconds: 5_400, credits: "1" },
      { name: "week", seconds: 604_800, credits: "9" },
    ],
    off_peak: [{ start: "16:00", end: "00:00", zone: "UTC", permille: 805 }],
    models: null,
    web_search: true,
    most_seats: 5,
    first_purchase: 125,
    position: 2,
    retired_at: null,
  };

  test("is the same after it has been through the form", () => {
    const { id, retired_at, ...terms } = tier;
    expect([id, retired_at]).toEqual(["pro", null]);
    expect(termsOf(valuesOf(tier))).toEqual(terms);
  });

  test("shows a span in the largest unit that divides it", () => {
    expect(valuesOf(tier).windows.map(({ every, unit }) => `${String(every)} ${unit}`)).toEqual(["5 hour", "90 minute", "7 day"]);
  });
});

describe("a batch of codes", () => {
  test("comes to an exact sum", () => {
    expect(timesDecimal("0.1", 3)).toBe("0.3");
    expect(timesDecimal("2.50", 10_000)).toBe("25000");
    expect(timesDecimal("999999999.999999999", 10_000)).toBe("9999999999999.99999");
  });

  test("is a file that spreadsheets read, a line for each code", () => {
    const asked = { amount: "2.50", currency: "USD" as const, count: 2, expires_at: null };
    expect(sheetOf(asked, ["AAAAA-1", "BBBBB-2"])).toBe(
      "\uFEFFcode,amount,currency,expires_at\r\nAAAAA-1,2.50,USD,\r\nBBBBB-2,2.50,USD,\r\n",
    );
  });
});

describe("a price of one account", () => {
  test("leaves to the catalogue what is not filled in", () => {
    expect(askedOf({ model: "m", money: { input: " 0.07 ", output: "0.14", cached_input: "" } })).toEqual({
      price: { input: "0.07", output: "0.14" },
      credits: null,
    });
  });

  test("is the same after it has been through the form", () => {
    const price = { currency: "CNY", input: "1", output: "2", cached_input: "0.1", written_input: "1", web_search: null };
    const credits = { input: "300", cached_input: "2.5", output: "600" };
    const own = { model: "m", prices: [price], credits, updated_at: "2026-11-22T00:00:00Z" };
    const { currency, web_search, ...rates } = price;
    expect(web_search).toBeNull();
    expect(askedOf(pricesOf(own, currency))).toEqual({ price: rates, credits });
  });
});
