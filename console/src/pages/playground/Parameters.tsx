/** All that one may choose before sending: model, key, protocol, thinking, search, sampling, tools. */
import { Alert, Button, Flex, Input, InputNumber, Segmented, Select, Slider, Switch } from "antd";
import { useId, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Key } from "@/api/queries/keys";
import type { Model } from "@/api/queries/models";
import { PROTOCOLS } from "@/playground/reply";
import { EFFORTS, toolsOf, type Effort, type Wishes } from "@/playground/request";

import { mayUse, recommended, thinks, type Chosen } from "./choice";
import { EXAMPLE_TOOLS } from "./examples";

interface Props {
  chosen: Chosen;
  onChange: (change: (chosen: Chosen) => Chosen) => void;
  models: readonly Model[];
  keys: readonly Key[];
  /** What is really sent with: the choice, or what stands in for it. */
  model: Model;
  sending: Key;
}

export function Parameters({ chosen, onChange, models, keys, model, sending }: Props) {
  const { t } = useTranslation(["playground", "common"]);
  const { wishes } = chosen;
  const wish = (change: Partial<Wishes>): void => onChange((before) => ({ ...before, wishes: { ...before.wishes, ...change } }));
  return (
    <Flex vertical gap={16} className="tm-parameters">
      <Field label={t("model")}>
        {(id) => (
          <Select
            id={id}
            value={model.id}
            onChange={(id) => wish({ model: id })}
            options={models.map((each) => ({ value: each.id, label: each.id, disabled: !each.available || !mayUse(sending, each) }))}
            showSearch
          />
        )}
      </Field>
      <Field label={t("key")} hint={sending.kind === "tp" ? t("keyPlan") : t("keyWallet")}>
        {(id) => (
          <Select
            id={id}
            value={sending.id}
            onChange={(key) => onChange((before) => ({ ...before, key }))}
            options={keys.map((each) => ({
              value: each.id,
              label: `${each.name} · ${each.kind === "tp" ? t("common:purse.plan") : t("common:purse.wallet")} · ${each.shown}`,
            }))}
          />
        )}
      </Field>
      <Group label={t("protocol")}>
        <Segmented
          block
          aria-label={t("protocol")}
          value={chosen.protocol}
          onChange={(protocol) => onChange((before) => ({ ...before, protocol }))}
          options={PROTOCOLS.map((each) => ({ value: each, label: t(`protocols.${each}`) }))}
        />
      </Group>
      <Field label={t("system")}>
        {(id) => (
          <Input.TextArea
            id={id}
            className="tm-grows"
            autoSize={false}
            value={wishes.system}
            placeholder={t("systemHint")}
            onChange={(event) => wish({ system: event.target.value })}
          />
        )}
      </Field>
      <Thinking model={model} wishes={wishes} wish={wish} />
      <SearchSwitch model={model} wishes={wishes} wish={wish} />
      <Sampling model={model} wishes={wishes} wish={wish} />
      <Tools wishes={wishes} wish={wish} />
    </Flex>
  );
}

interface OfModel {
  model: Model;
  wishes: Wishes;
  wish: (change: Partial<Wishes>) => void;
}

function Thinking({ model, wishes, wish }: OfModel) {
  const { t } = useTranslation("playground");
  if (model.thinking === "never") return <span className="tm-hint">{t("thinkingNever")}</span>;
  return (
    <>
      <Group label={t("thinkingName")} hint={t(model.thinking === "on" ? "thinkingUsually" : "thinkingSeldom")}>
        <Segmented<Wishes["thinking"]>
          block
          aria-label={t("thinkingName")}
          value={wishes.thinking}
          onChange={(thinking) => wish({ thinking })}
          options={[
            { value: "default", label: t("thinkingDefault") },
            { value: "on", label: t("thinkingOn") },
            { value: "off", label: t("thinkingOff") },
          ]}
        />
      </Group>
      <Field label={t("effort")}>
        {(id) => (
          <Select<Effort | "default">
            id={id}
            value={wishes.effort ?? "default"}
            disabled={wishes.thinking === "off"}
            onChange={(value) => wish({ effort: value === "default" ? null : value })}
            options={[
              { value: "default", label: t("effortDefault") },
              ...EFFORTS.map((each) => ({ value: each, label: t(`efforts.${each}`) })),
            ]}
          />
        )}
      </Field>
    </>
  );
}

function SearchSwitch({ model, wishes, wish }: OfModel) {
  const { t } = useTranslation("playground");
  const id = useId();
  return (
    <Flex justify="space-between" align="center" gap={8}>
      <span>
        <label htmlFor={id}>{t("search")}</label>
        <span className="tm-hint" style={{ display: "block" }}>{t(model.web_search ? "searchHint" : "searchNever")}</span>
      </span>
      <Switch
        id={id}
        aria-label={t("search")}
        checked={wishes.search && model.web_search}
        disabled={!model.web_search}
        onChange={(search) => wish({ search })}
      />
    </Flex>
  );
}

