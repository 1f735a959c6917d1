/** Signing in, with a password or by the identity provider. */
import { useQuery } from "@tanstack/react-query";
import { Alert, Divider } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useNavigate, useSearchParams } from "react-router";

import { signIn, welcomeQuery } from "@/api/queries/session";
import { FaultAlert } from "@/parts/FaultAlert";
import { ProviderProblem } from "@/parts/ProviderProblem";
import { useRefusal } from "@/parts/useRefusal";

import { EntryFrame } from "./EntryFrame";
import { keepGiven } from "./given";
import { ProviderButton } from "./ProviderButton";
import { SignInForm } from "./SignInForm";

export default function SignIn() {
  const { t } = useTranslation(["entry", "common"]);
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  const { data: welcome } = useQuery(welcomeQuery);
  const refusal = useRefusal();
  const changed = (useLocation().state as { passwordChanged?: boolean } | null)?.passwordChanged === true;
  const problem = search.get("problem");
  const then = localPath(search.get("then"));

  async function enter(email: string, password: string): Promise<void> {
    refusal.clear();
    try {
      const me = await signIn(email, password);
      if (me.password_given) keepGiven(password);
      await navigate(me.password_given ? "/new-password" : then, { replace: true });
    } catch (cause) {
      refusal.refuse(cause);
    }
  }

  const suspended = refusal.error?.code === "forbidden";
  return (
    <EntryFrame title={t("title")} below={welcome?.signup === "open" && welcome.passwords && <ToSignUp />}>
      {problem !== null && <ProviderProblem code={problem} onClose={() => setSearch({}, { replace: true })} />}
      {changed && <Alert type="success" showIcon title={t("reset.done")} style={{ marginBottom: 16 }} />}
      {suspended ? (
        <Alert type="error" showIcon title={t("suspended")} description={refusal.error?.message} style={{ marginBottom: 16 }} />
      ) : (
        <FaultAlert error={refusal.error} seconds={refusal.seconds} />
      )}
      {welcome?.passwords !== false && <SignInForm seconds={refusal.seconds} onEnter={enter} />}
      {welcome?.oidc != null && (
        <>
          {welcome.passwords && <Divider plain>{t("or")}</Divider>}
          <ProviderButton
            button={welcome.oidc}
            path={then}
            primary={!welcome.passwords}
            onFailure={(cause) => refusal.refuse(cause)}
          />
        </>
      )}
    </EntryFrame>
  );
}

function ToSignUp() {
  const { t } = useTranslation("entry");
  return (
    <>
      <span>{t("newHere")}</span>
      <Link to="/sign-up">{t("toSignUp")}</Link>
    </>
  );
}

/** Where to go on, only within the console. */
export function localPath(then: string | null): string {
  return then !== null && /^\/(?![/\\])\S*$/.test(then) ? then : "/";
}
