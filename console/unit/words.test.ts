/** Claims about the words: both languages say the same things, and say them all. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const WORDS = new URL("../src/i18n/", import.meta.url).pathname;

function words(language: string, file: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "string") found.set(path, value);
    else for (const [key, inner] of Object.entries(value as object)) walk(inner, path === "" ? key : `${path}.${key}`);
  };
  walk(JSON.parse(readFileSync(`${WORDS}${language}/${file}`, "utf8")), "");
  return found;
}

const placeholders = (text: string): string[] => [...text.matchAll(/\{\{\s*([\w.]+)/g)].map((found) => found[1] ?? "").sort();

// Plurals differ by language: Chinese has one form, English two.
const singular = (keys: Iterable<string>): string[] => [...new Set([...keys].map((key) => key.replace(/_(one|other)$/, "")))].sort();

describe.each(readdirSync(`${WORDS}en`))("%s", (file) => {
  const [en, zh] = [words("en", file), words("zh-CN", file)];

  test("both languages have the same keys", () => {
    expect(singular(zh.keys())).toEqual(singular(en.keys()));
  });

  test("no word is empty", () => {
    expect([...en, ...zh].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  test("both languages fill in the same values", () => {
    for (const [key, text] of en) {
      const other = zh.get(key) ?? zh.get(key.replace(/_one$/, "_other"));
      if (other !== undefined && !key.endsWith("_one")) expect([key, placeholders(other)]).toEqual([key, placeholders(text)]);
    }
  });

  test("Chinese uses its own punctuation and no exclamation marks", () => {
    const wrong = [...zh].filter(([, text]) => /[一-鿿][,;!?]|[一-鿿]！/.test(text));
    expect(wrong).toEqual([]);
  });
});
