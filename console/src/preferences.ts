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
  language: storedLanguage() ?? byItself().language,
  theme: storedTheme() ?? byItself().theme,
  zone: storedZone() ?? byItself().zone,
};
apply();

darkness.addEventListener("change", (event) => {
  if (storedTheme() === null) put({ theme: event.matches ? "dark" : "light" });
});

/** Keeps a choice; null gives it back to the browser or the system. */
export function choose<K extends keyof Preferences>(name: K, value: Preferences[K] | null): void {
  try {
    if (value === null) localStorage.removeItem(NAMES[name]);
    else localStorage.setItem(NAMES[name], value);
  } catch {
    // Storage may be forbidden; then the choice holds until the page is left.
  }
  put({ [name]: value ?? byItself()[name] });
}

/** Is this left to the browser or the system? */
export const unchosen = (name: keyof Preferences): boolean => stored(name) === null;

/** What holds where nothing is chosen. */
function byItself(): Preferences {
  return {
    language: languageOf(navigator.languages),
    theme: darkness.matches ? "dark" : "light",
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
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

/** A zone that this browser does not know would fail wherever a time is shown. */
function storedZone(): string | null {
  const found = stored("zone");
  try {
    if (found !== null) new Intl.DateTimeFormat("en", { timeZone: found });
    return found;
  } catch {
    return null;
  }
}
