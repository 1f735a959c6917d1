/** Writes the same request as programs that run as they are pasted, but for the key. */
import type { CodeLanguage } from "@/parts/highlighting";

import type { Attached, Turn } from "./machine";
import type { Protocol } from "./reply";
import { base64Of, bodyOf, type Body, type Json, type Wishes } from "./request";

export type Program = "curl" | "python" | "node" | "anthropic";
export const PROGRAMS: readonly Program[] = ["curl", "python", "node", "anthropic"];
export const LANGUAGE_OF: Record<Program, CodeLanguage> = {
  curl: "bash", python: "python", node: "javascript", anthropic: "python",
};

/** Where the model API is for a key of the chosen purse; no slash at the end. */
export interface Addresses {
  openai: string;
  anthropic: string;
}

interface Asked {
  protocol: Protocol;
  wishes: Wishes;
  turns: readonly Turn[];
  addresses: Addresses;
}

const KEY = "YOUR_KEY";

/** Throws Error when the tools cannot be read. */
export function programOf(program: Program, { protocol, wishes, turns, addresses }: Asked): string {
  const files = turns.flatMap((turn) => (turn.role === "user" ? turn.files : []));
  const written = (as: Protocol): Body => bodyOf(as, wishes, turns);
  const openai = protocol === "responses" ? "responses" : "chat";
  switch (program) {
    case "curl":
      return curl(protocol, written(protocol), files, addresses);
    case "python":
      return python(openai, written(openai), files, addresses.openai);
    case "node":
      return node(openai, written(openai), files, addresses.openai);
    case "anthropic":
      return anthropic(written("messages"), files, addresses.anthropic);
  }
}

// --- Files: a program reads them from the disk, where a pasted one could not hold them.

const mark = (index: number): string => `@@file-${String(index)}@@`;

