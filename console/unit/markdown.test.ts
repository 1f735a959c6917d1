/** Claims about Markdown: blocks are told apart while they grow, and nothing in them leads astray. */
import { describe, expect, test } from "vitest";

import { blockOf, blocksOf, inline, isHere, isSafe, NOTHING_SPLIT, split, type Block } from "../src/playground/markdown";

const TEXT = `# Title

Words with **bold**, *soft*, \`code\` and [a link](https://example.org/a).
A second line.

- one
- two
  - deeper
    and on

  still two
- [x] three

1. first
2. second

\`\`\`python
def f():

    return "# no heading"
\`\`\`
> quoted
> twice

| a | b |
|---|--:|
| 1 | \`x\\|y\` |

---
end`;

const kinds = (blocks: readonly Block[]): string[] => blocks.map(({ kind }) => kind);

describe("blocks", () => {
  test("are found by how they begin", () => {
    expect(kinds(blocksOf(TEXT))).toEqual(["heading", "paragraph", "list", "list", "code", "quote", "table", "rule", "paragraph"]);
  });

  test("are the same however the text came", () => {
    for (const size of [1, 3, 17]) {
      let grown = NOTHING_SPLIT;
      for (let at = size; at < TEXT.length + size; at += size) grown = split(grown, TEXT.slice(0, at));
      expect(grown.sources).toEqual(split(NOTHING_SPLIT, TEXT).sources);
    }
  });

  test("keep their sources while the last one grows", () => {
    const before = split(NOTHING_SPLIT, "a\n\nb\n\nc");
    const after = split(before, "a\n\nb\n\nc and more");
    expect(after.sources).toEqual(["a", "b", "c and more"]);
  });

  test("an open fence holds everything until it is closed", () => {
    expect(blockOf("```js\nlet a\n\n# x")).toEqual({ kind: "code", language: "js", code: "let a\n\n# x" });
    expect(blockOf("````\n```\n````")).toEqual({ kind: "code", language: "", code: "```" });
  });

  test("a list holds lists, tasks and blocks of its own", () => {
    const list = blocksOf(TEXT)[2];
    if (list?.kind !== "list") throw new Error("no list");
    expect(list.items.map(({ done }) => done)).toEqual([null, null, true]);
    expect(kinds(list.items[1]?.blocks ?? [])).toEqual(["paragraph", "list", "paragraph"]);
  });

  test("a table has as many cells in a row as in its head, and their sides", () => {
    expect(blockOf("a|b\n-|:-:\n1|2|3\n4")).toMatchObject({ kind: "table", aligns: ["start", "center"], rows: [[{}, {}], [{}, []]] });
  });

  test("quotes in quotes come to an end", () => {
    expect(() => blocksOf(`${">".repeat(5_000)} x`)).not.toThrow();
  });
});

describe("lines", () => {
  test("styles are within each other, and what is no style is text", () => {
    expect(inline("**a *b* c**")).toEqual([
      { kind: "strong", inner: [{ kind: "text", text: "a " }, { kind: "emphasis", inner: [{ kind: "text", text: "b" }] }, { kind: "text", text: " c" }] },
    ]);
    expect(inline("2 * 3 * 4, snake_case_name, a ** b")).toEqual([{ kind: "text", text: "2 * 3 * 4, snake_case_name, a ** b" }]);
    expect(inline("\\*no\\*").map((each) => ("text" in each ? each.text : ""))).toEqual(["*", "no", "*"]);
  });

  test("tags are text", () => {
    expect(inline("<img src=x onerror=alert(1)>")).toEqual([{ kind: "text", text: "<img src=x onerror=alert(1)>" }]);
  });

  test("addresses are links without the stop after them", () => {
    expect(inline("See https://example.org/a。")[1]).toMatchObject({ kind: "link", url: "https://example.org/a" });
    expect(inline("(https://example.org/b).")[1]).toMatchObject({ kind: "link", url: "https://example.org/b" });
  });

  test("numbers in brackets name sources", () => {
    expect(inline("So it is [2].")[1]).toEqual({ kind: "mark", number: 2 });
  });

  test("links lead to pages and mail alone; images are shown when they are here", () => {
    expect(["https://a.b", "mailto:a@b.c", "javascript:alert(1)", "data:text/html,x", " javascript:1"].map(isSafe)).toEqual([true, true, false, false, false]);
    expect(["data:image/png;base64,AA", "data:image/svg+xml,x", "https://a.b/c.png"].map(isHere)).toEqual([true, false, false]);
  });

  test("a long line full of marks is read in no time", () => {
    const began = performance.now();
    inline("**a ".repeat(2_400));
    inline("[".repeat(9_000));
    inline("*".repeat(9_000));
    inline("`".repeat(9_000));
    expect(performance.now() - began).toBeLessThan(1_500);
  });
});
