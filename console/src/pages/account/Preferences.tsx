/** In which language, theme and time zone this browser shows the console. */
import { Form, Segmented, Select } from "antd";
import { useTranslation } from "react-i18next";

import { chooseLanguage } from "@/api/queries/session";
import { offset } from "@/format/times";
import { speak } from "@/i18n";
import { choose, unchosen, usePreferences, type Language } from "@/preferences";

import { Section } from "./Section";

export function Preferences() {
  const { t } = useTranslation(["account", "common"]);
  const { language, theme, zone } = usePreferences();

  async function changeLanguage(chosen: Language): Promise<void> {
    await speak(chosen);
    choose("language", chosen);
    // Letters are written in it, too; the page speaks it already, whatever becomes of this.
    await chooseLanguage(chosen).catch(() => undefined);
  }

  return (
    <Section id="preferences" title={t("preferences.title")} about={t("preferences.about")}>
      <Form layout="vertical">
        <Form.Item label={t("common:language")}>
          <Segmented<Language>
            aria-label={t("common:language")}
            value={language}
            onChange={(chosen) => void changeLanguage(chosen)}
            options={[
              { value: "zh-CN", label: <span lang="zh-CN">中文</span> },
              { value: "en", label: <span lang="en">English</span> },
            ]}
          />
        </Form.Item>
        <Form.Item label={t("common:theme.name")}>
          <Segmented<"system" | "light" | "dark">
            aria-label={t("common:theme.name")}
            value={unchosen("theme") ? "system" : theme}
            onChange={(chosen) => choose("theme", chosen === "system" ? null : chosen)}
            options={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(`preferences.${value}`) }))}
          />
        </Form.Item>
        <Form.Item label={t("common:zone")} htmlFor="zone" extra={t("preferences.zoneHint")} style={{ marginBottom: 0 }}>
          <Select
            id="zone"
            showSearch={{ optionFilterProp: "label" }}
            value={zone}
            onChange={(chosen: string) => choose("zone", chosen)}
            options={zones(zone)}
            style={{ width: "100%" }}
          />
        </Form.Item>
      </Form>
    </Section>
  );
}

/** Today's names of zones that browsers still list by their old ones. */
const RENAMED = ["Asia/Kolkata", "Asia/Kathmandu", "Asia/Ho_Chi_Minh", "Asia/Yangon", "Europe/Kyiv", "America/Nuuk"];

/** All zones that the browser knows, with the one in use. */
function zones(used: string): { value: string; label: string }[] {
  const now = new Date();
  return [...new Set(["UTC", used, ...RENAMED, ...Intl.supportedValuesOf("timeZone")])]
    .sort()
    .map((value) => ({ value, label: `${value} (${offset(value, now)})` }));
}
