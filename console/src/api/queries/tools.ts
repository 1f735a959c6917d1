/** Guides of coding agents, filled in by the server. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import type { components } from "../schema";

export type ToolGuide = components["schemas"]["ToolShown"];
export type Wire = ToolGuide["wire"];
export type KeyKind = "sk" | "tp";

export interface Wanted {
  purse: KeyKind;
  model: string | null;
  wire: Wire | null;
}

export const toolsQuery = queryOptions({
  queryKey: ["tools"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/tools", { signal }))).data,
  staleTime: Infinity,
});

export const toolQuery = (tool: string, { purse, model, wire }: Wanted) =>
  queryOptions({
    queryKey: ["tools", tool, purse, model, wire],
    queryFn: ({ signal }) =>
      told(
        api.GET("/console/api/v1/tools/{tool_id}", {
          params: {
            path: { tool_id: tool },
            query: { purse, ...(model !== null && { model }), ...(wire !== null && { wire }) },
          },
          signal,
        }),
      ),
    staleTime: 60_000,
  });
