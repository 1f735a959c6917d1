/** Writes a conversation as the request of one protocol. */
import type { Answered, Asked, Attached, Turn } from "./machine";
import { callsOf, members, text, type Call, type Protocol } from "./reply";

/** What the user has chosen; null and `default` leave it to the platform. */
export interface Wishes {
  model: string;
  system: string;
  thinking: "default" | "on" | "off";
  effort: Effort | null;
  temperature: number | null;
  topP: number | null;
  maxTokens: number | null;
  search: boolean;
  /** A JSON array of function tools, as chat completions have them; empty for none. */
  tools: string;
}

export const EFFORTS = ["low", "medium", "high"] as const;
export type Effort = (typeof EFFORTS)[number];

export const NO_WISHES: Wishes = {
  model: "", system: "", thinking: "default", effort: null, temperature: null, topP: null, maxTokens: null,
  search: false, tools: "",
};

/** What Messages, which demands a limit, gets when none is chosen. */
export const MESSAGES_TOKENS = 16_384;

export const PATHS: Record<Protocol, string> = {
  chat: "v1/chat/completions",
  responses: "v1/responses",
  messages: "anthropic/v1/messages",
};

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };
export type Body = Record<string, Json>;

interface Tool {
  name: string;
  description: string;
  parameters: Json;
}

/** The tools of the editor. Throws Error, with the parser's own words, for what is no list of tools. */
export function toolsOf(written: string): Tool[] {
  if (written.trim() === "") return [];
  const value: unknown = JSON.parse(written);
  if (!Array.isArray(value)) throw new Error("[ … ]");
  return value.map((each: unknown) => {
    const tool = members(each);
    const inner = tool["function"] === undefined ? tool : members(tool["function"]);
    const name = text(inner["name"]);
    if (name === "") throw new Error('"name"');
    const parameters = (inner["parameters"] ?? inner["input_schema"] ?? { type: "object", properties: {} }) as Json;
    return { name, description: text(inner["description"]), parameters };
  });
}

/** The whole body. Throws Error when the tools cannot be read; see `toolsOf`. */
export function bodyOf(protocol: Protocol, wishes: Wishes, turns: readonly Turn[]): Body {
  const said = turns.filter((turn) => turn.role === "user" || hasSaid(turn));
  const tools = toolsOf(wishes.tools);
  switch (protocol) {
    case "chat":
      return chatBody(wishes, said, tools);
    case "responses":
      return responsesBody(wishes, said, tools);
    case "messages":
      return messagesBody(wishes, said, tools);
  }
}

/** What broke before a word of it came has no place in the history. */
const hasSaid = (turn: Answered): boolean =>
  turn.reply.parts.some((part) => part.kind === "words" || part.kind === "call" || part.kind === "refusal");

const resultOf = (turn: Answered, call: Call): string => turn.results[call.place] ?? "";

// --- Chat completions

function chatBody(wishes: Wishes, turns: readonly Turn[], tools: readonly Tool[]): Body {
  const system: Json[] = wishes.system === "" ? [] : [{ role: "system", content: wishes.system }];
  const offered: Json[] = tools.map((tool) => ({ type: "function", function: { ...tool } }));
  if (wishes.search) offered.push({ type: "web_search" });
  return {
    model: wishes.model,
    messages: [...system, ...turns.flatMap((turn) => (turn.role === "user" ? [chatAsked(turn)] : chatAnswered(turn)))],
    stream: true,
    stream_options: { include_usage: true },
    ...(wishes.thinking !== "default" && { thinking: { type: wishes.thinking === "on" ? "enabled" : "disabled" } }),
    ...(wishes.effort !== null && wishes.thinking !== "off" && { reasoning_effort: wishes.effort }),
    ...drawOf(wishes),
    ...(wishes.maxTokens !== null && { max_completion_tokens: wishes.maxTokens }),
    ...(offered.length > 0 && { tools: offered }),
  };
}

const chatAsked = (turn: Asked): Json => ({
  role: "user",
  content: turn.files.length === 0 ? turn.text : [...turn.files.map(chatFile), ...worded(turn.text, "text")],
});

function chatFile(file: Attached): Json {
  if (file.type.startsWith("image/")) return { type: "image_url", image_url: { url: file.url } };
  if (file.type.startsWith("video/")) return { type: "video_url", video_url: { url: file.url } };
  if (file.type.startsWith("audio/")) return { type: "input_audio", input_audio: audioOf(file) };
  return { type: "file", file: { filename: file.name, file_data: file.url } };
}

function chatAnswered(turn: Answered): Json[] {
  const calls = callsOf(turn.reply);
  const thought = partsOf(turn, "thought");
  return [
    {
      role: "assistant",
      content: partsOf(turn, "words") || partsOf(turn, "refusal") || null,
      ...(thought !== "" && { reasoning_content: thought }),
      ...(calls.length > 0 && {
        tool_calls: calls.map((call) => ({
          id: call.id, type: "function", function: { name: call.name, arguments: call.written },
        })),
      }),
    },
    ...calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: resultOf(turn, call) })),
  ];
}

// --- Responses

