/** The platform itself: settings, nodes, books, audit log, live traffic. For operators. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components } from "../schema";

export type Setting = components["schemas"]["SettingShown"];
export type Node = components["schemas"]["NodeShown"];
export type Verified = components["schemas"]["Verified"];
export type Live = components["schemas"]["Live"];
export type Flying = components["schemas"]["Flying"];

export interface AuditFilter {
  actor: string;
  action: string;
  subject: string;
  account: string;
}

export const settingsQuery = queryOptions({
  queryKey: ["op", "settings"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/settings", { signal }))).data,
});

export const nodesQuery = queryOptions({
  queryKey: ["op", "nodes"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/nodes", { signal }))).data,
  refetchInterval: EVERY.keys,
});

export const liveQuery = queryOptions({
  queryKey: ["op", "live"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/live", { signal })),
  refetchInterval: EVERY.live,
  placeholderData: keepPreviousData,
});

export const verifyLedger = (signal: AbortSignal): Promise<Verified> =>
  told(api.GET("/console/api/v1/operator/ledger/verify", { signal }));

export const auditQuery = ({ actor, action, subject, account }: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["op", "audit", actor, action, subject, account],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/audit", {
          params: {
            query: {
              ...(actor !== "" && { actor }),
              ...(action !== "" && { action }),
              ...(subject !== "" && { subject }),
              ...(account !== "" && { account_id: account }),
              ...(pageParam !== null && { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
