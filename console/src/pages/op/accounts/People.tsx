/** Who belongs to an account: their role, a way back in, and the identity by which they sign in. */
import { App, Button, Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { chooseRole, resetLink, unlinkIdentity, type AccountDetail, type Person } from "@/api/queries/accounts";
import { useMe } from "@/api/session";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { When } from "@/parts/When";

import { RoleName } from "./cells";
import { LinkDialog } from "./LinkDialog";

export function People({ account }: { account: AccountDetail }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { user_id: mine } = useMe();
  const [given, setGiven] = useState<{ email: string; link: string } | null>(null);
  const columns: Column<Person>[] = [
    {
      key: "member",
      title: t("people.member"),
      heading: true,
      render: ({ id, email, by_provider: sso }) => (
        <Flex gap={8} align="center" wrap>
          <span className="tm-name">{email}</span>
          {id === mine && <Tag color="success">{t("you")}</Tag>}
          {sso && <Tag>{t("people.sso")}</Tag>}
        </Flex>
      ),
    },
    { key: "standing", title: t("people.standing"), render: ({ standing }) => t(`common:role.${standing}`) },
    { key: "role", title: t("people.role"), render: ({ role }) => <RoleName role={role} /> },
    { key: "since", title: t("people.since"), render: ({ created_at: at }) => <When at={at} /> },
  ];
  return (
    <>
      <DataTable
        label={t("tab.people")}
        columns={columns}
        rows={account.members}
        rowKey={({ id }) => id}
        {...(account.deleted_at === null && {
          actions: (person: Person) => <Actions of={person} onLink={(link) => setGiven({ email: person.email, link })} />,
        })}
      />
      {given !== null && (
        <LinkDialog
          title={t("people.resetTitle", { email: given.email })}
          about={t("people.resetWhat")}
          label={t("people.link")}
          link={given.link}
          onClose={() => setGiven(null)}
        />
      )}
    </>
  );
}

function Actions({ of: { id, email, role, by_provider: sso }, onLink }: { of: Person; onLink: (link: string) => void }) {
  const { t } = useTranslation(["opAccounts", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const next = role === "operator" ? "toDeveloper" : "toOperator";

  async function act(doing: () => Promise<unknown>, said?: string): Promise<void> {
    try {
      await doing();
      if (said !== undefined) void message.success(said);
    } catch (cause) {
      void message.error(say(cause, { conflict: t("people.lastOperator") }));
    }
  }
  const ask = (name: "toDeveloper" | "toOperator" | "unlink", doing: () => Promise<unknown>, said: string) =>
    modal.confirm({
      title: t(`people.${name}Title`, { email }),
      content: t(`people.${name}What`),
      okText: t(`people.${name}`),
      cancelText: t("common:action.cancel"),
      onOk: () => act(doing, said),
    });

  return (
    <>
      <Button size="small" onClick={() => void act(async () => onLink((await resetLink(id)).link))}>
        {t("people.reset")}
      </Button>
      <Button
        size="small"
        onClick={() => ask(next, () => chooseRole(id, next === "toOperator" ? "operator" : "developer"), t("common:saved"))}
      >
        {t(`people.${next}`)}
      </Button>
      {sso && (
        <Button size="small" onClick={() => ask("unlink", () => unlinkIdentity(id), t("people.unlinked"))}>
          {t("people.unlink")}
        </Button>
      )}
    </>
  );
}
