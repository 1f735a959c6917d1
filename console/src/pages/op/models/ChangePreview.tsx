/** What a change means, before it is made: each field before and after, whom it concerns, one receipt old and new. */
import { App, Alert, Descriptions, Flex, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { applyCatalogue, type Change, type Preview, type PriceEffect } from "@/api/queries/catalogue";
import { differences } from "@/catalogue/toml";
import { compareDecimals, useFormat } from "@/format";
import { DataTable } from "@/parts/DataTable";
import { FaultAlert } from "@/parts/FaultAlert";
import { useRefusal } from "@/parts/useRefusal";
import { announce } from "@/shell/live";
import "@/style/operator.css";

interface Props {
  toml: string;
  preview: Preview;
  onClose: () => void;
  onDone: () => void;
}

export function ChangePreview({ toml, preview, onClose, onDone }: Props) {
  const { t } = useTranslation(["opModels", "common"]);
  const { message } = App.useApp();
  const refusal = useRefusal();
  const [busy, setBusy] = useState(false);
  const unchanged = preview.changes.every(({ change }) => change === "unchanged");

  async function apply(): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await applyCatalogue(toml);
      announce(t("common:saved"));
      void message.success(t("common:saved"));
      onDone();
    } catch (cause) {
      refusal.refuse(cause);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal
      open
      width={760}
      title={t("preview.title")}
      okText={t("common:action.apply")}
      okButtonProps={{ disabled: unchanged }}
      cancelText={t("common:action.back")}
      confirmLoading={busy}
      mask={{ closable: false }}
      onCancel={onClose}
      onOk={() => void apply()}
    >
      <Flex vertical gap={16}>
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
        {preview.changes.map((change) => (
          <OneChange key={`${change.kind} ${change.id}`} change={change} />
        ))}
        {preview.without_effect.length > 0 && (
          <Alert type="warning" showIcon title={t("preview.idle", { fields: preview.without_effect.join(", ") })} />
        )}
        {!unchanged && <p className="tm-quiet" style={{ margin: 0 }}>{t("preview.when")}</p>}
      </Flex>
    </Modal>
  );
}

function OneChange({ change }: { change: Change }) {
  const { t } = useTranslation("opModels");
  if (change.change === "unchanged") return <Alert type="info" showIcon title={t("preview.nothing")} />;
  return (
    <>
      <DataTable
        label={t("preview.title")}
        rows={differences(change.before, change.after)}
        rowKey={(each) => each.field}
        columns={[
          { key: "field", title: t("preview.field"), heading: true, render: (each) => <code className="tm-mono">{each.field}</code> },
          ...(change.before === null
            ? []
            : [{ key: "before", title: t("preview.before"), render: (each: { before: string | null }) => <Value text={each.before} /> }]),
          { key: "after", title: t("preview.after"), render: (each) => <Value text={each.after} /> },
        ]}
      />
      {change.effect != null && <Effect effect={change.effect} />}
    </>
  );
}

const Value = ({ text }: { text: string | null }) => (text === null || text === "" ? "–" : <code className="tm-mono">{text}</code>);

function Effect({ effect }: { effect: PriceEffect }) {
  const { t } = useTranslation(["opModels", "common"]);
  const format = useFormat();
  const show = (amount: string | null, unit: string): string => {
    if (amount === null) return t("notForSale");
    return unit === "credits" ? `${format.count(amount)} Credits` : `${format.exactMoney(amount, unit)} ${unit}`;
  };
  return (
    <section className="tm-panel" style={{ padding: 16 }}>
      <h2>{t("preview.effect")}</h2>
      <Descriptions
        size="small"
        column={1}
        items={[
          { key: "accounts", label: t("preview.accounts"), children: format.count(effect.accounts) },
          { key: "own", label: t("preview.own"), children: format.count(effect.own_prices) },
        ]}
      />
      <p className="tm-quiet" style={{ margin: "4px 0 8px" }}>
        {t(effect.measured ? "preview.measured" : "preview.usual", {
          cached: format.count(effect.input_cached),
          fresh: format.count(effect.input_fresh),
          output: format.count(effect.output),
        })}
      </p>
      <DataTable
        label={t("preview.receipt")}
        rows={effect.examples}
        rowKey={(each) => each.unit}
        columns={[
          { key: "unit", title: t("preview.receipt"), heading: true, render: (each) => (each.unit === "credits" ? "Token Plan" : each.unit) },
          { key: "before", title: t("preview.before"), align: "end", render: (each) => show(each.before, each.unit) },
          { key: "after", title: t("preview.after"), align: "end", render: (each) => show(each.after, each.unit) },
          { key: "trend", title: t("preview.trend"), render: (each) => t(`trend.${trendOf(each.before, each.after)}`) },
        ]}
      />
    </section>
  );
}

function trendOf(before: string | null, after: string | null): "same" | "up" | "down" | "new" | "gone" {
  if (before === null) return "new";
  if (after === null) return "gone";
  return (["down", "same", "up"] as const)[compareDecimals(after, before) + 1] ?? "same";
}
