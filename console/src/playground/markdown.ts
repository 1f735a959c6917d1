/** Reads Markdown as models write it: blocks that can be told apart before the text is whole, and what is in a line. */

export type Block =
  | { kind: "heading"; level: number; line: Inline[] }
  | { kind: "paragraph"; line: Inline[] }
  | { kind: "code"; language: string; code: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; start: number | null; items: Item[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][]; aligns: Align[] }
  | { kind: "rule" };

export type Align = "start" | "center" | "end";

export interface Item {
  /** Of a task, whether it is done; null for what is no task. */
  done: boolean | null;
  blocks: Block[];
}

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "emphasis" | "deleted"; inner: Inline[] }
  | { kind: "link"; url: string; inner: Inline[] }
  | { kind: "image"; url: string; alt: string }
  /** `[2]`: the second source. */
  | { kind: "mark"; number: number }
  | { kind: "break" };

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:\s+|$)/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Characters in which styles are looked for, which takes the square of their number in the worst case. */
const LONGEST = 4_000;
/** Of quotes and lists in each other. */
const DEEPEST = 8;

export interface Split {
  text: string;
  /** The source of each block; between them are blank lines. */
  sources: readonly string[];
  /** Where each of them begins. */
  starts: readonly number[];
}

export const NOTHING_SPLIT: Split = { text: "", sources: [], starts: [] };

/** Cuts `text` into the sources of its blocks.
 *
 * What grew is cut anew from its last block but one: a list takes back the line after it once that is an item.
 */
export function split(before: Split, text: string): Split {
  if (text === before.text) return before;
  const kept = text.startsWith(before.text) ? Math.max(0, before.sources.length - 2) : 0;
  const sources = before.sources.slice(0, kept);
  const starts = before.starts.slice(0, kept);
  let at = kept === 0 ? 0 : (before.starts[kept] ?? 0);
  const lines = text.slice(at).split("\n");
  for (let index = 0; index < lines.length; ) {
    const length = (lines[index] ?? "").trim() === "" ? 0 : blockLength(lines, index);
    const taken = lines.slice(index, index + Math.max(1, length));
    if (length > 0) {
      sources.push(taken.join("\n"));
      starts.push(at);
    }
    at += taken.reduce((sum, line) => sum + line.length + 1, 0);
    index += taken.length;
  }
  return { text, sources, starts };
}

/** How many lines the block that begins at `from` has. */
function blockLength(lines: readonly string[], from: number): number {
  const first = lines[from] ?? "";
  const fence = FENCE.exec(first)?.[1];
  if (fence !== undefined) return fenceLength(lines, from, fence);
  if (HEADING.test(first) || RULE.test(first)) return 1;
  if (ITEM.test(first)) return listLength(lines, from);
  let to = from + 1;
  if (QUOTE.test(first)) {
    while (to < lines.length && (lines[to] ?? "").trim() !== "" && !begins(lines[to] ?? "", QUOTE)) to += 1;
    return to - from;
  }
  while (to < lines.length && (lines[to] ?? "").trim() !== "" && !begins(lines[to] ?? "")) {
    // A table begins with its head, even right below a paragraph.
    if (to > from + 1 && isTable(lines, to)) break;
    to += 1;
  }
  return to - from;
}

function fenceLength(lines: readonly string[], from: number, fence: string): number {
  const closing = new RegExp(`^ {0,3}${fence.charAt(0)}{${String(fence.length)},}\\s*$`);
  let to = from + 1;
  while (to < lines.length && !closing.test(lines[to] ?? "")) to += 1;
  return Math.min(to + 1, lines.length) - from;
}

function listLength(lines: readonly string[], from: number): number {
  const opening = ITEM.exec(lines[from] ?? "");
  let to = from + 1;
  let last = to;
  while (to < lines.length) {
    const line = lines[to] ?? "";
    if (line.trim() !== "") {
      const item = ITEM.exec(line);
      const belongs =
        item === null ? /^(?: {2,}|\t)/.test(line) || (last === to && !begins(line)) : !RULE.test(line) && continues(opening, item);
      if (!belongs) break;
      last = to + 1;
    }
    to += 1;
  }
  return last - from;
}

