/** What the list of keys shows in each of its columns. */
import { Flex, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Key } from "@/api/queries/keys";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { Money } from "@/parts/Money";
import { StatusDot, type Status } from "@/parts/StatusDot";
import { UsedBar } from "@/parts/UsedBar";

const SOON = 7 * 86_400_000;

/** It ends within seven days. */
export const endsSoon = (key: Key, now: number): boolean =>
  key.state === "active" && key.expires_at !== null && Date.parse(key.expires_at) - now < SOON;

export function Name({ of: key }: { of: Key }) {
  const { t } = useTranslation("keys");
  return (
    <Flex gap={8} align="center" wrap>
      <span className="tm-name">{key.name}</span>
      {key.kind === "tp" && <Tag color="processing">{t("kind.tp")}</Tag>}
    </Flex>
  );
}

export function Used({ of: { kind, recent } }: { of: Key }) {
  const { t } = useTranslation("keys");
  const format = useFormat();
  const { currency } = useMe();
  return (
    <span>
      {kind === "sk" && <Money amount={recent.cost} currency={currency} />}
      <span className="tm-second">{t("requests", { count: recent.requests, number: format.count(recent.requests) })}</span>
    </span>
  );
}

export function Cap({ of: { kind, name, cap, spent } }: { of: Key }) {
  const { t } = useTranslation("keys");
  const format = useFormat();
  const { currency } = useMe();
  if (kind === "tp") return <Link to="/plan">{t("onPlan")}</Link>;
  if (cap === null) return <span className="tm-quiet">{t("noCap")}</span>;
  const [used, limit] = [format.money(spent, currency), format.money(cap, currency)];
  return (
    <UsedBar
      label={t("capNote", { spent: used, cap: limit })}
      name={t("capName", { name })}
      used={spent}
      limit={cap}
    />
  );
}

export function LastUsed({ of: { last_used_at: at, recent } }: { of: Key }) {
  const { t } = useTranslation(["keys", "common"]);
  const format = useFormat();
  if (at === null) return <span className="tm-quiet">{t("common:state.neverUsed")}</span>;
  return (
    <time dateTime={at} title={`${format.dateTime(at)} · ${format.zone}`}>
      {format.relative(at)}
      {recent.client !== "" && recent.client !== "unknown" && (
        <span className="tm-second">{t("by", { tool: recent.client })}</span>
      )}
    </time>
  );
}

export function State({ of: key, now }: { of: Key; now: number }) {
  const { t } = useTranslation(["keys", "common"]);
  const format = useFormat();
  const soon = endsSoon(key, now);
  const [status, word] = stateOf(key, soon);
  return (
    <span>
      <StatusDot status={status} text={key.stopped ? t("stopped") : t(`common:state.${word}`)} />
      {key.expires_at !== null && (
        <time className="tm-second" dateTime={key.expires_at} title={`${format.dateTime(key.expires_at)} · ${format.zone}`}>
          {t(key.state === "expired" ? "expired" : "expires", { when: format.relative(key.expires_at) })}
        </time>
      )}
    </span>
  );
}

function stateOf(key: Key, soon: boolean): [Status, "active" | "disabled" | "expired" | "expiring"] {
  if (key.state === "disabled") return ["default", "disabled"];
  if (key.state === "expired") return ["error", "expired"];
  return soon ? ["warning", "expiring"] : ["success", "active"];
}