function Sampling({ model, wishes, wish }: OfModel) {
  const { t } = useTranslation("playground");
  const advised = recommended(model, wishes);
  const fixed = thinks(model, wishes);
  return (
    <>
      {fixed && <span className="tm-hint">{t("fixed")}</span>}
      <Amount
        label="temperature"
        value={fixed ? null : wishes.temperature}
        advised={advised.temperature}
        most={2}
        disabled={fixed}
        onChange={(temperature) => wish({ temperature })}
      />
      <Amount
        label="top_p"
        value={fixed ? null : wishes.topP}
        advised={advised.topP}
        most={1}
        disabled={fixed}
        onChange={(topP) => wish({ topP })}
      />
      <Field label={t("maxTokens")}>
        {(id) => (
          <InputNumber
            id={id}
            style={{ width: "100%" }}
            min={1}
            max={model.max_output_tokens}
            precision={0}
            placeholder={String(model.max_output_tokens)}
            value={wishes.maxTokens}
            onChange={(maxTokens) => wish({ maxTokens })}
          />
        )}
      </Field>
    </>
  );
}

interface AmountProps {
  label: string;
  /** Null: as advised. */
  value: number | null;
  advised: number;
  most: number;
  disabled: boolean;
  onChange: (value: number | null) => void;
}

function Amount({ label, value, advised, most, disabled, onChange }: AmountProps) {
  const { t } = useTranslation(["playground", "common"]);
  const id = useId();
  return (
    <div>
      <Flex justify="space-between" align="center">
        <label htmlFor={id} className="tm-label tm-mono">{label}</label>
        {value === null || value === advised ? (
          <span className="tm-hint">{t("recommended", { value: advised })}</span>
        ) : (
          <Button type="link" size="small" onClick={() => onChange(null)}>
            {t("resetTo", { value: advised })}
          </Button>
        )}
      </Flex>
      <Flex align="center" gap={12}>
        <Slider
          style={{ flex: 1 }}
          min={0}
          max={most}
          step={0.05}
          value={value ?? advised}
          disabled={disabled}
          onChange={onChange}
          ariaLabelForHandle={label}
          tooltip={{ open: false }}
        />
        <InputNumber
          id={id}
          style={{ width: 76 }}
          min={0}
          max={most}
          step={0.05}
          value={value ?? advised}
          disabled={disabled}
          onChange={onChange}
        />
      </Flex>
    </div>
  );
}

function Tools({ wishes, wish }: Omit<OfModel, "model">) {
  const { t } = useTranslation("playground");
  const fault = faultIn(wishes.tools);
  return (
    <Field
      label={t("tools")}
      action={
        wishes.tools === "" ? (
          <Button type="link" size="small" onClick={() => wish({ tools: EXAMPLE_TOOLS })}>{t("toolsExample")}</Button>
        ) : (
          <Button type="link" size="small" onClick={() => wish({ tools: "" })}>{t("toolsClear")}</Button>
        )
      }
    >
      {(id) => (
        <>
          <Input.TextArea
            id={id}
            className="tm-grows tm-mono"
            autoSize={false}
            spellCheck={false}
            value={wishes.tools}
            placeholder='[{"type": "function", "function": {…}}]'
            status={fault === null ? "" : "error"}
            onChange={(event) => wish({ tools: event.target.value })}
          />
          {fault !== null && <Alert type="error" title={t("toolsFaulty", { why: fault })} />}
        </>
      )}
    </Field>
  );
}

export function faultIn(tools: string): string | null {
  try {
    toolsOf(tools);
    return null;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

interface FieldProps {
  label: string;
  hint?: string;
  action?: ReactNode;
  children: (id: string) => ReactNode;
}

function Field({ label, hint, action, children }: FieldProps) {
  const id = useId();
  return (
    <Flex vertical gap={4}>
      <Flex justify="space-between" align="center">
        <label className="tm-label" htmlFor={id}>{label}</label>
        {action}
      </Flex>
      {children(id)}
      {hint !== undefined && <span className="tm-hint">{hint}</span>}
    </Flex>
  );
}

/** Of what names itself. */
function Group({ label, hint, children }: Omit<FieldProps, "children"> & { children: ReactNode }) {
  return (
    <Flex vertical gap={4}>
      <span className="tm-label" aria-hidden>{label}</span>
      {children}
      {hint !== undefined && <span className="tm-hint">{hint}</span>}
    </Flex>
  );
}