/** The body with a mark in the place of each file's content. */
function marked(body: Body, files: readonly Attached[]): Body {
  const known = files.map(base64Of);
  const walk = (value: Json): Json => {
    if (typeof value === "string") {
      const index = known.findIndex((data) => data !== "" && value.endsWith(data));
      return index < 0 ? value : value.slice(0, -(known[index] ?? "").length) + mark(index);
    }
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(body) as Body;
}

function curl(protocol: Protocol, body: Body, files: readonly Attached[], addresses: Addresses): string {
  const [address, headers] =
    protocol === "messages"
      ? [`${addresses.anthropic}/v1/messages`, [`x-api-key: ${KEY}`, "anthropic-version: 2023-06-01"]]
      : [`${addresses.openai}/${protocol === "chat" ? "chat/completions" : "responses"}`, [`Authorization: Bearer ${KEY}`]];
  let json = JSON.stringify(marked(body, files), null, 2);
  if (files.length > 0) json = json.replace(/[\\$`]/g, "\\$&");
  files.forEach((file, index) => {
    json = json.replaceAll(mark(index), `$(base64 < ${shell(file.name)} | tr -d '\\n')`);
  });
  const lines = ["Content-Type: application/json", ...headers].map((header) => `  -H "${header}" \\`);
  // The shell leaves a body between quoted marks as it is.
  const end = files.length > 0 ? "JSON" : "'JSON'";
  return [`curl -N ${address} \\`, ...lines, `  -d @- <<${end}`, json, "JSON", ""].join("\n");
}

const shell = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

function python(protocol: "chat" | "responses", body: Body, files: readonly Attached[], address: string): string {
  const call = protocol === "chat" ? "client.chat.completions.create" : "client.responses.create";
  const loop =
    protocol === "chat"
      ? ["    if chunk.choices and chunk.choices[0].delta.content:", '        print(chunk.choices[0].delta.content, end="", flush=True)']
      : ['    if chunk.type == "response.output_text.delta":', '        print(chunk.delta, end="", flush=True)'];
  return [
    ...pythonFiles(files, ["from openai import OpenAI"]),
    "",
    `client = OpenAI(base_url=${JSON.stringify(address)}, api_key=${JSON.stringify(KEY)})`,
    `stream = ${call}(`,
    ...pythonArguments(marked(body, files), files, ["thinking"]),
    ")",
    "for chunk in stream:",
    ...loop,
    "print()",
    "",
  ].join("\n");
}

function anthropic(body: Body, files: readonly Attached[], address: string): string {
  return [
    ...pythonFiles(files, ["import anthropic"]),
    "",
    `client = anthropic.Anthropic(base_url=${JSON.stringify(address)}, api_key=${JSON.stringify(KEY)})`,
    "stream = client.messages.create(",
    ...pythonArguments(marked(body, files), files, []),
    ")",
    "for event in stream:",
    '    if event.type == "content_block_delta" and event.delta.type == "text_delta":',
    '        print(event.delta.text, end="", flush=True)',
    "print()",
    "",
  ].join("\n");
}

function pythonFiles(files: readonly Attached[], imports: string[]): string[] {
  if (files.length === 0) return imports;
  return [
    "import base64",
    "from pathlib import Path",
    "",
    ...imports,
    "",
    "",
    "def read(name: str) -> str:",
    "    return base64.b64encode(Path(name).read_bytes()).decode()",
    "",
  ];
}

/** Members that the library does not know by name go along in `extra_body`. */
function pythonArguments(body: Body, files: readonly Attached[], extra: readonly string[]): string[] {
  const named = Object.entries(body).filter(([name]) => !extra.includes(name));
  const others = Object.entries(body).filter(([name]) => extra.includes(name));
  const write = (value: Json): string => pythonOf(value, files, "    ");
  const lines = named.map(([name, value]) => `    ${name}=${write(value)},`);
  return others.length === 0 ? lines : [...lines, `    extra_body=${write(Object.fromEntries(others))},`];
}

function pythonOf(value: Json, files: readonly Attached[], indent: string): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return withFiles(value, files, (name) => `read(${JSON.stringify(name)})`);
  return typeof value === "number" ? String(value) : nested(value, indent, (inner, deeper) => pythonOf(inner, files, deeper));
}

function node(protocol: "chat" | "responses", body: Body, files: readonly Attached[], address: string): string {
  const call = protocol === "chat" ? "client.chat.completions.create" : "client.responses.create";
  const loop =
    protocol === "chat"
      ? ['  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");']
      : ['  if (chunk.type === "response.output_text.delta") process.stdout.write(chunk.delta);'];
  const reading =
    files.length === 0 ? [] : ['import { readFileSync } from "node:fs";', ""];
  return [
    ...reading,
    'import OpenAI from "openai";',
    "",
    ...(files.length === 0 ? [] : ['const read = (name) => readFileSync(name, "base64");', ""]),
    `const client = new OpenAI({ baseURL: ${JSON.stringify(address)}, apiKey: ${JSON.stringify(KEY)} });`,
    `const stream = await ${call}(${nodeOf(marked(body, files), files, "")});`,
    "for await (const chunk of stream) {",
    ...loop,
    "}",
    "",
  ].join("\n");
}

function nodeOf(value: Json, files: readonly Attached[], indent: string): string {
  if (typeof value === "string") return withFiles(value, files, (name) => `read(${JSON.stringify(name)})`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return nested(value, indent, (inner, deeper) => nodeOf(inner, files, deeper));
}

/** A string of JSON is one of Python and of JavaScript as well. */
function withFiles(value: string, files: readonly Attached[], reading: (name: string) => string): string {
  const index = files.findIndex((_, each) => value.endsWith(mark(each)));
  const file = files[index];
  if (file === undefined) return JSON.stringify(value);
  const before = value.slice(0, -mark(index).length);
  return before === "" ? reading(file.name) : `${JSON.stringify(before)} + ${reading(file.name)}`;
}

function nested(value: Json[] | Record<string, Json>, indent: string, write: (inner: Json, deeper: string) => string): string {
  const deeper = `${indent}    `;
  const [open, close, lines] = Array.isArray(value)
    ? ["[", "]", value.map((inner) => write(inner, deeper))]
    : ["{", "}", Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${write(inner, deeper)}`)];
  if (lines.length === 0) return open + close;
  const short = `${open}${lines.join(", ")}${close}`;
  if (short.length <= 88 && !short.includes("\n")) return short;
  return [open, ...lines.map((line) => `${deeper}${line},`), `${indent}${close}`].join("\n");
}
