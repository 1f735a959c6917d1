/** Claims about the playground's reading: the same conversation from every protocol, however its bytes are cut. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { NOTHING_ASKED, reduce, runningTurn, waitingTurn, type Answered, type Conversation } from "../src/playground/machine";
import { PROTOCOLS, wordsOf, type Part, type Protocol, type Reply } from "../src/playground/reply";

const GOLDEN = new URL("../../tests/golden/", import.meta.url).pathname;
const FOLDERS: Record<Protocol, string> = {
  chat: "openai_chat",
  responses: "openai_responses",
  messages: "anthropic_messages",
};

const golden = (protocol: Protocol, name: string): Uint8Array =>
  new Uint8Array(readFileSync(`${GOLDEN}${FOLDERS[protocol]}/${name}.client.sse`));
const streams = PROTOCOLS.flatMap((protocol) =>
  readdirSync(GOLDEN + FOLDERS[protocol])
    .filter((file) => file.endsWith(".client.sse"))
    .map((file) => [protocol, file.replace(".client.sse", "")] as const),
);

const asked = (protocol: Protocol): Conversation =>
  reduce(NOTHING_ASKED, { type: "ask", text: "Hi", files: [], protocol, model: "m", at: 1_000 });

/** The conversation after `bytes` in pieces of `size`, each in a commit of its own. */
function heard(protocol: Protocol, bytes: Uint8Array, size = bytes.length): Conversation {
  let state = asked(protocol);
  for (let at = 0; at < bytes.length; at += size) {
    state = reduce(state, { type: "bytes", id: 2, chunks: [bytes.subarray(at, at + size)], at: 2_000 });
  }
  return reduce(state, { type: "ended", id: 2, at: 3_000 });
}

const answered = (state: Conversation): Answered => state.turns.at(-1) as Answered;
const reply = (protocol: Protocol, name: string): Reply => answered(heard(protocol, golden(protocol, name))).reply;
const shapes = (parts: readonly Part[]): unknown[] =>
  parts.map((part) => [part.kind, "text" in part ? part.text : part.kind === "call" ? `${part.name} ${part.written}` : part.query]);

describe("bytes", () => {
  test.each(streams)("%s %s reads the same byte by byte as at once", (protocol, name) => {
    const bytes = golden(protocol, name);
    expect(heard(protocol, bytes, 1)).toEqual(heard(protocol, bytes));
    expect(heard(protocol, bytes, 7)).toEqual(heard(protocol, bytes));
  });

  test("lines may end in CRLF, events may have several lines of data and comments between them", () => {
    const text = ': ping\r\ndata: {"choices":[{"delta":\r\ndata: {"content":"你好"}}]}\r\n\r\n';
    expect(wordsOf(answered(heard("chat", new TextEncoder().encode(text), 1)).reply)).toBe("你好");
  });
});