/** Is an item of the list that `opening` begins, or one within it? */
const continues = (opening: RegExpExecArray | null, item: RegExpExecArray): boolean =>
  (item[1] ?? "").length >= (opening?.[1] ?? "").length + 2 || /\d/.test(item[2] ?? "") === /\d/.test(opening?.[2] ?? "");

/** Does a line begin a block of another kind than a paragraph, other than `but`? */
const begins = (line: string, but?: RegExp): boolean =>
  [FENCE, HEADING, RULE, QUOTE].some((each) => each !== but && each.test(line)) || /^ {0,3}(?:[-*+]|1[.)])\s/.test(line);

const isTable = (lines: readonly string[], at: number): boolean =>
  (lines[at] ?? "").includes("|") && (lines[at + 1] ?? "").includes("-") && DIVIDER.test(lines[at + 1] ?? "");

/** All blocks of a text. */
export const blocksOf = (text: string, depth = 0): Block[] => split(NOTHING_SPLIT, text).sources.map((each) => blockOf(each, depth));

/** The block that `source` is the whole of. */
export function blockOf(source: string, depth = 0): Block {
  const lines = source.split("\n");
  const first = lines[0] ?? "";
  const fence = FENCE.exec(first);
  if (fence !== null) return codeOf(lines, fence[1] ?? "", fence[2] ?? "");
  const heading = HEADING.exec(first);
  if (heading !== null) return { kind: "heading", level: (heading[1] ?? "").length, line: inline(heading[2] ?? "") };
  if (RULE.test(first)) return { kind: "rule" };
  if (depth < DEEPEST && QUOTE.test(first)) {
    return { kind: "quote", blocks: blocksOf(lines.map((line) => line.replace(QUOTE, "")).join("\n"), depth + 1) };
  }
  if (depth < DEEPEST && ITEM.test(first)) return listOf(lines, depth);
  if (isTable(lines, 0)) return tableOf(lines);
  return { kind: "paragraph", line: inline(source.trim()) };
}

function codeOf(lines: readonly string[], fence: string, language: string): Block {
  const last = (lines.at(-1) ?? "").trim();
  const closed = lines.length > 1 && last.startsWith(fence) && last.replaceAll(fence.charAt(0), "") === "";
  return { kind: "code", language: language.toLowerCase(), code: lines.slice(1, closed ? -1 : undefined).join("\n") };
}

function listOf(lines: readonly string[], depth: number): Block {
  const opening = ITEM.exec(lines[0] ?? "");
  const indent = (opening?.[1] ?? "").length;
  const number = /^\d+/.exec(opening?.[2] ?? "")?.[0];
  const groups: string[][] = [];
  for (const line of lines) {
    const found = ITEM.exec(line);
    if (found !== null && (found[1] ?? "").length < indent + 2) groups.push([line.slice(found[0].length)]);
    else groups.at(-1)?.push(line.replace(/^(?: {1,4}|\t)/, ""));
  }
  return { kind: "list", start: number === undefined ? null : Number(number), items: groups.map((group) => itemOf(group, depth)) };
}

function itemOf(lines: readonly string[], depth: number): Item {
  const task = /^\[([ xX])\]\s+/.exec(lines[0] ?? "");
  const text = lines.join("\n");
  return {
    done: task === null ? null : task[1] !== " ",
    blocks: blocksOf(task === null ? text : text.slice(task[0].length), depth + 1),
  };
}

function tableOf(lines: readonly string[]): Block {
  const [head = [], divider = [], ...rows] = lines.map(cells);
  const aligns = divider.map<Align>((cell) => (/^:.*:$/.test(cell) ? "center" : cell.endsWith(":") ? "end" : "start"));
  const row = (line: readonly string[]): Inline[][] => head.map((_, index) => inline(line[index] ?? ""));
  return { kind: "table", head: row(head), rows: rows.map(row), aligns: head.map((_, index) => aligns[index] ?? "start") };
}

