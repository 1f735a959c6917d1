/** Plugins of the account. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components } from "../schema";

export type WebSearch = components["schemas"]["WebSearchShown"];
export type TriedSearch = components["schemas"]["TriedSearch"];

/** Polled, so that a second browser sees the switch. */
export const pluginsQuery = queryOptions({
  queryKey: ["plugins"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/plugins", { signal })),
  refetchInterval: EVERY.keys,
});

export const tryWebSearch = (query: string): Promise<TriedSearch> =>
  told(api.POST("/console/api/v1/plugins/web-search/try", { body: { query, limit: 5 } }));
