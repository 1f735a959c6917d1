/** Saves the requests that the page is about as a file for spreadsheets. */
import { DownloadOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { exportExchanges, type SheetAsked } from "@/api/queries/usage";
import { useFaultText } from "@/parts/faults";
import { saveFile } from "@/parts/saving";

import type { Span } from "./range";

export function Export({ asked, span }: { asked: SheetAsked; span: Span }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState(false);

  async function save(): Promise<void> {
    setBusy(true);
    try {
      saveFile(await exportExchanges(asked), `usage-${span.from}-${span.to}.csv`);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button icon={<DownloadOutlined aria-hidden />} loading={busy} onClick={() => void save()}>
      {t("action.exportCsv")}
    </Button>
  );
}
