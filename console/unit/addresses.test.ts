/** Claims about what is said of a Base URL that somebody has put into a tool. */
import { expect, test } from "vitest";

import { findingOf } from "@/pages/tools/addresses";

const root = "http://mill.example:8080";
const wires = (path: string) => ({
  wires: [
    { wire: "chat" as const, name: "Chat", base_url: `${root}${path}/v1` },
    { wire: "messages" as const, name: "Messages", base_url: `${root}${path}/anthropic` },
  ],
});

test.each([
  [`${root}/v1`, "right"],
  [`${root}/v1/`, "right"],
  [` ${root}/anthropic `, "right"],
  [root, "missingV1"],
  [`${root}/anthropic/v1`, "needlessV1"],
  [`${root}/token-plan/v1`, "otherPurse"],
  [`${root}/v1/chat/completions`, "wholePath"],
  [`${root}/anthropic/v1/messages`, "wholePath"],
  ["https://api.openai.com/v1", "otherHost"],
  ["mill", "notAnAddress"],
  [`${root}/api`, "unknown"],
])("with an sk- key, %s is %s", (given, finding) => {
  expect(findingOf(given, wires(""), "sk")).toBe(finding);
});

test("with a tp- key, the wallet's address belongs to the other purse", () => {
  expect(findingOf(`${root}/v1`, wires("/token-plan"), "tp")).toBe("otherPurse");
  expect(findingOf(`${root}/token-plan/v1`, wires("/token-plan"), "tp")).toBe("right");
});
