/** The colours of charts: five series and a rest, and the kinds of tokens, which keep theirs everywhere. */
import type { Theme } from "./tokens";

export type TokenKind = "cached" | "fresh" | "output" | "reasoning";

/** In the order in which they are stacked. */
export const TOKEN_KINDS: readonly TokenKind[] = ["cached", "fresh", "output", "reasoning"];

export const series: Record<Theme, readonly string[]> = {
  light: ["#0F6E78", "#B38C15", "#33278D", "#AD3A00", "#2B97EE"],
  dark: ["#5FC1CC", "#EC8E17", "#5C79B6", "#C8F292", "#BD4141"],
};

export const rest: Record<Theme, string> = { light: "#8C8A86", dark: "#A9A29A" };

export const tokenKinds: Record<Theme, Record<TokenKind, string>> = {
  light: { cached: "#3A9AA6", fresh: "#0B4F57", output: "#B38C15", reasoning: "#7A4A8C" },
  dark: { cached: "#3A97A3", fresh: "#A9E3E9", output: "#EC9E2F", reasoning: "#8B7BD8" },
};
