/** The plans on offer, and those that ship. For operators. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { queryClient } from "../query";
import type { components } from "../schema";

export type Offer = components["schemas"]["PlanInUse"];
export type Terms = components["schemas"]["PlanAsked"];

export const offersQuery = queryOptions({
  queryKey: ["op", "plans"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/plans", { signal }))).data,
});

export const presetsQuery = queryOptions({
  queryKey: ["op", "presets"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/plans/presets", { signal }))).data,
  staleTime: Infinity,
});

const plan = (id: string) => ({ params: { path: { plan_id: id } } });

export const writePlan = (id: string, terms: Terms) =>
  changed(told(api.PUT("/console/api/v1/operator/plans/{plan_id}", { ...plan(id), body: terms })));

export const retirePlan = (id: string) =>
  changed(told(api.POST("/console/api/v1/operator/plans/{plan_id}/retire", plan(id))));

export const restorePlan = (id: string) =>
  changed(told(api.POST("/console/api/v1/operator/plans/{plan_id}/restore", plan(id))));

async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await Promise.all([["op", "plans"], ["plans"]].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
  return done;
}
