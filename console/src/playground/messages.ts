/** Reads the events of Anthropic's Messages. */
import { parsed } from "./chat";
import {
  begin, change, cite, count, endThoughts, fail, grow, indexOf, list, members, sourceOf, text,
  type Counts, type Members, type Reply, type Stop,
} from "./reply";
import type { SseEvent } from "./sse";

const STOPS: Record<string, Stop> = {
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tools",
  refusal: "filtered",
  content_filter: "filtered",
};

export function onMessagesEvent(reply: Reply, { data }: SseEvent, at: number): Reply {
  const said = members(parsed(data));
  const place = String(said["index"]);
  switch (said["type"]) {
    case "message_start":
      return { ...reply, counts: countsOf(members(members(said["message"])["usage"]), reply.counts) };
    case "content_block_start":
      return onBlock(reply, members(said["content_block"]), place, at);
    case "content_block_delta":
      return onDelta(reply, members(said["delta"]), place, at);
    case "content_block_stop":
      return indexOf(reply, "thought", place) < 0 ? searched(reply, place) : endThoughts(reply, at);
    case "message_delta":
      return onEnd(reply, said);
    case "error": {
      const error = members(said["error"]);
      return fail(reply, {
        code: text(error["type"]),
        message: text(error["message"]),
        status: 200,
        requestId: text(said["request_id"]),
      });
    }
    default:
      return reply;
  }
}

function onBlock(reply: Reply, block: Members, place: string, at: number): Reply {
  switch (block["type"]) {
    case "text":
      return grow(reply, "words", place, text(block["text"]), at);
    case "thinking":
      return begin(
        reply,
        { kind: "thought", place, text: text(block["thinking"]), seal: text(block["signature"]), began: at, ended: null },
        at,
      );
    case "tool_use":
      return begin(reply, { kind: "call", place, id: text(block["id"]), name: text(block["name"]), written: "" }, at);
    case "server_tool_use":
      return begin(reply, { kind: "search", place, query: text(members(block["input"])["query"]), done: false, failed: "" }, at);
    case "web_search_tool_result":
      if (!Array.isArray(block["content"])) return lost(reply, text(members(block["content"])["error_code"]));
      return list(block["content"]).reduce<Reply>((next, found) => cite(next, sourceOf(found)), reply);
    default:
      return reply;
  }
}

function onDelta(reply: Reply, delta: Members, place: string, at: number): Reply {
  switch (delta["type"]) {
    case "text_delta":
      return grow(reply, "words", place, text(delta["text"]), at);
    case "thinking_delta":
      return grow(reply, "thought", place, text(delta["thinking"]), at);
    case "signature_delta":
      return change(reply, indexOf(reply, "thought", place), (part) =>
        part.kind === "thought" ? { ...part, seal: part.seal + text(delta["signature"]) } : part,
      );
    case "citations_delta":
      return cite(reply, sourceOf(delta["citation"]));
    case "input_json_delta": {
      const kind = indexOf(reply, "call", place) < 0 ? "search" : "call";
      return change(reply, indexOf(reply, kind, place), (part) => {
        if (part.kind === "call") return { ...part, written: part.written + text(delta["partial_json"]) };
        return part.kind === "search" ? { ...part, query: part.query + text(delta["partial_json"]) } : part;
      });
    }
    default:
      return reply;
  }
}

/** The query of a search comes as JSON, and is known when its block ends. */
function searched(reply: Reply, place: string): Reply {
  return change(reply, indexOf(reply, "search", place), (part) => {
    if (part.kind !== "search" || part.done) return part;
    return { ...part, query: text(members(parsed(part.query))["query"]) || part.query, done: true };
  });
}

/** The last search brought nothing. */
function lost(reply: Reply, failed: string): Reply {
  const found = reply.parts.findLastIndex((part) => part.kind === "search");
  return change(reply, found, (part) => (part.kind === "search" ? { ...part, done: true, failed: failed || "failed" } : part));
}

function onEnd(reply: Reply, said: Members): Reply {
  const reason = text(members(said["delta"])["stop_reason"]);
  const counts = countsOf(members(said["usage"]), reply.counts);
  return { ...reply, counts, stop: reason === "" ? reply.stop : (STOPS[reason] ?? "end") };
}

/** This protocol counts fresh and cached input apart, and says each count where it learns of it. */
function countsOf(usage: Members, before: Counts | null): Counts | null {
  if (Object.keys(usage).length === 0) return before;
  const cached = count(usage["cache_read_input_tokens"]) || (before?.cached ?? 0);
  const fresh = count(usage["input_tokens"]) + count(usage["cache_creation_input_tokens"]);
  return {
    input: fresh > 0 ? fresh + cached : (before?.input ?? 0),
    cached,
    output: count(usage["output_tokens"]) || (before?.output ?? 0),
    reasoning: count(members(usage["output_tokens_details"])["thinking_tokens"]) || (before?.reasoning ?? 0),
  };
}
