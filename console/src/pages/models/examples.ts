/** A first request in each way of asking, with this platform's address. */
import type { FirstSteps } from "@/api/queries/overview";
import type { CodeLanguage } from "@/parts/highlighting";

export interface Example {
  name: string;
  language: CodeLanguage;
  code: string;
}

export function examples(model: string, { openai, anthropic }: FirstSteps["base_urls"]): Example[] {
  return [
    {
      name: "curl",
      language: "bash",
      code: `curl ${openai}/chat/completions \\
  -H "Authorization: Bearer $TOKENMILL_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      name: "Python",
      language: "python",
      code: `import os
from openai import OpenAI

client = OpenAI(base_url="${openai}", api_key=os.environ["TOKENMILL_KEY"])
reply = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(reply.choices[0].message.content)`,
    },
    {
      name: "Node",
      language: "javascript",
      code: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${openai}", apiKey: process.env.TOKENMILL_KEY });
const reply = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(reply.choices[0].message.content);`,
    },
    {
      name: "Anthropic",
      language: "python",
      code: `import os
from anthropic import Anthropic

client = Anthropic(base_url="${anthropic}", api_key=os.environ["TOKENMILL_KEY"])
reply = client.messages.create(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(reply.content)`,
    },
  ];
}
