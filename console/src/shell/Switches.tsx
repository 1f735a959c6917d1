/** Language and theme, on every page. */
import { MoonOutlined, SunOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useTranslation } from "react-i18next";

import { chooseLanguage } from "@/api/queries/session";
import { speak } from "@/i18n";
import { choose, usePreferences } from "@/preferences";

/** Also on the entry pages, where nobody is known yet. */
export function LanguageSwitch({ known = true }: { known?: boolean }) {
  const { language } = usePreferences();
  const next = language === "en" ? "zh-CN" : "en";
  async function change(): Promise<void> {
    await speak(next);
    choose("language", next);
    // Letters are written in it, too; the page speaks it already, whatever becomes of this.
    if (known) await chooseLanguage(next).catch(() => undefined);
  }
  return (
    <Button type="text" lang={next} onClick={() => void change()}>
      {next === "en" ? "EN" : "中文"}
    </Button>
  );
}

export function ThemeSwitch() {
  const { t } = useTranslation();
  const { theme } = usePreferences();
  const dark = theme === "dark";
  return (
    <Button
      type="text"
      icon={dark ? <SunOutlined aria-hidden /> : <MoonOutlined aria-hidden />}
      aria-label={t(dark ? "theme.toLight" : "theme.toDark")}
      onClick={() => choose("theme", dark ? "light" : "dark")}
    />
  );
}
