/** What this browser has chosen: language, theme, time zone. Nothing else is kept in it. */
import { useSyncExternalStore } from "react";

import type { Theme } from "@/style/tokens";

export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

interface Preferences {
  language: Language;
  theme: Theme;
  /** An IANA name, as `Asia/Shanghai`. */
  zone: string;
}

const NAMES = { language: "tm-language", theme: "tm-theme", zone: "tm-zone" } as const;
const listeners = new Set<() => void>();
const darkness = matchMedia("(prefers-color-scheme: dark)");

let current: Preferences = {
  language: storedLanguage() ?? languageOf(navigator.languages),
  theme: storedTheme() ?? (darkness.matches ? "dark" : "light"),
  zone: stored("zone") ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
};
apply();

darkness.addEventListener("change", (event) => {
  if (storedTheme() === null) put({ theme: event.matches ? "dark" : "light" });
});

/** Keeps a choice; null gives it back to the browser or the system. */
export function choose<K extends keyof Preferences>(name: K, value: Preferences[K]): void {
  try {
    localStorage.setItem(NAMES[name], value);
  } catch {
    // Storage may be forbidden; then the choice holds until the page is left.
  }
  put({ [name]: value });
}

export const preferences = (): Preferences => current;
export const usePreferences = (): Preferences => useSyncExternalStore(subscribe, preferences);

/** The first language of the browser's that the console speaks. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase();
    if (language.startsWith("zh")) return "zh-CN";
    if (language.startsWith("en")) return "en";
  }
  return "en";
}

function put(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  apply();
  for (const listener of listeners) listener();
}

function apply(): void {
  document.documentElement.dataset.theme = current.theme;
  document.documentElement.lang = current.language;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored(name: keyof typeof NAMES): string | null {
  try {
    return localStorage.getItem(NAMES[name]);
  } catch {
    return null;
  }
}

function storedLanguage(): Language | null {
  const found = stored("language");
  return found === "zh-CN" || found === "en" ? found : null;
}

function storedTheme(): Theme | null {
  const found = stored("theme");
  return found === "dark" || found === "light" ? found : null;
}
