/** All that is kept about the account, as a file. */
import { DownloadOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { exportAccount, type Account } from "@/api/queries/account";
import { useFaultText } from "@/parts/faults";
import { saveFile } from "@/parts/saving";

import { Section } from "./Section";

export function DataExport({ account }: { account: Account }) {
  const { t } = useTranslation("account");
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);

  async function save(): Promise<void> {
    setBusy(true);
    try {
      saveFile(await exportAccount(), `${account.id}.json`);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section id="data" title={t("data.title")} about={t("data.about")}>
      <Button icon={<DownloadOutlined aria-hidden />} loading={busy} onClick={() => void save()}>
        {t("data.export")}
      </Button>
    </Section>
  );
}
