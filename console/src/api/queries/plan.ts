/** The account's Token Plan. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY } from "../query";
import type { components } from "../schema";

export type Plan = components["schemas"]["Plan"];
export type Subscription = components["schemas"]["SubscriptionShown"];

export const planQuery = queryOptions({
  queryKey: ["plan"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/plan", { signal })),
  refetchInterval: EVERY.money,
});
