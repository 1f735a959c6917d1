// Tells every story to the official Node SDKs, and prints as one line of JSON what each of them heard.
// Arguments: the platform's address, a key, a model, and the stories as JSON, by name.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [url, key, model, told] = process.argv.slice(2);
const stories = JSON.parse(told);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: `${url}/anthropic`, apiKey: key, maxRetries: 0 });

function chatAsk({ words, thinks, parameters, shape }) {
  return {
    model,
    messages: [{ role: "user", content: words }],
    ...(thinks && { reasoning_effort: "low" }),
    ...(parameters && { tools: [{ type: "function", function: { name: "get_weather", parameters } }] }),
    ...(shape && { response_format: { type: "json_schema", json_schema: { name: "city", schema: shape } } }),
  };
}

function responsesAsk({ words, thinks, parameters, shape }) {
  return {
    model,
    input: words,
    ...(thinks && { reasoning: { effort: "low" } }),
    ...(parameters && { tools: [{ type: "function", name: "get_weather", parameters, strict: true }] }),
    ...(shape && { text: { format: { type: "json_schema", name: "city", schema: shape } } }),
  };
}

function messagesAsk({ words, thinks, parameters, shape }) {
  return {
    model,
    max_tokens: 4000,
    messages: [{ role: "user", content: words }],
    ...(thinks && { thinking: { type: "enabled", budget_tokens: 2000 } }),
    ...(parameters && { tools: [{ name: "get_weather", input_schema: parameters }] }),
    ...(shape && { output_config: { format: { type: "json_schema", schema: shape } } }),
  };
}

function chatTold({ choices: [{ message, finish_reason: stop }] }) {
  return {
    stop,
    words: message.content ?? "",
    thought: message.reasoning_content ?? "",
    refusal: message.refusal ?? "",
    calls: (message.tool_calls ?? []).map(({ function: call }) => [call.name, call.arguments]),
  };
}

function responseTold(response) {
  const parts = (kind) => response.output.filter((item) => item.type === kind);
  const contents = (kind, type) => parts(kind).flatMap((item) => item.content.filter((part) => part.type === type));
  return {
    stop: response.incomplete_details?.reason ?? response.status,
    words: response.output_text,
    thought: contents("reasoning", "reasoning_text").map((part) => part.text).join(""),
    refusal: contents("message", "refusal").map((part) => part.refusal).join(""),
    calls: parts("function_call").map((call) => [call.name, call.arguments]),
  };
}

function messageTold(message) {
  const blocks = (type) => message.content.filter((block) => block.type === type);
  return {
    stop: message.stop_reason,
    words: blocks("text").map((block) => block.text).join(""),
    thought: blocks("thinking").map((block) => block.thinking).join(""),
    refusal: "",
    calls: blocks("tool_use").map((call) => [call.name, JSON.stringify(call.input)]),
  };
}

// The helper of chat streams raises for a reply that was cut or filtered, so its chunks are what is heard then.
async function chatHelped(asked) {
  const stream = openai.chat.completions.stream(asked);
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const stop = chunks.flatMap((chunk) => chunk.choices).findLast((choice) => choice.finish_reason)?.finish_reason;
  if (stop === "length" || stop === "content_filter") return chatTold(stream.currentChatCompletionSnapshot ?? joined(chunks));
  return chatTold(await stream.finalChatCompletion());
}

function joined(chunks) {
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const all = (name) => choices.map(({ delta }) => delta[name] ?? "").join("");
  const message = { content: all("content"), reasoning_content: all("reasoning_content"), refusal: all("refusal") };
  return { choices: [{ message, finish_reason: choices.findLast((choice) => choice.finish_reason).finish_reason }] };
}

async function chat(story) {
  const asked = chatAsk(story);
  return {
    whole: chatTold(await openai.chat.completions.create(asked)),
    helped: await chatHelped(asked),
  };
}

async function responses(story) {
  const asked = responsesAsk(story);
  const events = [];
  for await (const event of await openai.responses.create({ ...asked, stream: true })) events.push(event);
  const last = events.at(-1).response;
  last.output_text = (await openai.responses.retrieve(last.id)).output_text;
  return {
    whole: responseTold(await openai.responses.create(asked)),
    streamed: responseTold(last),
    helped: responseTold(await openai.responses.stream(asked).finalResponse()),
  };
}

async function messages(story) {
  const asked = messagesAsk(story);
  const stream = anthropic.messages.stream(asked);
  let words = "";
  stream.on("text", (delta) => (words += delta));
  const helped = messageTold(await stream.finalMessage());
  if (words !== helped.words) throw new Error(`the deltas are not the words: ${words}`);
  return {
    whole: messageTold(await anthropic.messages.create(asked)),
    helped,
    beta: messageTold(await anthropic.beta.messages.stream(asked).finalMessage()),
  };
}

async function listed(page) {
  const ids = [];
  for await (const one of page) ids.push(one.id);
  return ids;
}

async function raised(asking) {
  try {
    await asking;
  } catch (error) {
    return [error.constructor.name, error.status ?? null];
  }
  return null;
}

// Items of the stream until it breaks off, and what it is said to have broken off with.
async function broken(stream) {
  let heard = 0;
  try {
    for await (const _ of await stream) heard += 1;
  } catch (error) {
    return [heard > 0, error instanceof OpenAI.APIError || error instanceof Anthropic.APIError];
  }
  return null;
}

const off = { words: "Count, and break off." };
const verdict = { heard: {} };
for (const [name, story] of Object.entries(stories)) {
  verdict.heard[name] = {
    chat: await chat(story),
    responses: await responses(story),
    messages: await messages(story),
  };
}
verdict.models = {
  openai: await listed(openai.models.list()),
  anthropic: await listed(anthropic.models.list()),
  found: [(await openai.models.retrieve(model)).id, (await anthropic.models.retrieve(model)).id],
};
verdict.tokens = (await anthropic.messages.countTokens({ model, messages: messagesAsk(off).messages })).input_tokens;
verdict.errors = {
  key: [
    await raised(new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-none" }).models.list()),
    await raised(new Anthropic({ baseURL: `${url}/anthropic`, apiKey: "sk-none" }).models.list()),
  ],
  model: [
    await raised(openai.chat.completions.create({ ...chatAsk(off), model: "none" })),
    await raised(openai.responses.create({ ...responsesAsk(off), model: "none" })),
    await raised(anthropic.messages.create({ ...messagesAsk(off), model: "none" })),
  ],
  busy: [
    await raised(openai.chat.completions.create(chatAsk({ words: "Answer with status 503." }))),
    await raised(anthropic.messages.create(messagesAsk({ words: "Answer with status 503." }))),
  ],
};
verdict.broken = {
  chat: await broken(openai.chat.completions.create({ ...chatAsk(off), stream: true })),
  messages: await broken(anthropic.messages.create({ ...messagesAsk(off), stream: true })),
};
console.log(JSON.stringify(verdict));
