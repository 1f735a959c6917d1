/** Our tokens in antd's names. */
import { theme as antd, type ThemeConfig } from "antd";

import { fontFamily, fontFamilyCode, palettes, type Theme } from "./tokens";

const still = matchMedia("(prefers-reduced-motion: reduce)");

export function antdTheme(theme: Theme): ThemeConfig {
  const p = palettes[theme];
  return {
    cssVar: { prefix: "tm", key: "tm" },
    hashed: false,
    algorithm: theme === "dark" ? antd.darkAlgorithm : antd.defaultAlgorithm,
    token: {
      colorBgLayout: p.layout,
      colorBgContainer: p.container,
      colorBgElevated: p.elevated,
      colorText: p.text,
      colorTextSecondary: p.textSecondary,
      colorTextTertiary: p.textTertiary,
      colorTextDescription: p.textTertiary,
      colorTextPlaceholder: p.placeholder,
      colorTextDisabled: p.placeholder,
      colorTextHeading: p.text,
      colorIcon: p.textTertiary,
      colorPrimary: p.primary,
      colorPrimaryHover: p.primary,
      colorPrimaryActive: p.primary,
      colorPrimaryBg: p.primaryBg,
      colorPrimaryText: p.link,
      colorLink: p.link,
      colorLinkHover: p.link,
      colorLinkActive: p.link,
      colorBorder: p.border,
      colorBorderSecondary: p.split,
      colorSplit: p.split,
      ...tones(p.success, "Success"),
      ...tones(p.warning, "Warning"),
      ...tones(p.error, "Error"),
      ...tones(p.info, "Info"),
      motion: !still.matches,
      fontFamily,
      fontFamilyCode,
      fontSize: 14,
      borderRadius: 6,
      borderRadiusLG: 10,
      controlHeight: 34,
      boxShadow: "none",
      boxShadowTertiary: "none",
      motionDurationFast: "80ms",
      motionDurationMid: "120ms",
      motionDurationSlow: "120ms",
    },
    components: {
      Layout: { headerBg: p.container, siderBg: p.container, headerPadding: "0 16px", headerHeight: 56 },
      Menu: {
        itemSelectedBg: p.primaryBg,
        itemSelectedColor: p.link,
        activeBarBorderWidth: 0,
        itemHeight: 36,
        itemMarginBlock: 2,
        groupTitleFontSize: 12,
      },
      Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none", dangerColor: theme === "dark" ? p.layout : p.container },
      Table: { headerBg: p.layout, headerColor: p.textSecondary },
      Segmented: { itemColor: p.textSecondary, itemSelectedBg: p.primaryBg, itemSelectedColor: p.link },
      Collapse: { colorBorder: p.split },
      Tag: { colorBorder: p.split },
      Tabs: { itemSelectedColor: p.link, itemHoverColor: p.link, inkBarColor: p.link },
    },
  };
}

type Named<K extends string> = Record<`color${K}` | `color${K}Text` | `color${K}Bg` | `color${K}Border`, string>;

function tones<K extends string>(
  tone: { base: string; text: string; bg: string; border: string },
  name: K,
): Named<K> {
  return {
    [`color${name}`]: tone.base,
    [`color${name}Text`]: tone.text,
    [`color${name}Bg`]: tone.bg,
    [`color${name}Border`]: tone.border,
  } as Named<K>;
}
