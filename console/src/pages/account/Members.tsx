/** Who belongs to the account, and who is invited to it. */
import { useQuery } from "@tanstack/react-query";
import { App, Button, Flex, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { changeStanding, membersQuery, removeMember, type Member } from "@/api/queries/members";
import { useMe } from "@/api/session";
import { DataTable, type Column } from "@/parts/DataTable";
import { useFaultText } from "@/parts/faults";
import { Loaded } from "@/parts/Loaded";
import { When } from "@/parts/When";

import { Invitations } from "./Invitations";
import { InviteMember } from "./InviteMember";
import { Section } from "./Section";

export function Members() {
  const { t } = useTranslation(["account", "common"]);
  const { standing, user_id: mine } = useMe();
  const members = useQuery(membersQuery);
  const [inviting, setInviting] = useState(false);
  const owner = standing === "owner";
  const columns: Column<Member>[] = [
    {
      key: "member",
      title: t("members.member"),
      heading: true,
      render: ({ id, email, by_provider: sso }) => (
        <Flex gap={8} align="center" wrap>
          <span className="tm-name">{email}</span>
          {id === mine && <Tag color="success">{t("members.you")}</Tag>}
          {sso && <Tag>{t("members.sso")}</Tag>}
        </Flex>
      ),
    },
    { key: "standing", title: t("members.standing"), render: (row) => t(`common:role.${row.standing}`) },
    { key: "since", title: t("members.since"), render: ({ created_at: at }) => <When at={at} /> },
  ];
  return (
    <Section
      id="members"
      title={t("members.title")}
      about={t("members.about")}
      actions={owner && <Button onClick={() => setInviting(true)}>{t("members.invite")}</Button>}
    >
      <Loaded query={members} rows={2}>
        {(rows) => (
          <DataTable
            label={t("members.title")}
            columns={columns}
            rows={rows}
            rowKey={({ id }) => id}
            {...(owner && { actions: (row: Member) => row.id !== mine && <MemberActions of={row} /> })}
          />
        )}
      </Loaded>
      {owner && <Invitations />}
      {inviting && <InviteMember onClose={() => setInviting(false)} />}
    </Section>
  );
}

function MemberActions({ of: { id, email, standing } }: { of: Member }) {
  const { t } = useTranslation(["account", "common"]);
  const { message, modal } = App.useApp();
  const say = useFaultText();
  const next = standing === "owner" ? "member" : "owner";

  async function act(doing: () => Promise<void>, said: string): Promise<void> {
    try {
      await doing();
      void message.success(said);
    } catch (cause) {
      void message.error(say(cause, { conflict: t("members.lastOwner") }));
    }
  }

  return (
    <>
      <Button size="small" onClick={() => void act(() => changeStanding(id, next), t("common:saved"))}>
        {t(next === "owner" ? "members.makeOwner" : "members.makeMember")}
      </Button>
      <Button
        size="small"
        danger
        onClick={() =>
          modal.confirm({
            title: t("members.removeTitle", { email }),
            content: t("members.removeWhat"),
            okText: t("members.remove"),
            okButtonProps: { danger: true },
            cancelText: t("common:action.cancel"),
            onOk: () => act(() => removeMember(id), t("members.removed", { email })),
          })
        }
      >
        {t("members.remove")}
      </Button>
    </>
  );
}
