/** The console's words: one file for each page and language, loaded with the page. */
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import i18next, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";

import { latecomer } from "@/latecomers";
import { LANGUAGES, preferences, type Language } from "@/preferences";

const files = import.meta.glob<{ default: Record<string, unknown> }>("./{en,zh-CN}/*.json");

const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, namespace, done) => {
    const load = files[`./${language}/${namespace}.json`];
    if (load === undefined) return done(new Error(`no words for ${namespace} in ${language}`), false);
    latecomer(load).then(
      (words) => done(null, words.default),
      (cause: unknown) => done(cause instanceof Error ? cause : new Error(String(cause)), false),
    );
  },
};

export async function startWords(): Promise<void> {
  dayjs.locale(dayjsLocale(preferences().language));
  await i18next
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: preferences().language,
      supportedLngs: LANGUAGES,
      fallbackLng: false,
      ns: ["common"],
      defaultNS: "common",
      interpolation: { escapeValue: false },
      returnEmptyString: false,
      react: { useSuspense: true },
    });
}

export async function speak(language: Language): Promise<void> {
  dayjs.locale(dayjsLocale(language));
  await i18next.changeLanguage(language);
}

const dayjsLocale = (language: Language): string => (language === "zh-CN" ? "zh-cn" : "en");
