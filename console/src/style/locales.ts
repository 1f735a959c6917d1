/** antd's own words in both languages. */
import type { Locale } from "antd/es/locale";
import en from "antd/es/locale/en_US";
import zh from "antd/es/locale/zh_CN";

import type { Language } from "@/preferences";

export const antdLocales: Record<Language, Locale> = { en: adapted(en), "zh-CN": adapted(zh) };

/** The buttons of a calendar's month and year are named by what stands on them, and not "choose a month". */
function adapted(locale: Locale): Locale {
  const picker = locale.DatePicker;
  if (picker === undefined) return locale;
  return { ...locale, DatePicker: { ...picker, lang: { ...picker.lang, yearSelect: "", monthSelect: "" } } };
}
