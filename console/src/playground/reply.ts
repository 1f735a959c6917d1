/** What a model has said so far, in a form that knows no protocol. */

export type Protocol = "chat" | "responses" | "messages";
export const PROTOCOLS: readonly Protocol[] = ["chat", "responses", "messages"];

export interface Thought {
  kind: "thought";
  place: string;
  text: string;
  /** What the protocol wants back with it: a signature, or sealed content. */
  seal: string;
  /** In milliseconds since the epoch; `ended` null while it goes on. */
  began: number;
  ended: number | null;
}

export interface Words {
  kind: "words";
  place: string;
  text: string;
}

export interface Refusal {
  kind: "refusal";
  place: string;
  text: string;
}

export interface Call {
  kind: "call";
  place: string;
  id: string;
  name: string;
  /** The arguments as they were written, whole JSON only at the end. */
  written: string;
}

/** A search that the platform makes for the model. */
export interface Search {
  kind: "search";
  place: string;
  query: string;
  done: boolean;
  /** Why it brought nothing; empty for one that went well. */
  failed: string;
}

export type Part = Thought | Words | Refusal | Call | Search;

export interface Source {
  url: string;
  title: string;
  site: string;
  summary: string;
  published: string;
}

/** Tokens; `input` holds the cached ones, `output` those of thinking. */
export interface Counts {
  input: number;
  cached: number;
  output: number;
  reasoning: number;
}

export interface Failure {
  /** The API's own word, as `insufficient_quota`. */
  code: string;
  message: string;
  /** Of HTTP; 0 when nobody answered, 200 when the reply broke in its middle. */
  status: number;
  requestId: string;
}

/** `filtered`: moderation, or the model itself, ended it. */
export type Stop = "end" | "length" | "tools" | "filtered";

export interface Reply {
  parts: readonly Part[];
  sources: readonly Source[];
  stop: Stop | null;
  counts: Counts | null;
  failure: Failure | null;
}

export const NOTHING_SAID: Reply = { parts: [], sources: [], stop: null, counts: null, failure: null };

/** `text` more for the part at `place`, which begins with it if need be. */
export function grow(reply: Reply, kind: "thought" | "words" | "refusal", place: string, text: string, at: number): Reply {
  if (text === "") return reply;
  const found = reply.parts.findLastIndex((part) => part.place === place && part.kind === kind);
  if (found < 0) {
    return begin(reply, kind === "thought" ? { kind, place, text, seal: "", began: at, ended: null } : { kind, place, text }, at);
  }
  return change(reply, found, (part) => ("text" in part ? { ...part, text: part.text + text } : part));
}

/** A new part; a thought before it has come to its end. */
export function begin(reply: Reply, part: Part, at: number): Reply {
  return { ...reply, parts: [...ended(reply.parts, at), part] };
}

export function change(reply: Reply, index: number, changed: (part: Part) => Part): Reply {
  const before = reply.parts[index];
  if (before === undefined) return reply;
  const after = changed(before);
  return after === before ? reply : { ...reply, parts: reply.parts.with(index, after) };
}

export const indexOf = (reply: Reply, kind: Part["kind"], place: string): number =>
  reply.parts.findLastIndex((part) => part.kind === kind && part.place === place);

/** Ends the thought at `place`, or all of them. */
export function endThoughts(reply: Reply, at: number): Reply {
  const parts = ended(reply.parts, at);
  return parts === reply.parts ? reply : { ...reply, parts };
}

function ended(parts: readonly Part[], at: number): readonly Part[] {
  const open = (part: Part): boolean => part.kind === "thought" && part.ended === null;
  if (!parts.some(open)) return parts;
  return parts.map((part) => (part.kind === "thought" && part.ended === null ? { ...part, ended: at } : part));
}

/** Each page once, and only what a browser may open. */
export function cite(reply: Reply, source: Source): Reply {
  if (!/^https?:\/\//.test(source.url) || reply.sources.some(({ url }) => url === source.url)) return reply;
  return { ...reply, sources: [...reply.sources, source] };
}

export function fail(reply: Reply, failure: Failure): Reply {
  return reply.failure === null ? { ...reply, failure } : reply;
}

/** The words alone, as they are copied. */
export const wordsOf = (reply: Reply): string =>
  reply.parts.flatMap((part) => (part.kind === "words" ? [part.text] : [])).join("\n\n");

export const callsOf = (reply: Reply): readonly Call[] => reply.parts.filter((part) => part.kind === "call");

// --- Members of what nobody has promised a shape for.

export type Members = Record<string, unknown>;

export const members = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const count = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);

export function sourceOf(value: unknown): Source {
  const said = members(value);
  const nested = members(said["url_citation"]);
  const member = (name: string): string => text(said[name]) || text(nested[name]);
  return {
    url: member("url"),
    title: member("title") || member("url"),
    site: member("site_name"),
    summary: member("summary") || member("cited_text"),
    published: member("publish_time"),
  };
}
