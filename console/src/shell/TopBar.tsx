/** Balance, language, theme and who one is. */
import { UserOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown, Flex } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { walletQuery } from "@/api/queries/wallet";
import { signOut } from "@/api/queries/session";
import { setMe, useMe } from "@/api/session";
import { useFormat } from "@/format";
import { LinkButton } from "@/parts/LinkButton";
import { useFaultText } from "@/parts/faults";
import { Money } from "@/parts/Money";
import { useWidth } from "@/parts/useWidth";
import { TABLES } from "@/style/tokens";

import { LanguageSwitch, ThemeSwitch } from "./Switches";

export function TopBar() {
  const { t } = useTranslation();
  const format = useFormat();
  const wide = useWidth(TABLES);
  return (
    <Flex align="center" justify="end" gap={wide ? 8 : 0} style={{ flex: 1, minWidth: 0 }}>
      {wide && (
        <Link to="/account#section-preferences" className="tm-zone" aria-label={`${t("zone")}: ${format.zone}`}>
          {format.zone}
        </Link>
      )}
      <BalancePill />
      <LanguageSwitch />
      <ThemeSwitch />
      <Account />
    </Flex>
  );
}

function BalancePill() {
  const { t } = useTranslation();
  const { data } = useQuery(walletQuery);
  if (data === undefined) return null;
  return (
    <LinkButton to="/wallet" size="small" className="tm-pill" title={t("balance")}>
      <Money amount={data.free} currency={data.currency} />
    </LinkButton>
  );
}

function Account() {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const say = useFaultText();
  const wide = useWidth(TABLES);
  async function leave(): Promise<void> {
    try {
      await signOut();
    } catch (error) {
      return void message.error(say(error));
    }
    await navigate("/sign-in");
    setMe(null);
    queries.clear();
  }
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: [
          { key: "who", label: `${me.email} · ${t(`role.${me.role}`)}`, disabled: true },
          { key: "account", label: <Link to="/account">{t("nav.account")}</Link> },
          { key: "leave", label: t("action.signOut"), onClick: () => void leave() },
        ],
      }}
    >
      <Button type="text" icon={<UserOutlined aria-hidden />} aria-label={me.email} style={{ minWidth: 0 }}>
        {wide ? me.email : null}
      </Button>
    </Dropdown>
  );
}
