/** What concerns every page: the server is away, the console is old, the plan is used up. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { EVERY } from "@/api/query";
import { ApiError } from "@/api/errors";
import { api, told } from "@/api/client";

import { PlanNotice } from "./PlanNotice";
import { ProviderNotice } from "./ProviderNotice";

export function Notices() {
  const { t } = useTranslation();
  const away = useServerAway();
  const old = useOldVersion(away);
  return (
    <div role="status">
      {away && <Alert banner type="warning" title={t("offline")} />}
      {old && (
        <Alert
          banner
          type="info"
          title={t("newVersion")}
          action={<Button onClick={() => location.reload()}>{t("action.reload")}</Button>}
        />
      )}
      <ProviderNotice />
      <PlanNotice />
    </div>
  );
}

/** Asks for little, often; when the server is back, all that failed is asked for again. */
function useServerAway(): boolean {
  const queries = useQueryClient();
  const { error, isError } = useQuery({
    queryKey: ["alive"],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/welcome", { signal })),
    retry: false,
    refetchInterval: (query) => (query.state.status === "error" ? EVERY.live : EVERY.keys - 1_000),
  });
  const away = isError && error instanceof ApiError && (error.status === 0 || error.status >= 502);
  useEffect(() => {
    if (!away) void queries.refetchQueries({ predicate: (query) => query.state.status === "error" });
  }, [away, queries]);
  return away;
}

/** A server that was away may have come back with another build. */
function useOldVersion(away: boolean): boolean {
  const [old, setOld] = useState(false);
  const wasAway = useRef(false);
  useEffect(() => {
    if (wasAway.current && !away) void isOld().then(setOld);
    wasAway.current = away;
  }, [away]);
  return old;
}

async function isOld(): Promise<boolean> {
  const entry = document.querySelector<HTMLScriptElement>("script[type=module]")?.getAttribute("src") ?? "";
  const page = await fetch("/console/", { headers: { accept: "text/html" } }).then((reply) => reply.text(), () => entry);
  return !page.includes(entry);
}
