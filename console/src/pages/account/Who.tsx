/** Who is signed in, and to which account. */
import { Descriptions } from "antd";
import { useTranslation } from "react-i18next";

import type { Account } from "@/api/queries/account";
import { useMe } from "@/api/session";
import { useFormat } from "@/format";
import { CopyButton } from "@/parts/CopyButton";
import { When } from "@/parts/When";

import { Section } from "./Section";

export function Who({ account }: { account: Account }) {
  const { t } = useTranslation(["account", "common"]);
  const me = useMe();
  const format = useFormat();
  const limits = (["rpm", "tpm", "concurrency"] as const)
    .map((name) => ({ name, value: account.limits[name] }))
    .filter((limit): limit is { name: "rpm" | "tpm" | "concurrency"; value: number } => limit.value !== null)
    .map(({ name, value }) => t(`who.${name}`, { number: format.count(value) }));
  return (
    <Section id="who" title={t("who.title")}>
      <Descriptions
        column={{ xs: 1, sm: 1, md: 2, xl: 3 }}
        size="small"
        items={[
          { key: "email", label: t("who.email"), children: <strong className="tm-name">{me.email}</strong> },
          { key: "role", label: t("who.role"), children: t(`common:role.${me.role}`) },
          { key: "standing", label: t("who.standing"), children: t(`common:role.${me.standing}`) },
          ...(me.account_email === me.email
            ? []
            : [{ key: "account", label: t("who.account"), children: <span className="tm-name">{me.account_email}</span> }]),
          { key: "currency", label: t("who.currency"), children: account.currency },
          { key: "since", label: t("who.since"), children: <When at={account.created_at} /> },
          { key: "limits", label: t("who.limits"), children: limits.length === 0 ? t("who.noLimits") : limits.join(" · ") },
          {
            key: "id",
            label: t("who.id"),
            children: (
              <span>
                <code className="tm-mono">{account.id}</code> <CopyButton value={account.id} label={t("who.id")} />
              </span>
            ),
          },
        ]}
      />
    </Section>
  );
}
