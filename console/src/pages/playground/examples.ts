/** A tool to begin with, as chat completions describe tools. */
import type { Json } from "@/playground/request";

const TOOLS: Json = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Current weather of a city.",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

export const EXAMPLE_TOOLS = JSON.stringify(TOOLS, null, 2);
