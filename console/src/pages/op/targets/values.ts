/** A target as the form holds it, and as a catalogue file does. */
import type { TargetEntry } from "@/api/queries/catalogue";
import { writeEntry } from "@/catalogue/toml";

export type KeySource = "none" | "env" | "file";

export interface TargetValues extends Omit<TargetEntry, "api_key" | "base_url" | "concurrency"> {
  base_url: string;
  keySource: KeySource;
  /** A variable's name or a file's path, never the key itself. */
  keyName: string;
}

export const ENGINES = ["openai", "anthropic", "embedded"] as const satisfies readonly TargetEntry["engine"][];
export const DIALECTS = [
  "none", "mimo", "hermes", "deepseek", "glm", "kimi", "llama", "mistral", "harmony",
] as const satisfies readonly TargetEntry["dialect"][];
export const THINKING = ["thinking", "enable_thinking", "reasoning_effort", "none"] as const satisfies readonly TargetEntry["thinking_switch"][];
export const REASONING = ["accepted", "required", "refused"] as const satisfies readonly TargetEntry["reasoning_back"][];
export const LEAVERS = ["cancel", "drain"] as const satisfies readonly TargetEntry["on_disconnect"][];

/** What the API takes for granted where a file says nothing. */
export const FRESH: TargetValues = {
  id: "",
  engine: "openai",
  base_url: "",
  keySource: "none",
  keyName: "",
  dialect: "none",
  thinking_switch: "thinking",
  reasoning_back: "accepted",
  strict: false,
  native_search: false,
  free: false,
  enabled: true,
  timeouts: { connect: 5, first: 120, between: 60, whole: 1800 },
  on_disconnect: "cancel",
};

export function valuesOf({ api_key: key, base_url: url, ...entry }: TargetEntry): TargetValues {
  const cut = key?.indexOf(":") ?? -1;
  return {
    ...entry,
    base_url: url ?? "",
    keySource: key === null ? "none" : (key.slice(0, cut) as KeySource),
    keyName: key === null ? "" : key.slice(cut + 1),
  };
}

/** `before` keeps what the form does not show. */
export function tomlOf(values: TargetValues, before: TargetEntry | null): string {
  const { keySource, keyName, base_url: url, ...rest } = values;
  return writeEntry("targets", {
    id: before?.id ?? rest.id.trim(),
    engine: rest.engine,
    base_url: rest.engine === "embedded" ? undefined : url.trim(),
    api_key: keySource === "none" || rest.engine === "embedded" ? undefined : `${keySource}:${keyName.trim()}`,
    dialect: rest.dialect,
    thinking_switch: rest.thinking_switch,
    reasoning_back: rest.reasoning_back,
    strict: rest.strict,
    native_search: rest.native_search,
    free: rest.free,
    enabled: before?.enabled ?? rest.enabled,
    concurrency: before?.concurrency,
    timeouts: { ...rest.timeouts },
    on_disconnect: rest.on_disconnect,
  });
}
