/** Asks the target on the screen one tiny question, saved or not, and shows what it says. */
import { Alert, AutoComplete, Button, Flex, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { testTarget, type Tried } from "@/api/queries/catalogue";
import { useFormat } from "@/format";
import { FaultAlert } from "@/parts/FaultAlert";
import { Logo } from "@/parts/Logo";
import { useRefusal } from "@/parts/useRefusal";

interface Props {
  /** Names by which models know this target's models already. */
  names: readonly string[];
  /** The target on the screen; null: something in the form is wrong, and says so. */
  toml: () => Promise<string | null>;
}

export function TargetTest({ names, toml }: Props) {
  const { t } = useTranslation("opTargets");
  const [model, setModel] = useState(names[0] ?? "");
  const [wanting, setWanting] = useState(false);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState<Tried | null>(null);
  const refusal = useRefusal();

  async function test(): Promise<void> {
    setWanting(model.trim() === "");
    const target = await toml();
    if (target === null || model.trim() === "") return;
    setBusy(true);
    setTried(null);
    refusal.clear();
    try {
      setTried(await testTarget(target, model.trim()));
    } catch (cause) {
      refusal.refuse(cause);
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
      <Form layout="vertical" component={false}>
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
      </Form>
      <div style={{ marginTop: 12 }}>
        {busy && (
          <Flex gap={8} align="center" role="status">
            <Logo turning size={20} />
            {t("test.running")}
          </Flex>
        )}
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
        {tried !== null && <Told tried={tried} />}
      </div>
    </section>
  );
}

function Told({ tried }: { tried: Tried }) {
  const { t } = useTranslation("opTargets");
  const format = useFormat();
  if (tried.fault === null) {
    return (
      <Alert
        type="success"
        showIcon
        title={t("test.ok", { time: format.duration(tried.first_ms ?? 0) })}
        description={<q className="tm-name">{tried.text || "…"}</q>}
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
          <span style={{ overflowWrap: "anywhere" }}>{tried.message}</span>
          <code className="tm-second tm-mono">{tried.fault}</code>
        </>
      }
    />
  );
}
