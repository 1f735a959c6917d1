/** Follows an invitation: shows to what one is invited, and asks for a password. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Divider, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useNavigate } from "react-router";

import { ApiError } from "@/api/errors";
import { acceptInvitation, lookAtInvitation } from "@/api/queries/entry";
import { signIn, welcomeQuery } from "@/api/queries/session";
import type { components } from "@/api/schema";
import { useFormat } from "@/format";
import { FaultAlert } from "@/parts/FaultAlert";
import { Loaded } from "@/parts/Loaded";
import { PasswordField } from "@/parts/PasswordField";
import { useRefusal } from "@/parts/useRefusal";
import { preferences } from "@/preferences";

import { EntryFrame } from "./EntryFrame";
import { ProviderButton } from "./ProviderButton";
import { ToSignIn } from "./SignUp";

type Seen = components["schemas"]["InvitationSeen"];

export default function Invite() {
  const { t } = useTranslation("entry");
  const token = useLocation().hash.slice(1);
  const look = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => lookAtInvitation(token),
    enabled: token !== "",
    staleTime: Infinity,
    retry: false,
  });
  const dead = look.error instanceof ApiError && look.error.code === "unusable_ticket";
  return (
    <EntryFrame title={t(dead ? "invite.badTitle" : "invite.title")} below={<ToSignIn />}>
      {token === "" ? (
        <Alert type="warning" showIcon title={t("invite.none")} />
      ) : dead ? (
        <FaultAlert error={look.error} />
      ) : (
        <Loaded query={look} rows={5}>
          {(seen) => <Accept token={token} seen={seen} />}
        </Loaded>
      )}
    </EntryFrame>
  );
}

function Accept({ token, seen }: { token: string; seen: Seen }) {
  const { t } = useTranslation(["entry", "common"]);
  const format = useFormat();
  const { data: welcome } = useQuery(welcomeQuery);
  const refusal = useRefusal();
  return (
    <>
      <p className="tm-entry-about">
        {seen.into_account
          ? t("invite.intoAccount", { standing: t(`common:role.${seen.standing}`) })
          : t(seen.role === "operator" ? "invite.asOperator" : "invite.ownAccount")}
        <br />
        {t("invite.until", { time: `${format.dateTime(seen.expires_at)} (${format.zone})` })}
      </p>
      <FaultAlert error={refusal.error} seconds={refusal.seconds} words={{ conflict: t("invite.taken") }} />
      {welcome?.passwords !== false && <AcceptForm token={token} email={seen.email} refusal={refusal} />}
      {welcome?.oidc != null && (
        <>
          {welcome.passwords && <Divider plain>{t("or")}</Divider>}
          <ProviderButton
            button={welcome.oidc}
            path="/"
            invitation={token}
            primary={!welcome.passwords}
            onFailure={(cause) => refusal.refuse(cause)}
          />
        </>
      )}
    </>
  );
}

interface FormProps {
  token: string;
  email: string;
  refusal: ReturnType<typeof useRefusal>;
}

function AcceptForm({ token, email, refusal }: FormProps) {
  const { t } = useTranslation(["entry", "common"]);
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  async function send(password: string): Promise<void> {
    setBusy(true);
    refusal.clear();
    try {
      await acceptInvitation({ token, password, language: preferences().language });
      await signIn(email, password);
      await navigate("/", { replace: true });
    } catch (cause) {
      refusal.refuse(cause);
      setBusy(false);
    }
  }
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(given: { password: string }) => void send(given.password)}>
      <Form.Item label={t("common:email")} htmlFor="invited">
        <Input id="invited" value={email} readOnly autoComplete="username" />
      </Form.Item>
      <PasswordField name="password" label={t("invite.choose")} autoFocus />
      <Button type="primary" htmlType="submit" block loading={busy} disabled={refusal.seconds > 0}>
        {t("invite.submit")}
      </Button>
    </Form>
  );
}
