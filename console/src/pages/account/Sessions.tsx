/** Where one is signed in, and how to end that. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { endOtherSessions, endSession, sessionsQuery } from "@/api/queries/session";
import type { components } from "@/api/schema";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { When } from "@/parts/When";

import { agentOf } from "./agents";
import { Section } from "./Section";

type Session = components["schemas"]["SessionShown"];

export function Sessions() {
  const { t } = useTranslation("account");
  const { message } = App.useApp();
  const say = useFaultText();
  const [busy, setBusy] = useState<string | null>(null);
  const sessions = useQuery(sessionsQuery);

  async function act(which: string, doing: () => Promise<void>, said: string): Promise<void> {
    setBusy(which);
    try {
      await doing();
      void message.success(said);
    } catch (cause) {
      void message.error(say(cause));
    } finally {
      setBusy(null);
    }
  }

  const columns: Column<Session>[] = [
    { key: "browser", title: t("sessions.browser"), heading: true, render: (row) => <Browser of={row} /> },
    { key: "address", title: t("sessions.address"), render: ({ address }) => <span className="tm-mono">{address}</span> },
    { key: "seen", title: t("sessions.seen"), render: ({ seen_at: at }) => <When at={at} relative /> },
    { key: "opened", title: t("sessions.opened"), render: ({ created_at: at }) => <When at={at} /> },
    { key: "until", title: t("sessions.until"), render: ({ expires_at: at }) => <When at={at} /> },
  ];
  const several = (sessions.data?.length ?? 0) > 1;
  return (
    <Section
      id="sessions"
      title={t("sessions.title")}
      actions={
        several && (
          <Button loading={busy === "others"} onClick={() => void act("others", endOtherSessions, t("sessions.othersEnded"))}>
            {t("sessions.others")}
          </Button>
        )
      }
    >
      <Loaded query={sessions} rows={3}>
        {(rows) => (
          <DataTable
            label={t("sessions.title")}
            columns={columns}
            rows={rows}
            rowKey={({ id }) => id}
            actions={({ id, current, agent }) =>
              !current && (
                <Button
                  size="small"
                  loading={busy === id}
                  aria-label={t("sessions.endOf", { browser: agentOf(agent).browser })}
                  onClick={() => void act(id, () => endSession(id), t("sessions.ended"))}
                >
                  {t("sessions.end")}
                </Button>
              )
            }
          />
        )}
      </Loaded>
    </Section>
  );
}

function Browser({ of: { agent, current } }: { of: Session }) {
  const { t } = useTranslation("account");
  const { browser, system } = agentOf(agent);
  return (
    <span title={agent}>
      {system === null ? browser : t("sessions.on", { browser, system })}{" "}
      {current && <Tag color="success">{t("sessions.here")}</Tag>}
    </span>
  );
}
