/** Boots the console. */
import "./csp";
import "antd/dist/reset.css";
import "./style/global.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { App, ConfigProvider } from "antd";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";

import { queryClient } from "./api/query";
import { nonce } from "./csp";
import { startWords } from "./i18n";
import { usePreferences } from "./preferences";
import { router } from "./router";
import { REGION } from "./shell/live";
import { antdTheme } from "./style/antd";
import { antdLocales } from "./style/locales";

function Console() {
  const { language, theme } = usePreferences();
  return (
    <ConfigProvider
      theme={antdTheme(theme)}
      locale={antdLocales[language]}
      csp={{ nonce }}
      button={{ autoInsertSpace: false }}
    >
      <App>
        <div id={REGION} role="status" aria-live="polite" className="tm-hidden" />
        <Suspense fallback={null}>
          <RouterProvider router={router} />
        </Suspense>
      </App>
    </ConfigProvider>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
await startWords();
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Console />
    </QueryClientProvider>
  </StrictMode>,
);