describe("what is said", () => {
  test("thinking, then words, with an end of the thought when the words begin", () => {
    const { parts, counts, stop } = reply("chat", "thinking_as_mimo_sends_it");
    expect(shapes(parts)).toEqual([["thought", "The user greets."], ["words", "Hi"]]);
    expect(parts[0]).toMatchObject({ began: 2_000, ended: 2_000 });
    expect(counts).toEqual({ input: 20, cached: 0, output: 9, reasoning: 6 });
    expect(stop).toBe("end");
  });

  test("thinking that comes back after words is a thought of its own", () => {
    const kinds = reply("chat", "reasoning_again_after_text").parts.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "thought").length).toBeGreaterThan(1);
  });

  test("calls of tools are told apart while they come interleaved", () => {
    for (const [protocol, name] of [
      ["chat", "parallel_tools_interleaved"],
      ["responses", "parallel_calls_interleaved"],
    ] as const) {
      const calls = reply(protocol, name).parts.filter((part) => part.kind === "call");
      expect(calls.length).toBeGreaterThan(1);
      for (const { id, name, written } of calls) {
        expect(id).not.toBe("");
        expect(name).not.toBe("");
        expect(JSON.parse(written || "{}")).toBeTypeOf("object");
      }
    }
  });

  test("Messages think, call tools, and say their signature", () => {
    const { parts, stop } = reply("messages", "thinking_and_tools");
    expect(parts.map(({ kind }) => kind)).toContain("call");
    expect(parts.find((part) => part.kind === "thought")?.seal).not.toBe("");
    expect(stop).toBe("tools");
  });

  test("sources are listed once each, and only such as a browser opens", () => {
    expect(reply("chat", "citations_nested_after_the_text").sources.map(({ url }) => url)).toEqual(["https://example.org/a"]);
    const found = reply("responses", "search_and_citations");
    expect(found.sources.map(({ title }) => title)).toEqual(["A"]);
    expect(found.parts[0]).toMatchObject({ kind: "search", query: "weather", done: true });
    const wicked = 'data: {"choices":[{"delta":{"annotations":[{"url":"javascript:alert(1)","title":"x"}]}}]}\n\n';
    expect(answered(heard("chat", new TextEncoder().encode(wicked))).reply.sources).toEqual([]);
  });

  test("a search that brought nothing says why", () => {
    const failed = 'data: {"choices":[{"delta":{"error_message":"the search took too long"}}]}\n\n';
    expect(answered(heard("chat", new TextEncoder().encode(failed))).reply.parts).toMatchObject([
      { kind: "search", done: true, failed: "the search took too long" },
    ]);
  });

  test("each protocol says that moderation or the model ended the answer", () => {
    expect(reply("chat", "refusal")).toMatchObject({ stop: "filtered", parts: [{ kind: "refusal", text: "I can't help with that." }] });
    expect(reply("responses", "filtered").stop).toBe("filtered");
    expect(reply("messages", "refused").stop).toBe("filtered");
  });

  test("an error in the middle fails the turn and keeps what was said", () => {
    for (const [protocol, name] of [
      ["chat", "error_in_the_middle"],
      ["responses", "failed_in_the_middle"],
      ["messages", "overloaded_in_the_middle"],
    ] as const) {
      const turn = answered(heard(protocol, golden(protocol, name)));
      expect(turn.state).toBe("failed");
      expect(turn.reply.failure?.message).not.toBe("");
      expect(wordsOf(turn.reply)).not.toBe("");
    }
  });
});

describe("a conversation", () => {
  test("is stopped once: what comes later changes nothing", () => {
    const stopped = reduce(asked("chat"), { type: "stopped", id: 2, at: 2_500 });
    const late = reduce(stopped, { type: "bytes", id: 2, chunks: [golden("chat", "plain")], at: 2_600 });
    expect(late).toBe(stopped);
    expect(answered(late)).toMatchObject({ state: "stopped", ended: 2_500 });
    expect(runningTurn(late)).toBeNull();
  });

  test("goes on with the results of calls, whose arguments may have been edited", () => {
    const called = heard("responses", golden("responses", "reasoning_text_then_call"));
    const turn = waitingTurn(called);
    expect(turn?.id).toBe(2);
    let state = reduce(called, { type: "rewrite", id: 2, place: "1", written: '{"path":"b.txt"}' });
    state = reduce(state, { type: "result", id: 2, place: "1", text: "sunny" });
    state = reduce(state, { type: "report", protocol: "responses", model: "m", at: 4_000 });
    expect(waitingTurn(state)).toBeNull();
    expect(runningTurn(state)).not.toBeNull();
    expect(state.turns[1]).toMatchObject({ resultsSent: true, results: { 1: "sunny" } });
    expect(shapes((state.turns[1] as Answered).reply.parts).at(-1)).toEqual(["call", 'read {"path":"b.txt"}']);
  });

  test("asks anew in the place of the last answer", () => {
    const again = reduce(heard("chat", golden("chat", "plain")), { type: "again", protocol: "messages", model: "n", at: 5_000 });
    expect(again.turns.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(answered(again)).toMatchObject({ protocol: "messages", model: "n", state: "running" });
  });

  test("forgets everything when it is cleared, but no answer that is under way finds its way in", () => {
    const cleared = reduce(asked("chat"), { type: "clear" });
    expect(cleared.turns).toEqual([]);
    const next = reduce(cleared, { type: "ask", text: "b", files: [], protocol: "chat", model: "m", at: 1 });
    expect(reduce(next, { type: "bytes", id: 2, chunks: [golden("chat", "plain")], at: 2 })).toBe(next);
  });
});
