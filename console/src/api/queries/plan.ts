/** The account's Token Plan. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components } from "../schema";

export type Plan = components["schemas"]["Plan"];
export type Subscription = components["schemas"]["SubscriptionShown"];

export const planQuery = queryOptions({
  queryKey: ["plan"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/plan", { signal })),
  refetchInterval: EVERY.keys,
});
export type Tier = components["schemas"]["PlanShown"];
export type Quote = components["schemas"]["QuoteShown"];
export type Bought = components["schemas"]["Bought"];
export type PlanKeyReset = components["schemas"]["PlanKeyReset"];
export type Period = Quote["period"];

export interface Order {
  plan_id: string;
  period: Period;
  seats: number;
}

export const tiersQuery = queryOptions({
  queryKey: ["plans"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/plans", { signal }))).data,
  staleTime: 60_000,
});

/** What buying now would cost; asked for anew each time, since it depends on the moment. */
export const quoteQuery = (order: Order) =>
  queryOptions({
    queryKey: ["plan", "quote", order],
    queryFn: ({ signal }) => told(api.POST("/console/api/v1/plan/quote", { body: order, signal })),
    staleTime: 0,
    gcTime: 0,
  });

export const buyPlan = (order: Order, renews: boolean, atMost: string): Promise<Bought> =>
  changed(told(api.POST("/console/api/v1/plan/buy", { body: { ...order, renews, at_most: atMost } })));

export const setRenewal = (renews: boolean, next: string | null): Promise<Subscription> =>
  changed(told(api.POST("/console/api/v1/plan/renewal", { body: { renews, next_plan_id: next } })));

export const resetPlanKey = (): Promise<PlanKeyReset> =>
  changed(told(api.POST("/console/api/v1/plan/key/reset")));

async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await Promise.all(["plan", "wallet", "keys"].map((noun) => queryClient.invalidateQueries({ queryKey: [noun] })));
  return done;
}
