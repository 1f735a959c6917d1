/** The colours and sizes of both themes; antd, the charts and our own CSS all take them from here. */

export type Theme = "light" | "dark";

export interface Palette {
  layout: string;
  container: string;
  elevated: string;
  text: string;
  textSecondary: string;
  textTertiary: string;
  placeholder: string;
  primary: string;
  link: string;
  primaryBg: string;
  border: string;
  split: string;
  success: Tone;
  warning: Tone;
  error: Tone;
  info: Tone;
  grain: string;
}

interface Tone {
  base: string;
  text: string;
  bg: string;
  border: string;
}

export const palettes: Record<Theme, Palette> = {
  light: {
    layout: "#F7F6F3",
    container: "#FFFFFF",
    elevated: "#FFFFFF",
    text: "#1E2224",
    textSecondary: "#4B5357",
    textTertiary: "#5C666B",
    placeholder: "#667075",
    primary: "#0F6E78",
    link: "#0F6E78",
    primaryBg: "#E6F2F3",
    border: "#8A9297",
    split: "#E7E4DD",
    success: { base: "#2F6B2A", text: "#2F6B2A", bg: "#EDF6EA", border: "#B9DDB1" },
    warning: { base: "#8A5A00", text: "#8A5A00", bg: "#FDF5E3", border: "#EBD29B" },
    error: { base: "#B3261E", text: "#B3261E", bg: "#FCEEEC", border: "#F0BDB7" },
    info: { base: "#1F5FA8", text: "#1F5FA8", bg: "#EAF2FB", border: "#B5D0EE" },
    grain: "#E0A526",
  },
  dark: {
    layout: "#121415",
    container: "#1B1E20",
    elevated: "#25292B",
    text: "#E8EAEA",
    textSecondary: "#B9C0C2",
    textTertiary: "#9CA5A9",
    placeholder: "#949DA1",
    primary: "#147A85",
    link: "#5FC1CC",
    primaryBg: "#14343A",
    border: "#6F787C",
    split: "#2E3336",
    success: { base: "#6FB562", text: "#6FB562", bg: "#16281A", border: "#2C5432" },
    warning: { base: "#E8B84B", text: "#E8B84B", bg: "#2B2313", border: "#5A471C" },
    error: { base: "#F2776B", text: "#F29387", bg: "#301917", border: "#6B302A" },
    info: { base: "#6CAEF0", text: "#6CAEF0", bg: "#14243A", border: "#2A4B73" },
    grain: "#E9B44C",
  },
};

export const fontFamily =
  '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif';
export const fontFamilyCode =
  'ui-monospace, "SF Mono", "Cascadia Code", Consolas, "Noto Sans Mono CJK SC", monospace';

/** From which window width on the menu stands beside the page, and tables are tables, in CSS pixels. */
export const WIDE = 992;
export const TABLES = 768;
