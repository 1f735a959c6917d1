/** The same request as programs, with the public address of the platform and a place for the key. */
import { Alert, Drawer, Tabs } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { Code } from "@/parts/Code";
import { useWidth } from "@/parts/useWidth";
import { LANGUAGE_OF, programOf, PROGRAMS, type Addresses, type Program } from "@/playground/code";
import type { Turn } from "@/playground/machine";
import type { Protocol } from "@/playground/reply";
import type { Wishes } from "@/playground/request";
import { TABLES } from "@/style/tokens";

interface Props {
  open: boolean;
  onClose: () => void;
  protocol: Protocol;
  wishes: Wishes;
  turns: readonly Turn[];
  addresses: Addresses;
}

export function CodeDrawer({ open, onClose, ...asked }: Props) {
  const { t } = useTranslation("playground");
  const wide = useWidth(TABLES);
  return (
    <Drawer open={open} onClose={onClose} title={t("code.title")} size={wide ? 720 : "100%"} destroyOnHidden>
      <p className="tm-hint" style={{ marginTop: 0 }}>{t("code.hint")}</p>
      <Tabs
        items={PROGRAMS.map((program) => ({
          key: program,
          label: t(`code.${program}`),
          children: <Written program={program} asked={asked} />,
        }))}
      />
    </Drawer>
  );
}

function Written({ program, asked }: { program: Program; asked: Omit<Props, "open" | "onClose"> }) {
  const { t } = useTranslation("playground");
  const { protocol, wishes, turns, addresses } = asked;
  const written = useMemo(() => {
    try {
      return { code: programOf(program, { protocol, wishes, turns, addresses }), fault: null };
    } catch (fault) {
      return { code: "", fault: fault instanceof Error ? fault.message : String(fault) };
    }
  }, [program, protocol, wishes, turns, addresses]);
  if (written.fault !== null) return <Alert type="error" showIcon title={t("toolsFaulty", { why: written.fault })} />;
  return <Code code={written.code} language={LANGUAGE_OF[program]} label={t(`code.${program}`)} />;
}