function responsesBody(wishes: Wishes, turns: readonly Turn[], tools: readonly Tool[]): Body {
  const offered: Json[] = tools.map((tool) => ({ type: "function", ...tool }));
  if (wishes.search) offered.push({ type: "web_search" });
  const effort = wishes.thinking === "off" ? "none" : (wishes.effort ?? (wishes.thinking === "on" ? "medium" : null));
  return {
    model: wishes.model,
    ...(wishes.system !== "" && { instructions: wishes.system }),
    input: turns.flatMap((turn) => (turn.role === "user" ? [responsesAsked(turn)] : responsesAnswered(turn))),
    stream: true,
    store: false,
    ...(effort !== null && { reasoning: { effort } }),
    ...drawOf(wishes),
    ...(wishes.maxTokens !== null && { max_output_tokens: wishes.maxTokens }),
    ...(offered.length > 0 && { tools: offered }),
  };
}

const responsesAsked = (turn: Asked): Json => ({
  role: "user",
  content: turn.files.length === 0 ? turn.text : [...turn.files.map(responsesFile), ...worded(turn.text, "input_text")],
});

function responsesFile(file: Attached): Json {
  if (file.type.startsWith("image/")) return { type: "input_image", image_url: file.url };
  if (file.type.startsWith("video/")) return { type: "input_video", video_url: file.url };
  if (file.type.startsWith("audio/")) return { type: "input_audio", input_audio: audioOf(file) };
  return { type: "input_file", filename: file.name, file_data: file.url };
}

function responsesAnswered(turn: Answered): Json[] {
  const items = turn.reply.parts.flatMap<Json>((part) => {
    switch (part.kind) {
      case "thought":
        return turn.protocol === "responses"
          ? [{ type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: part.text }] }]
          : [];
      case "words":
        return [{ role: "assistant", content: [{ type: "output_text", text: part.text }] }];
      case "refusal":
        return [{ role: "assistant", content: [{ type: "refusal", refusal: part.text }] }];
      case "call":
        return [{ type: "function_call", call_id: part.id, name: part.name, arguments: part.written }];
      case "search":
        return [];
    }
  });
  const outputs = callsOf(turn.reply).map((call) => ({
    type: "function_call_output", call_id: call.id, output: resultOf(turn, call),
  }));
  return [...items, ...outputs];
}

// --- Messages

function messagesBody(wishes: Wishes, turns: readonly Turn[], tools: readonly Tool[]): Body {
  const offered: Json[] = tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));
  if (wishes.search) offered.push({ type: "web_search_20250305", name: "web_search" });
  return {
    model: wishes.model,
    max_tokens: wishes.maxTokens ?? MESSAGES_TOKENS,
    ...(wishes.system !== "" && { system: wishes.system }),
    messages: turns.flatMap((turn) => (turn.role === "user" ? [messagesAsked(turn)] : messagesAnswered(turn))),
    stream: true,
    ...(wishes.thinking !== "default" && { thinking: { type: wishes.thinking === "on" ? "adaptive" : "disabled" } }),
    ...(wishes.effort !== null && wishes.thinking !== "off" && { output_config: { effort: wishes.effort } }),
    ...drawOf(wishes),
    ...(offered.length > 0 && { tools: offered }),
  };
}

const messagesAsked = (turn: Asked): Json => ({
  role: "user",
  content: turn.files.length === 0 ? turn.text : [...turn.files.map(messagesFile), ...worded(turn.text, "text")],
});

function messagesFile(file: Attached): Json {
  const data = base64Of(file);
  if (file.type.startsWith("image/")) return { type: "image", source: { type: "base64", media_type: file.type, data } };
  if (file.type === "text/plain") {
    return { type: "document", title: file.name, source: { type: "text", media_type: "text/plain", data: wordsIn(data) } };
  }
  return { type: "document", title: file.name, source: { type: "base64", media_type: file.type, data } };
}

function messagesAnswered(turn: Answered): Json[] {
  const blocks = turn.reply.parts.flatMap<Json>((part) => {
    switch (part.kind) {
      case "thought":
        return turn.protocol === "messages" ? [{ type: "thinking", thinking: part.text, signature: part.seal }] : [];
      case "words":
      case "refusal":
        return [{ type: "text", text: part.text }];
      case "call":
        return [{ type: "tool_use", id: part.id, name: part.name, input: inputOf(part.written) }];
      case "search":
        return [];
    }
  });
  const results = callsOf(turn.reply).map((call) => ({
    type: "tool_result", tool_use_id: call.id, content: resultOf(turn, call),
  }));
  return [
    { role: "assistant", content: blocks },
    ...(results.length > 0 ? [{ role: "user", content: results }] : []),
  ];
}

// --- What they have in common

function drawOf({ temperature, topP }: Wishes): Body {
  return { ...(temperature !== null && { temperature }), ...(topP !== null && { top_p: topP }) };
}

const worded = (said: string, type: string): Json[] => (said === "" ? [] : [{ type, text: said }]);

const partsOf = (turn: Answered, kind: "thought" | "words" | "refusal"): string =>
  turn.reply.parts.flatMap((part) => (part.kind === kind ? [part.text] : [])).join("\n\n");

function inputOf(written: string): Json {
  try {
    return members(JSON.parse(written || "{}")) as Body;
  } catch {
    return {};
  }
}

export const base64Of = (file: Attached): string => file.url.slice(file.url.indexOf(",") + 1);

const audioOf = (file: Attached): Body => ({ data: base64Of(file), format: file.type.includes("wav") ? "wav" : "mp3" });

const wordsIn = (base64: string): string => new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
