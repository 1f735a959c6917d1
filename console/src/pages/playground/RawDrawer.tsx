/** The events of the last answer as the API sent them. */
import { Drawer } from "antd";
import { useTranslation } from "react-i18next";

import { CopyButton } from "@/parts/CopyButton";
import { useWidth } from "@/parts/useWidth";
import { TABLES } from "@/style/tokens";

import type { RawLog } from "./rawLog";

interface Props {
  open: boolean;
  onClose: () => void;
  raw: RawLog;
}

export function RawDrawer({ open, onClose, raw }: Props) {
  const { t } = useTranslation("playground");
  const wide = useWidth(TABLES);
  return (
    <Drawer open={open} onClose={onClose} title={t("raw.title")} size={wide ? 720 : "100%"} destroyOnHidden>
      {open && <Events raw={raw} />}
    </Drawer>
  );
}

/** Drawn with each frame of the conversation, as long as the drawer is open. */
function Events({ raw }: { raw: RawLog }) {
  const { t } = useTranslation("playground");
  const events = raw.last;
  if (events.length === 0) return <p className="tm-hint">{t("raw.none")}</p>;
  const text = events.map(({ name, data }) => (name === "" ? `data: ${data}` : `event: ${name}\ndata: ${data}`)).join("\n\n");
  return (
    <>
      <p className="tm-hint" style={{ marginTop: 0 }}>
        {t("raw.count", { count: raw.count })}
        <CopyButton value={text} label={t("raw.title")} />
      </p>
      <pre className="tm-code tm-raw" tabIndex={0} role="region" aria-label={t("raw.title")}>{text}</pre>
    </>
  );
}
