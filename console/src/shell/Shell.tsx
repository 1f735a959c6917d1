/** Menu, top bar and the place of the page, for who is signed in. */
import { MenuOutlined } from "@ant-design/icons";
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { Button, Drawer, Layout, Menu } from "antd";
import { Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Outlet, useLocation } from "react-router";

import { sessionQuery } from "@/api/queries/session";
import { currentMe, setMe, useMe } from "@/api/session";
import { Loading } from "@/parts/Loading";
import { Logo } from "@/parts/Logo";
import { useWidth } from "@/parts/useWidth";
import { WIDE } from "@/style/tokens";

import { Asking } from "./Asking";
import { Notices } from "./Notices";
import { DEVELOPER, OPERATOR, placeOf, type Entry } from "./menu";
import { TopBar } from "./TopBar";

export default function Shell() {
  const { t } = useTranslation();
  const wide = useWidth(WIDE);
  const { pathname } = useLocation();
  const [open, setOpen] = useState<string | null>(null);
  useStillMe();
  // The drawer belongs to the page on which it was opened, and goes with it.
  const shown = open === pathname;
  return (
    <Layout className="tm-shell" hasSider={wide}>
      <a className="tm-skip" href="#content">
        {t("skip")}
      </a>
      {wide ? (
        <Layout.Sider width={220} className="tm-sider">
          <Brand />
          <Navigation />
        </Layout.Sider>
      ) : (
        <Drawer open={shown} onClose={() => setOpen(null)} placement="left" size={280} title={<Brand />} aria-label={t("menu")} className="tm-drawer">
          <Navigation />
        </Drawer>
      )}
      <Layout>
        <Layout.Header className="tm-bar">
          {!wide && (
            <>
              <Button type="text" icon={<MenuOutlined aria-hidden />} aria-label={t("menu")} onClick={() => setOpen(pathname)} />
              <Link to="/" aria-label="TokenMill" className="tm-mark">
                <Logo />
              </Link>
            </>
          )}
          <TopBar />
        </Layout.Header>
        <Notices />
        <Layout.Content id="content" role="main" tabIndex={-1}>
          <Suspense fallback={<PageLoading />}>
            <Outlet />
          </Suspense>
        </Layout.Content>
      </Layout>
      <Refreshing />
      <Asking />
    </Layout>
  );
}

/** Whoever signs in as somebody else in another tab is somebody else here as well, and nothing on this page is theirs. */
function useStillMe(): void {
  const { data } = useQuery({ ...sessionQuery, initialData: useMe() });
  useEffect(() => {
    const me = currentMe();
    if (me === null) return;
    if (data.user_id !== me.user_id || data.role !== me.role) location.reload();
    else if (data.session_id !== me.session_id) setMe(data);
  }, [data]);
}

function Brand() {
  return (
    <Link to="/" className="tm-brand">
      <Logo />
      TokenMill
    </Link>
  );
}

function Navigation() {
  const { t } = useTranslation();
  const { role } = useMe();
  const { pathname } = useLocation();
  const here = placeOf(pathname);
  const menu = useRef<HTMLElement>(null);
  useEffect(() => {
    // The menu may be longer than the window.
    menu.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest" });
  }, [here]);
  const items = (entries: readonly Entry[]) =>
    entries.map((entry) => ({
      key: entry.place,
      icon: entry.icon,
      label: (
        <Link to={entry.path} aria-current={entry === here ? "page" : undefined}>
          {t(`nav.${entry.place}`)}
        </Link>
      ),
    }));
  const groups = [{ key: "developer", type: "group" as const, label: t("section.developer"), children: items(DEVELOPER) }];
  if (role === "operator") {
    groups.push({ key: "operator", type: "group" as const, label: t("section.operator"), children: items(OPERATOR) });
  }
  return (
    <nav ref={menu} aria-label={t("menu")} className="tm-nav">
      <Menu mode="inline" selectedKeys={here === undefined ? [] : [here.place]} items={groups} style={{ border: 0 }} />
    </nav>
  );
}

function PageLoading() {
  return (
    <div className="tm-page">
      <Loading rows={8} />
    </div>
  );
}

/** A thin bar while something that is shown already is fetched anew; not for what polls every few seconds. */
function Refreshing() {
  const fetching = useIsFetching({
    predicate: (query) => query.state.data !== undefined && query.state.dataUpdatedAt < Date.now() - 10_000,
  });
  return fetching > 0 ? <div className="tm-refreshing" aria-hidden="true" /> : null;
}
