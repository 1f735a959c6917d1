/** What the user has chosen to send with: read from the address when the page opens, and kept there. */
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

import type { Key } from "@/api/queries/keys";
import type { Model } from "@/api/queries/models";
import { PROTOCOLS, type Protocol } from "@/playground/reply";
import { EFFORTS, NO_WISHES, type Wishes } from "@/playground/request";

export interface Chosen {
  /** Empty: the first that may be used. */
  key: string;
  protocol: Protocol;
  wishes: Wishes;
}

/** In milliseconds; a slider moves more often than an address should. */
const SETTLED = 300;

/** System prompt and tools are words of the user's, and stay out of the address and of its history. */
export function useChosen(): [Chosen, (change: (chosen: Chosen) => Chosen) => void] {
  const [query, setQuery] = useSearchParams();
  const [chosen, setChosen] = useState(() => read(query));
  useEffect(() => {
    const written = write(chosen);
    const timer = setTimeout(() => {
      setQuery((before) => (before.toString() === written.toString() ? before : written), { replace: true });
    }, SETTLED);
    return () => clearTimeout(timer);
  }, [chosen, setQuery]);
  return [chosen, setChosen];
}

function read(query: URLSearchParams): Chosen {
  const number = (name: string): number | null => {
    const value = Number.parseFloat(query.get(name) ?? "");
    return Number.isFinite(value) ? value : null;
  };
  const thinking = query.get("thinking");
  return {
    key: query.get("key") ?? "",
    protocol: PROTOCOLS.find((each) => each === query.get("protocol")) ?? "chat",
    wishes: {
      ...NO_WISHES,
      model: query.get("model") ?? "",
      thinking: thinking === "on" || thinking === "off" ? thinking : "default",
      effort: EFFORTS.find((each) => each === query.get("effort")) ?? null,
      search: query.get("search") === "on",
      temperature: number("temperature"),
      topP: number("top_p"),
      maxTokens: number("max"),
    },
  };
}

function write({ key, protocol, wishes }: Chosen): URLSearchParams {
  const said: [string, string | number | null][] = [
    ["model", wishes.model || null],
    ["key", key || null],
    ["protocol", protocol === "chat" ? null : protocol],
    ["thinking", wishes.thinking === "default" ? null : wishes.thinking],
    ["effort", wishes.effort],
    ["search", wishes.search ? "on" : null],
    ["temperature", wishes.temperature],
    ["top_p", wishes.topP],
    ["max", wishes.maxTokens],
  ];
  return new URLSearchParams(said.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])));
}

export const usableKeys = (keys: readonly Key[]): Key[] => keys.filter(({ state }) => state === "active");

/** The one chosen, else the first of the wallet's, else any. */
export const keyOf = (keys: readonly Key[], id: string): Key | undefined =>
  usableKeys(keys).find((key) => key.id === id) ??
  usableKeys(keys).find(({ kind }) => kind === "sk") ??
  usableKeys(keys)[0];

export const mayUse = (key: Key | undefined, model: Model): boolean => key?.models == null || key.models.includes(model.id);

/** The one chosen, also by an alias, else the first that answers. */
export const modelOf = (models: readonly Model[], id: string, key: Key | undefined): Model | undefined =>
  models.find((model) => model.id === id || model.aliases.includes(id)) ??
  models.find((model) => model.available && mayUse(key, model)) ??
  models[0];

/** Will the model think? An effort alone asks for it as well. */
export const thinks = (model: Model, { thinking, effort }: Wishes): boolean =>
  model.thinking !== "never" && (thinking === "on" || (thinking === "default" && (effort !== null || model.thinking === "on")));

export interface Draw {
  temperature: number;
  topP: number;
}

/** What the platform takes when nothing is chosen, and, while the model thinks, whatever is chosen. */
export function recommended(model: Model, wishes: Wishes): Draw {
  const { sampling } = model;
  const tools = wishes.tools.trim() !== "" || wishes.search;
  const draw = (thinks(model, wishes) ? sampling.thinking : tools ? sampling.tools : null) ?? sampling;
  return { temperature: draw.temperature, topP: draw.top_p };
}
