/** Runs a conversation: sends, reads, commits once per frame, stops, and looks up what it cost. */
import { useCallback, useEffect, useReducer, useRef, useState } from "react";

import { asApiError } from "@/api/client";
import { billOf } from "@/api/queries/playground";
import {
  NOTHING_ASKED, reduce, runningTurn,
  type Action, type Attached, type Conversation,
} from "@/playground/machine";
import type { Protocol } from "@/playground/reply";
import { bodyOf, type Body, type Wishes } from "@/playground/request";
import { failureOf, send } from "@/playground/transport";

import { RawLog } from "./rawLog";

export interface Choice {
  keyId: string;
  protocol: Protocol;
  wishes: Wishes;
}

export interface Playground {
  conversation: Conversation;
  raw: RawLog;
  /** Throws Error when the tools cannot be read; nothing has happened then. */
  ask: (text: string, files: readonly Attached[]) => void;
  report: () => void;
  again: () => void;
  stop: () => void;
  clear: () => void;
  rewrite: (id: number, place: string, written: string) => void;
  result: (id: number, place: string, text: string) => void;
}

type Opening = Extract<Action, { type: "ask" | "report" | "again" }>;
type Asked = Opening extends infer Each ? (Each extends Opening ? Omit<Each, "protocol" | "model" | "at"> : never) : never;

export function usePlayground(choice: Choice): Playground {
  const [conversation, dispatch] = useReducer(reduce, NOTHING_ASKED);
  const latest = useRef({ choice, conversation });
  useEffect(() => {
    latest.current = { choice, conversation };
  });
  const [raw] = useState(() => new RawLog());
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const begin = useCallback(
    (asked: Asked): void => {
      const { choice: chosen, conversation: before } = latest.current;
      if (runningTurn(before) !== null) return;
      const { protocol, wishes } = chosen;
      const action: Opening = { ...asked, protocol, model: wishes.model, at: Date.now() };
      const after = reduce(before, action);
      const turn = runningTurn(after);
      if (turn === null) return;
      const body = bodyOf(protocol, wishes, after.turns.slice(0, -1));
      dispatch(action);
      abort.current = new AbortController();
      raw.clear();
      void run(turn.id, chosen, body, abort.current.signal, raw, dispatch);
    },
    [raw],
  );

  const stop = useCallback(() => abort.current?.abort(), []);
  return {
    conversation,
    raw,
    ask: useCallback((text, files) => begin({ type: "ask", text, files }), [begin]),
    report: useCallback(() => begin({ type: "report" }), [begin]),
    again: useCallback(() => begin({ type: "again" }), [begin]),
    stop,
    clear: useCallback(() => {
      abort.current?.abort();
      raw.clear();
      dispatch({ type: "clear" });
    }, [raw]),
    rewrite: useCallback((id, place, written) => dispatch({ type: "rewrite", id, place, written }), []),
    result: useCallback((id, place, text) => dispatch({ type: "result", id, place, text }), []),
  };
}

async function run(
  id: number,
  { keyId, protocol }: Choice,
  body: Body,
  signal: AbortSignal,
  raw: RawLog,
  dispatch: (action: Action) => void,
): Promise<void> {
  let requestId = "";
  const frames = new Frames((chunks) => dispatch({ type: "bytes", id, chunks, at: Date.now() }));
  // What is stopped looks stopped at once, whether or not the network has heard of it.
  signal.addEventListener("abort", () => {
    frames.flush();
    dispatch({ type: "stopped", id, at: Date.now() });
  });
  try {
    await send({
      keyId, protocol, body, signal,
      onOpen: (known) => {
        requestId = known;
        dispatch({ type: "opened", id, requestId });
      },
      onBytes: (chunk) => {
        raw.add(chunk);
        frames.add(chunk);
      },
    });
    frames.flush();
    dispatch({ type: "ended", id, at: Date.now() });
  } catch (cause) {
    frames.flush();
    if (!signal.aborted) {
      const error = asApiError(cause);
      requestId ||= error.requestId;
      dispatch({ type: "failed", id, failure: failureOf(error), at: Date.now() });
    }
  }
  const bill = requestId === "" ? null : await billOf(requestId);
  if (bill !== null) dispatch({ type: "billed", id, bill });
}

/** Gathers what comes until the screen is drawn anew. */
class Frames {
  private chunks: Uint8Array[] = [];
  private frame: number | null = null;

  constructor(private readonly commit: (chunks: readonly Uint8Array[]) => void) {}

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.frame ??= requestAnimationFrame(() => this.flush());
  }

  flush(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    const { chunks } = this;
    this.chunks = [];
    if (chunks.length > 0) this.commit(chunks);
  }
}
