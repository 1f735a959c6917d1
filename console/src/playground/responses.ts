/** Reads the events of the Responses API. */
import { parsed } from "./chat";
import {
  begin, change, cite, count, endThoughts, fail, grow, indexOf, list, members, sourceOf, text,
  type Counts, type Members, type Reply, type Stop,
} from "./reply";
import type { SseEvent } from "./sse";

const STOPS: Record<string, Stop> = { content_filter: "filtered", max_output_tokens: "length" };

export function onResponsesEvent(reply: Reply, { data }: SseEvent, at: number): Reply {
  const said = members(parsed(data));
  const place = String(said["output_index"]);
  const inner = `${place}.${String(said["content_index"] ?? said["summary_index"])}`;
  switch (said["type"]) {
    case "response.output_item.added":
      return onItem(reply, members(said["item"]), place, at);
    case "response.output_item.done":
      return onItemDone(reply, members(said["item"]), place, at);
    case "response.reasoning_text.delta":
    case "response.reasoning_summary_text.delta":
      return grow(reply, "thought", place, text(said["delta"]), at);
    case "response.output_text.delta":
      return grow(reply, "words", inner, text(said["delta"]), at);
    case "response.refusal.delta":
      return grow(reply, "refusal", inner, text(said["delta"]), at);
    case "response.output_text.annotation.added":
      return cite(reply, sourceOf(said["annotation"]));
    case "response.function_call_arguments.delta":
      return change(reply, indexOf(reply, "call", place), (part) =>
        part.kind === "call" ? { ...part, written: part.written + text(said["delta"]) } : part,
      );
    case "response.completed":
    case "response.incomplete":
    case "response.failed":
      return onEnd(reply, members(said["response"]));
    case "error":
      return onError(reply, Object.keys(members(said["error"])).length > 0 ? members(said["error"]) : said);
    default:
      return reply;
  }
}

function onItem(reply: Reply, item: Members, place: string, at: number): Reply {
  switch (item["type"]) {
    case "function_call":
      return begin(
        reply,
        { kind: "call", place, id: text(item["call_id"]), name: text(item["name"]), written: text(item["arguments"]) },
        at,
      );
    case "web_search_call":
      return begin(reply, { kind: "search", place, query: "", done: false, failed: "" }, at);
    default:
      return reply;
  }
}

function onItemDone(reply: Reply, item: Members, place: string, at: number): Reply {
  switch (item["type"]) {
    case "function_call":
      return change(reply, indexOf(reply, "call", place), (part) =>
        part.kind === "call" ? { ...part, written: text(item["arguments"]) || part.written } : part,
      );
    case "web_search_call":
      return change(reply, indexOf(reply, "search", place), (part) => {
        if (part.kind !== "search") return part;
        const failed = item["status"] === "failed" ? "failed" : "";
        return { ...part, query: text(members(item["action"])["query"]), done: true, failed };
      });
    case "reasoning":
      return endThoughts(
        change(reply, indexOf(reply, "thought", place), (part) =>
          part.kind === "thought" ? { ...part, seal: text(item["encrypted_content"]) } : part,
        ),
        at,
      );
    default:
      return reply;
  }
}

function onEnd(reply: Reply, response: Members): Reply {
  const error = members(response["error"]);
  const usage = members(response["usage"]);
  const reason = text(members(response["incomplete_details"])["reason"]);
  const called = list(response["output"]).some((item) => members(item)["type"] === "function_call");
  const next: Reply = {
    ...reply,
    stop: reason !== "" ? (STOPS[reason] ?? "end") : called ? "tools" : "end",
    counts: Object.keys(usage).length > 0 ? countsOf(usage) : reply.counts,
  };
  return Object.keys(error).length > 0 ? onError(next, error) : next;
}

const onError = (reply: Reply, error: Members): Reply =>
  fail(reply, {
    code: text(error["code"]) || text(error["type"]),
    message: text(error["message"]),
    status: 200,
    requestId: text(error["request_id"]),
  });

function countsOf(usage: Members): Counts {
  return {
    input: count(usage["input_tokens"]),
    cached: count(members(usage["input_tokens_details"])["cached_tokens"]),
    output: count(usage["output_tokens"]),
    reasoning: count(members(usage["output_tokens_details"])["reasoning_tokens"]),
  };
}
