/** Money, plan and prices of one account. For operators. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import type { components } from "../schema";
import { by, changed } from "./accounts";
import type { Exchange } from "./usage";

export type Entry = components["schemas"]["Entry"];
export type Grant = components["schemas"]["GrantAsked"];
export type PlanGift = components["schemas"]["PlanGift"];
export type PlanGiven = components["schemas"]["PlanGiven"];
export type SpecialPrice = components["schemas"]["SpecialPrice"];
export type PricesAsked = components["schemas"]["PricesAsked"];
export type Order = "newest" | "dearest";

export const accountStatementQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["op", "accounts", id, "statement"],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/accounts/{account_id}/statement", {
          params: { ...by(id), query: { limit: 20, ...(pageParam !== null && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const accountExchangesQuery = (id: string, order: Order) =>
  infiniteQueryOptions({
    queryKey: ["op", "accounts", id, "exchanges", order],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/accounts/{account_id}/exchanges", {
          params: { ...by(id), query: { order, limit: 20, ...(pageParam !== null && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const accountPlanQuery = (id: string) =>
  queryOptions({
    queryKey: ["op", "accounts", id, "plan"],
    queryFn: async ({ signal }) =>
      (await told(api.GET("/console/api/v1/operator/accounts/{account_id}/plan", { params: by(id), signal }))).data[0] ?? null,
  });

export const specialPricesQuery = (id: string) =>
  queryOptions({
    queryKey: ["op", "accounts", id, "prices"],
    queryFn: async ({ signal }) =>
      (await told(api.GET("/console/api/v1/operator/accounts/{account_id}/prices", { params: by(id), signal }))).data,
  });

export const grantMoney = (id: string, grant: Grant) =>
  changed(told(api.POST("/console/api/v1/operator/accounts/{account_id}/grant", { params: by(id), body: grant })));

export const refundExchange = (id: string, exchange: Exchange["id"], note: string) => {
  const params = { path: { account_id: id, exchange_id: exchange } };
  return changed(
    told(
      api.POST("/console/api/v1/operator/accounts/{account_id}/exchanges/{exchange_id}/refund", { params, body: { note } }),
    ),
  );
};

export const givePlan = (id: string, gift: PlanGift): Promise<PlanGiven> =>
  changed(told(api.POST("/console/api/v1/operator/accounts/{account_id}/plan", { params: by(id), body: gift })));

export const endPlan = (id: string, reason: string) =>
  changed(told(api.POST("/console/api/v1/operator/accounts/{account_id}/plan/end", { params: by(id), body: { reason } })));

const priced = (id: string, model: string) => ({ params: { path: { account_id: id, model_id: model } } });

export const setSpecialPrice = (id: string, model: string, asked: PricesAsked) =>
  changed(
    told(api.PUT("/console/api/v1/operator/accounts/{account_id}/prices/{model_id}", { ...priced(id, model), body: asked })),
  );

export const clearSpecialPrice = (id: string, model: string) =>
  changed(told(api.DELETE("/console/api/v1/operator/accounts/{account_id}/prices/{model_id}", priced(id, model))));
