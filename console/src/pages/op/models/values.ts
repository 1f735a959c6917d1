/** A model as the form holds it, and as a catalogue file does. */
import type { ModelEntry, Price } from "@/api/queries/catalogue";
import { writeEntry, type Value } from "@/catalogue/toml";
import { day, startOfDate } from "@/format/times";

export const MODALITIES = ["text", "image", "audio", "video"] as const satisfies readonly ModelEntry["input"][number][];
export const THINKING = ["on", "off", "never"] as const satisfies readonly ModelEntry["thinking"][];
export const FAMILIES = ["mimo", "hermes", "qwen", "deepseek", "glm", "kimi", "llama", "mistral", "harmony", "none"] as const;
export const CURRENCIES = ["USD", "CNY"] as const;
export const RATES = ["input", "cached_input", "written_input", "output", "web_search"] as const;
export const CREDITS = ["input", "cached_input", "output"] as const;
export const TASKS = ["tools", "thinking"] as const;

type Currency = (typeof CURRENCIES)[number];
type Amounts<Name extends string> = Partial<Record<Name, string | undefined>> & { on: boolean };

interface Draw {
  on: boolean;
  temperature: number;
  top_p: number;
}

export interface ModelValues {
  id: string;
  aliases: string[];
  /** "": guessed from the id. */
  family: string;
  input: ModelEntry["input"];
  context_window: number;
  max_output_tokens: number;
  thinking: ModelEntry["thinking"];
  web_search: boolean;
  /** A day of the chosen zone, as `2027-01-31`; "": it stays. */
  retires: string;
  successor?: string | undefined;
  targets: ModelEntry["targets"];
  price: Record<Currency, Amounts<(typeof RATES)[number]>>;
  credits: Amounts<(typeof CREDITS)[number]>;
  sampling: { temperature: number; top_p: number; tools: Draw; thinking: Draw };
  limits: ModelEntry["limits"];
}

export const fresh = (target: string): ModelValues => ({
  id: "",
  aliases: [],
  family: "",
  input: ["text"],
  context_window: 131_072,
  max_output_tokens: 32_768,
  thinking: "on",
  web_search: false,
  retires: "",
  targets: [{ target, model: "", weight: 1, priority: 0 }],
  price: { USD: { on: false }, CNY: { on: false } },
  credits: { on: false },
  sampling: { temperature: 1, top_p: 0.95, tools: { on: false, temperature: 1, top_p: 0.95 }, thinking: { on: false, temperature: 1, top_p: 0.95 } },
  limits: { rpm: 100, tpm: 10_000_000 },
});

export function valuesOf(entry: ModelEntry, zone: string): ModelValues {
  const draw = (of: { temperature: number; top_p: number } | null): Draw => ({
    on: of !== null,
    temperature: of?.temperature ?? entry.sampling.temperature,
    top_p: of?.top_p ?? entry.sampling.top_p,
  });
  return {
    ...entry,
    family: entry.family ?? "",
    retires: entry.retires_at === null ? "" : dayOf(entry.retires_at, zone),
    successor: entry.successor ?? undefined,
    price: { USD: amountsOf(entry.price.USD), CNY: amountsOf(entry.price.CNY) },
    credits: { on: entry.credits !== null, ...entry.credits },
    sampling: { ...entry.sampling, tools: draw(entry.sampling.tools), thinking: draw(entry.sampling.thinking) },
  };
}

export function tomlOf(values: ModelValues, before: ModelEntry | null, zone: string): string {
  const { sampling, credits, price } = values;
  return writeEntry("models", {
    id: before?.id ?? values.id.trim(),
    targets: values.targets.map((each) => ({ ...each, target: each.target.trim(), model: each.model.trim() })),
    aliases: values.aliases.map((alias) => alias.trim()),
    family: values.family === "" ? undefined : values.family,
    input: values.input,
    context_window: values.context_window,
    max_output_tokens: values.max_output_tokens,
    thinking: values.thinking,
    sampling: {
      temperature: sampling.temperature,
      top_p: sampling.top_p,
      tools: drawn(sampling.tools),
      thinking: drawn(sampling.thinking),
    },
    price: { USD: amounts(price.USD, RATES), CNY: amounts(price.CNY, RATES) },
    credits: amounts(credits, CREDITS),
    limits: { ...values.limits },
    web_search: values.web_search,
    retires_at: retirement(values.retires, before, zone),
    successor: values.successor === undefined || values.successor === "" ? undefined : values.successor,
  });
}

/** The same in every language: `2027-01-31`. */
const dayOf = (moment: string, zone: string): string => day(moment, "zh-CN", zone);

function retirement(chosen: string, before: ModelEntry | null, zone: string): string | undefined {
  if (chosen === "") return undefined;
  const known = before?.retires_at;
  // An hour that the form cannot show is kept as long as the day is.
  if (known != null && dayOf(known, zone) === chosen) return known;
  const [year = 0, month = 1, date = 1] = chosen.split("-").map(Number);
  return startOfDate(year, month, date, zone).toISOString();
}

function amountsOf(price: Price | null): ModelValues["price"][Currency] {
  if (price === null) return { on: false };
  return { on: true, ...Object.fromEntries(RATES.map((rate) => [rate, price[rate] ?? undefined])) };
}

function amounts<Name extends string>(of: Amounts<Name>, names: readonly Name[]): Value {
  if (!of.on) return null;
  const filled = names.map((name) => [name, (of[name] as string | undefined)?.trim() ?? ""] as const);
  return Object.fromEntries(filled.filter(([, amount]) => amount !== ""));
}

const drawn = ({ on, temperature, top_p }: Draw): Value => (on ? { temperature, top_p } : null);

export const TABS = ["basics", "targets", "price", "sampling", "limits"] as const;
export type Tab = (typeof TABS)[number];

/** On which tab a field is. */
export function tabOf(name: string | number | undefined): Tab {
  if (name === "credits") return "price";
  return TABS.find((tab) => tab === name) ?? "basics";
}
