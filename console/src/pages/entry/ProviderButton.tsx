/** The way in by the identity provider, where one is set up. */
import { SafetyCertificateOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { leaveForProvider } from "@/api/queries/entry";
import type { components } from "@/api/schema";
import { usePreferences } from "@/preferences";

interface Props {
  button: components["schemas"]["OidcButton"];
  /** The page of the console to come back to. */
  path: string;
  invitation?: string;
  /** It is the only way in. */
  primary: boolean;
  onFailure: (cause: unknown) => void;
}

export function ProviderButton({ button, path, invitation, primary, onFailure }: Props) {
  const { t } = useTranslation("entry");
  const { language } = usePreferences();
  const [busy, setBusy] = useState(false);
  async function leave(): Promise<void> {
    setBusy(true);
    try {
      await leaveForProvider(path, invitation);
    } catch (cause) {
      setBusy(false);
      onFailure(cause);
    }
  }
  const name = language === "zh-CN" ? button.name.zh : button.name.en;
  return (
    <Button
      block
      type={primary ? "primary" : "default"}
      icon={<SafetyCertificateOutlined aria-hidden />}
      loading={busy}
      onClick={() => void leave()}
    >
      {t("with", { name })}
    </Button>
  );
}
