/** What a model can do, in the order in which it is told. */
import type { Model } from "@/api/queries/models";

export const ABILITIES = ["text", "image", "audio", "video", "thinking", "search"] as const;
export type Ability = (typeof ABILITIES)[number];

export function abilitiesOf(model: Model): Ability[] {
  return ABILITIES.filter((ability) => {
    if (ability === "thinking") return model.thinking !== "never";
    if (ability === "search") return model.web_search;
    return model.input.includes(ability);
  });
}
