/** Names a browser and its system, as people call them, from what it says of itself. */

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\/|Opera/, "Opera"],
  [/MicroMessenger\//, "WeChat"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone|iPad|iPod/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

export interface Agent {
  browser: string;
  /** Null where it does not say. */
  system: string | null;
}

export function agentOf(text: string): Agent {
  const named = (names: typeof BROWSERS): string | null => names.find(([mark]) => mark.test(text))?.[1] ?? null;
  const first = text.split(/[\s/]/)[0] ?? "";
  return { browser: named(BROWSERS) ?? (first === "" ? "–" : first), system: named(SYSTEMS) };
}
