/** One conversation, from what was asked and the bytes that came back, whatever the protocol; no clock, no network. */
import type { components } from "@/api/schema";

import { onChatEvent } from "./chat";
import { onMessagesEvent } from "./messages";
import { callsOf, endThoughts, fail, NOTHING_SAID, type Failure, type Part, type Protocol, type Reply } from "./reply";
import { onResponsesEvent } from "./responses";
import { NOTHING_READ, read, type Reading, type SseEvent } from "./sse";

/** What was brought along from the disk. */
export interface Attached {
  name: string;
  /** A MIME type, as `image/png`. */
  type: string;
  /** In bytes. */
  size: number;
  /** `data:…;base64,…` */
  url: string;
}

export interface Asked {
  role: "user";
  id: number;
  text: string;
  files: readonly Attached[];
}

export type Bill = components["schemas"]["ExchangeShown"];

export interface Answered {
  role: "assistant";
  id: number;
  protocol: Protocol;
  model: string;
  reply: Reply;
  state: "running" | "done" | "stopped" | "failed";
  /** In milliseconds since the epoch; `first` is when the first of it came. */
  began: number;
  first: number | null;
  ended: number | null;
  requestId: string;
  /** What each call brought, by its place; sent back once `resultsSent`. */
  results: Readonly<Record<string, string>>;
  resultsSent: boolean;
  bill: Bill | null;
}

export type Turn = Asked | Answered;

export interface Conversation {
  turns: readonly Turn[];
  reading: Reading;
  next: number;
}

export const NOTHING_ASKED: Conversation = { turns: [], reading: NOTHING_READ, next: 1 };

interface Asking {
  protocol: Protocol;
  model: string;
  at: number;
}

export type Action =
  | ({ type: "ask"; text: string; files: readonly Attached[] } & Asking)
  /** The results of the last turn's calls go back. */
  | ({ type: "report" } & Asking)
  /** The last turn is asked for anew. */
  | ({ type: "again" } & Asking)
  | { type: "opened"; id: number; requestId: string }
  | { type: "bytes"; id: number; chunks: readonly Uint8Array[]; at: number }
  | { type: "ended"; id: number; at: number }
  | { type: "stopped"; id: number; at: number }
  | { type: "failed"; id: number; failure: Failure; at: number }
  | { type: "billed"; id: number; bill: Bill }
  | { type: "rewrite"; id: number; place: string; written: string }
  | { type: "result"; id: number; place: string; text: string }
  | { type: "clear" };

const READERS: Record<Protocol, (reply: Reply, event: SseEvent, at: number) => Reply> = {
  chat: onChatEvent,
  responses: onResponsesEvent,
  messages: onMessagesEvent,
};

export function reduce(state: Conversation, action: Action): Conversation {
  switch (action.type) {
    case "ask": {
      const asked: Asked = { role: "user", id: state.next, text: action.text, files: action.files };
      return running({ ...state, turns: [...state.turns, asked], next: state.next + 1 }, action);
    }
    case "report": {
      const last = state.turns.at(-1);
      if (last?.role !== "assistant") return state;
      return running({ ...state, turns: state.turns.with(-1, { ...last, resultsSent: true }) }, action);
    }
    case "again":
      if (state.turns.at(-1)?.role !== "assistant") return state;
      return running({ ...state, turns: state.turns.slice(0, -1) }, action);
    case "bytes":
      return onBytes(state, action);
    case "clear":
      return { ...NOTHING_ASKED, next: state.next };
    default:
      return onTurn(state, action.id, (turn) => onAnswered(turn, action));
  }
}

type OnAnswered = Exclude<Action, { type: "ask" | "report" | "again" | "bytes" | "clear" }>;

function onAnswered(turn: Answered, action: OnAnswered): Answered {
  switch (action.type) {
    case "opened":
      return { ...turn, requestId: action.requestId };
    case "ended":
      return closed(turn, turn.reply.failure === null ? "done" : "failed", action.at);
    case "stopped":
      return closed(turn, "stopped", action.at);
    case "failed": {
      const requestId = action.failure.requestId || turn.requestId;
      const reply = fail(turn.reply, { ...action.failure, requestId });
      return closed({ ...turn, reply, requestId }, "failed", action.at);
    }
    case "billed":
      return { ...turn, bill: action.bill };
    case "rewrite":
      return { ...turn, reply: { ...turn.reply, parts: turn.reply.parts.map((part) => rewritten(part, action)) } };
    case "result":
      return { ...turn, results: { ...turn.results, [action.place]: action.text } };
  }
}

const rewritten = (part: Part, { place, written }: { place: string; written: string }): Part =>
  part.kind === "call" && part.place === place ? { ...part, written } : part;

function closed(turn: Answered, state: Answered["state"], at: number): Answered {
  if (turn.state !== "running") return turn;
  return { ...turn, state, ended: at, reply: endThoughts(turn.reply, at) };
}

function running(state: Conversation, { protocol, model, at }: Asking): Conversation {
  const turn: Answered = {
    role: "assistant", id: state.next, protocol, model, reply: NOTHING_SAID, state: "running", began: at,
    first: null, ended: null, requestId: "", results: {}, resultsSent: false, bill: null,
  };
  return { turns: [...state.turns, turn], reading: NOTHING_READ, next: state.next + 1 };
}

function onBytes(state: Conversation, { id, chunks, at }: Extract<Action, { type: "bytes" }>): Conversation {
  const turn = state.turns.at(-1);
  if (turn?.role !== "assistant" || turn.id !== id || turn.state !== "running") return state;
  let { reading } = state;
  let { reply } = turn;
  for (const chunk of chunks) {
    const [rest, events] = read(reading, chunk);
    reading = rest;
    for (const event of events) reply = READERS[turn.protocol](reply, event, at);
  }
  const first = turn.first ?? (reply.parts.length > 0 ? at : null);
  return { ...state, reading, turns: state.turns.with(-1, { ...turn, reply, first }) };
}

function onTurn(state: Conversation, id: number, changed: (turn: Answered) => Answered): Conversation {
  const index = state.turns.findLastIndex((turn) => turn.id === id);
  const turn = state.turns[index];
  if (turn?.role !== "assistant") return state;
  return { ...state, turns: state.turns.with(index, changed(turn)) };
}

/** The turn that is being answered, if there is one. */
export function runningTurn({ turns }: Conversation): Answered | null {
  const last = turns.at(-1);
  return last?.role === "assistant" && last.state === "running" ? last : null;
}

/** The last turn, when its calls wait for their results. */
export function waitingTurn({ turns }: Conversation): Answered | null {
  const last = turns.at(-1);
  if (last?.role !== "assistant" || last.state !== "done" || last.resultsSent) return null;
  return callsOf(last.reply).length > 0 ? last : null;
}