const cells = (line: string): string[] =>
  line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

const TOKENS = new RegExp(
  [
    /\\([\\`*_{}[\]()#+\-.!|~>])/, // 1: an escaped character
    /(`+)(?!`)([^]*?[^`])\2(?!`)/, // 2, 3: code
    /!\[([^\]]*)\]\(([^\s)]+)[^)]*\)/, // 4, 5: an image
    /\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^\s)]+)(?:\s+"[^"]*")?\)/, // 6, 7: a link
    /\[(\d{1,2})\]/, // 8: a source
    /<(https?:\/\/[^\s<>]+)>/, // 9
    /(https?:\/\/[^\s<>"'`（）「」『』【】，。；]*[^\s<>"'`（）「」『』【】，。；.,;:!?)\]*_~|])/, // 10: a bare address
    /\*\*(?=\S)([^]*?\S)\*\*(?!\*)/, // 11
    /(?<!\w)__(?=\S)([^]*?\S)__(?!\w)/, // 12
    /~~(?=\S)([^]*?\S)~~/, // 13
    /\*(?=[^\s*])([^*]*?[^\s*])\*(?!\*)/, // 14
    /(?<!\w)_(?=[^\s_])([^_]*?[^\s_])_(?!\w)/, // 15
    /(\\?\n)/, // 16
  ].map((each) => each.source).join("|"),
  "g",
);

/** What is in a line, or in several: models break lines where they mean it. */
export function inline(text: string, depth = 0): Inline[] {
  if (depth > DEEPEST) return [{ kind: "text", text }];
  if (text.length > LONGEST) return lineByLine(text);
  const found: Inline[] = [];
  let seen = 0;
  for (const match of text.matchAll(TOKENS)) {
    if (match.index > seen) found.push({ kind: "text", text: text.slice(seen, match.index) });
    found.push(tokenOf(match, depth));
    seen = match.index + match[0].length;
  }
  if (seen < text.length) found.push({ kind: "text", text: text.slice(seen) });
  return found;
}

function lineByLine(text: string): Inline[] {
  return text.split("\n").flatMap<Inline>((line, index) => [
    ...(index === 0 ? [] : [{ kind: "break" } as const]),
    ...(line.length > LONGEST ? [{ kind: "text", text: line } as const] : inline(line)),
  ]);
}

function tokenOf(match: RegExpExecArray, depth: number): Inline {
  const [, escaped, , code, alt, image, label, url, source, quoted, bare, ...styled] = match;
  if (escaped !== undefined) return { kind: "text", text: escaped };
  if (code !== undefined) return { kind: "code", text: code.replace(/^ (.*) $/, "$1") };
  if (image !== undefined) return { kind: "image", url: image, alt: alt ?? "" };
  if (url !== undefined) return { kind: "link", url, inner: inline(label ?? "", depth + 1) };
  if (source !== undefined) return { kind: "mark", number: Number(source) };
  if (quoted !== undefined) return bareLink(quoted);
  if (bare !== undefined) return bareLink(bare);
  const [strong, strongToo, deleted, emphasis, emphasisToo, ended] = styled;
  if (ended !== undefined) return { kind: "break" };
  if (deleted !== undefined) return { kind: "deleted", inner: inline(deleted, depth + 1) };
  const bold = strong ?? strongToo;
  if (bold !== undefined) return { kind: "strong", inner: inline(bold, depth + 1) };
  return { kind: "emphasis", inner: inline(emphasis ?? emphasisToo ?? "", depth + 1) };
}

const bareLink = (address: string): Inline => ({ kind: "link", url: address, inner: [{ kind: "text", text: address }] });

/** Where a link may lead: nowhere but to pages and mail. */
export const isSafe = (url: string): boolean => /^(?:https?:\/\/|mailto:)/i.test(url);
/** Which images may be shown: those that are here already. */
export const isHere = (url: string): boolean => /^(?:data:image\/(?:png|jpeg|gif|webp);|blob:)/i.test(url);
