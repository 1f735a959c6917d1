/** Says what is wrong with a Base URL that somebody has put into a tool. */
import type { KeyKind, ToolGuide } from "@/api/queries/tools";

export type Finding = "right" | "notAnAddress" | "otherHost" | "otherPurse" | "missingV1" | "needlessV1" | "wholePath" | "unknown";

const PLAN = "/token-plan";
const ENDINGS = ["/chat/completions", "/responses", "/v1/messages"];

/** `right` are the Base URLs that the guide gives for the chosen purse. */
export function findingOf(given: string, guide: Pick<ToolGuide, "wires">, purse: KeyKind): Finding {
  const bases = guide.wires.map((each) => each.base_url);
  const text = given.trim().replace(/\/+$/, "");
  if (bases.includes(text)) return "right";
  if (!URL.canParse(text)) return "notAnAddress";
  if (!bases.some((base) => new URL(base).host === new URL(text).host)) return "otherHost";
  if (text.includes(PLAN) !== bases.some((base) => base.includes(PLAN)) && (purse === "tp" || text.includes(PLAN))) {
    return "otherPurse";
  }
  if (ENDINGS.some((ending) => text.endsWith(ending))) return "wholePath";
  if (bases.includes(`${text}/v1`)) return "missingV1";
  if (bases.includes(text.replace(/\/v1$/, ""))) return "needlessV1";
  return "unknown";
}
