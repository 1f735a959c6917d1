/** Claims about how entries of the catalogue are written and compared. */
import { expect, test } from "vitest";

import { differences, leaves, writeEntry } from "@/catalogue/toml";

test("what is undefined is left out, what is null is none, tables stand in one line", () => {
  const written = writeEntry("models", {
    id: 'a"b\\c\n\u007f',
    family: undefined,
    credits: null,
    price: { USD: { input: "0.435", cached_input: null }, CNY: null },
    input: ["text", "image"],
    targets: [{ target: "gpu-1", model: "m", weight: 2 }],
    web_search: true,
  });
  expect(written).toBe(
    [
      "[[models]]",
      'id = "a\\"b\\\\c\\n\\u007f"',
      'credits = "none"',
      'price = { USD = { input = "0.435" } }',
      'input = ["text", "image"]',
      'targets = [{ target = "gpu-1", model = "m", weight = 2 }]',
      "web_search = true",
      "",
    ].join("\n"),
  );
});

test("a price in no currency is none", () => {
  expect(writeEntry("models", { price: { USD: null, CNY: null } })).toBe('[[models]]\nprice = "none"\n');
});

const ENTRY = `[[models]]
id = "m"
# family = "mimo"  # guessed from the id
targets = [{ target = "gpu, \\"1\\"", model = "x", weight = 1 }]
input = ["text", "image"]
price = { USD = { input = 0.435, output = 0.87 } }
credits = "none"
concurrency = 4  # no effect yet
`;

test("every value has its path", () => {
  expect([...leaves(ENTRY)]).toEqual([
    ["id", "m"],
    ["targets[0].target", 'gpu, "1"'],
    ["targets[0].model", "x"],
    ["targets[0].weight", "1"],
    ["input", "text, image"],
    ["price.USD.input", "0.435"],
    ["price.USD.output", "0.87"],
    ["credits", "none"],
    ["concurrency", "4"],
  ]);
});

test("differences name what changed, came and went", () => {
  const after = ENTRY.replace("0.435", "0.50").replace('credits = "none"', "credits = { input = 300 }");
  expect(differences(ENTRY, after)).toEqual([
    { field: "price.USD.input", before: "0.435", after: "0.50" },
    { field: "credits.input", before: null, after: "300" },
    { field: "credits", before: "none", after: null },
  ]);
  expect(differences(ENTRY, ENTRY)).toEqual([]);
  expect(differences(null, ENTRY)).toHaveLength(9);
});
