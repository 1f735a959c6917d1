/** Asks the target on the screen one tiny question, saved or not, and shows what it says. */
import { Alert, AutoComplete, Button, Flex, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { asApiError } from "@/api/client";
import { testTarget, type Tried } from "@/api/queries/catalogue";
import type { ApiError } from "@/api/errors";
import { useFormat } from "@/format";
import { Logo } from "@/parts/Logo";
import { announce } from "@/shell/live";

interface Props {
  /** Names by which models know this target's models already. */
  names: readonly string[];
  /** The target on the screen; null: something in the form is wrong, and says so. */
  toml: () => Promise<string | null>;
}

type Outcome = { kind: "answered"; tried: Tried } | { kind: "failed"; error: ApiError };

export function TargetTest({ names, toml }: Props) {
  const { t } = useTranslation("opTargets");
  const [model, setModel] = useState(names[0] ?? "");
  const [wanting, setWanting] = useState(false);
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);

  async function test(): Promise<void> {
    setWanting(model.trim() === "");
    const target = await toml();
    if (target === null || model.trim() === "") return;
    setBusy(true);
    setOutcome(null);
    try {
      const tried = await testTarget(target, model.trim());
      setOutcome({ kind: "answered", tried });
      announce(t("test.answered"));
    } catch (cause) {
      setOutcome({ kind: "failed", error: asApiError(cause) });
    } finally {
      setBusy(false);
    }
  }

  return (
    <section aria-label={t("test.title")} className="tm-panel" style={{ padding: 16 }}>
      <h2>{t("test.title")}</h2>
      <p className="tm-quiet" style={{ marginTop: 0 }}>
        {t("test.about")}
      </p>
      <Flex gap={8} wrap align="end">
        <Form.Item
          label={t("test.model")}
          htmlFor="tried-model"
          style={{ flex: "1 1 220px", marginBottom: 0 }}
          {...(wanting && { validateStatus: "error" as const, help: t("wrong.model") })}
        >
          <AutoComplete
            id="tried-model"
            value={model}
            onChange={setModel}
            options={names.map((value) => ({ value }))}
            placeholder="Qwen/Qwen3-8B"
          />
        </Form.Item>
        <Button onClick={() => void test()} loading={busy}>
          {t("test.act")}
        </Button>
      </Flex>
      <div style={{ marginTop: 12 }}>
        {busy && (
          <Flex gap={8} align="center" role="status">
            <Logo turning size={20} />
            {t("test.running")}
          </Flex>
        )}
        {outcome !== null && <Told outcome={outcome} />}
      </div>
    </section>
  );
}

function Told({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation("opTargets");
  const format = useFormat();
  if (outcome.kind === "answered") {
    return (
      <Alert
        type="success"
        showIcon
        title={t("test.ok", { time: format.duration(outcome.tried.first_ms) })}
        description={<q className="tm-name">{outcome.tried.text || "…"}</q>}
      />
    );
  }
  return (
    <Alert
      type="error"
      showIcon
      title={t("test.failed")}
      description={
        <>
          <span style={{ overflowWrap: "anywhere" }}>{outcome.error.message}</span>
          <code className="tm-second tm-mono">{outcome.error.code}</code>
        </>
      }
    />
  );
}
