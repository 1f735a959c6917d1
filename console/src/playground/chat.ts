/** Reads the events of chat completions. */
import {
  begin, change, cite, count, fail, grow, indexOf, list, members, sourceOf, text,
  type Counts, type Members, type Reply, type Stop,
} from "./reply";
import type { SseEvent } from "./sse";

const STOPS: Record<string, Stop> = { length: "length", tool_calls: "tools", content_filter: "filtered" };

export function onChatEvent(reply: Reply, { data }: SseEvent, at: number): Reply {
  if (data === "[DONE]") return reply;
  const chunk = members(parsed(data));
  const error = members(chunk["error"]);
  if (Object.keys(error).length > 0) {
    return fail(reply, {
      code: text(error["code"]) || text(error["type"]),
      message: text(error["message"]),
      status: 200,
      requestId: text(error["request_id"]),
    });
  }
  let next = reply;
  const usage = members(chunk["usage"]);
  if (Object.keys(usage).length > 0) next = { ...next, counts: countsOf(usage) };
  const choice = members(list(chunk["choices"])[0]);
  next = onDelta(next, members(choice["delta"]), at);
  const reason = text(choice["finish_reason"]);
  return reason === "" ? next : { ...next, stop: STOPS[reason] ?? "end" };
}

function onDelta(reply: Reply, delta: Members, at: number): Reply {
  // Thinking that comes back after words is a new thought, below them.
  const run = (kind: "thought" | "words" | "refusal"): string => {
    const last = reply.parts.at(-1);
    return last?.kind === kind ? last.place : `${kind}-${String(reply.parts.length)}`;
  };
  let next = grow(reply, "thought", run("thought"), text(delta["reasoning_content"]), at);
  next = grow(next, "words", run("words"), text(delta["content"]), at);
  next = grow(next, "refusal", run("refusal"), text(delta["refusal"]), at);
  for (const call of list(delta["tool_calls"])) next = onCall(next, members(call), at);
  const failed = text(delta["error_message"]);
  if (failed !== "") next = begin(next, { kind: "search", place: `search-${String(next.parts.length)}`, query: "", done: true, failed }, at);
  for (const source of list(delta["annotations"])) next = cite(next, sourceOf(source));
  return next;
}

function onCall(reply: Reply, said: Members, at: number): Reply {
  const place = `call-${String(said["index"])}`;
  const named = members(said["function"]);
  const found = indexOf(reply, "call", place);
  if (found < 0) {
    const [id, name, written] = [text(said["id"]), text(named["name"]), text(named["arguments"])];
    return begin(reply, { kind: "call", place, id, name, written }, at);
  }
  return change(reply, found, (part) =>
    part.kind === "call"
      ? { ...part, name: part.name || text(named["name"]), written: part.written + text(named["arguments"]) }
      : part,
  );
}

function countsOf(usage: Members): Counts {
  return {
    input: count(usage["prompt_tokens"]),
    cached: count(members(usage["prompt_tokens_details"])["cached_tokens"]),
    output: count(usage["completion_tokens"]),
    reasoning: count(members(usage["completion_tokens_details"])["reasoning_tokens"]),
  };
}

export function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
