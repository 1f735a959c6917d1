/** Policies, lists, trials and verdicts of moderation. For operators. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { queryClient } from "../query";
import type { components } from "../schema";

export type Policies = components["schemas"]["PoliciesShown"];
export type Policy = components["schemas"]["PolicyShown"];
export type PolicyValues = components["schemas"]["PolicyValues"];
export type PolicyAsked = components["schemas"]["PolicyAsked"];
export type Category = components["schemas"]["Category"];
export type ActionName = PolicyValues["input"];
export type Phrases = components["schemas"]["ListShown"];
export type PhrasesWhole = components["schemas"]["ListWhole"];
export type TestAsked = components["schemas"]["TestAsked"];
export type Tested = components["schemas"]["Tested"];
export type Finding = components["schemas"]["FindingShown"];
export type Verdict = components["schemas"]["VerdictShown"];

export interface VerdictFilter {
  outcome: string;
  direction: string;
  category: string;
  model: string;
}

const NOUN = ["op", "moderation"] as const;

export const policiesQuery = queryOptions({
  queryKey: [...NOUN, "policies"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/moderation/policies", { signal })),
});

export const phrasesQuery = queryOptions({
  queryKey: [...NOUN, "lists"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/moderation/lists", { signal }))).data,
});

const list = (name: string) => ({ params: { path: { name } } });

export const phrasesWholeQuery = (name: string) =>
  queryOptions({
    queryKey: [...NOUN, "lists", name],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/moderation/lists/{name}", { ...list(name), signal })),
  });

export const verdictsQuery = ({ outcome, direction, category, model }: VerdictFilter) =>
  infiniteQueryOptions({
    queryKey: [...NOUN, "verdicts", outcome, direction, category, model],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/moderation/verdicts", {
          params: {
            query: {
              ...(outcome !== "" && { outcome: outcome as Verdict["outcome"] }),
              ...(direction !== "" && { direction: direction as Verdict["direction"] }),
              ...(category !== "" && { category: category as Category }),
              ...(model !== "" && { model }),
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

export const writePolicy = (asked: PolicyAsked): Promise<Policy> =>
  changed(told(api.PUT("/console/api/v1/operator/moderation/policies", { body: asked })));

export const removePolicy = (id: string): Promise<unknown> =>
  changed(told(api.DELETE("/console/api/v1/operator/moderation/policies/{policy_id}", { params: { path: { policy_id: id } } })));

export const writePhrases = (name: string, asked: components["schemas"]["ListAsked"]): Promise<Phrases> =>
  changed(told(api.PUT("/console/api/v1/operator/moderation/lists/{name}", { ...list(name), body: asked })));

export const removePhrases = (name: string): Promise<unknown> =>
  changed(told(api.DELETE("/console/api/v1/operator/moderation/lists/{name}", list(name))));

/** Nothing is written down, and nobody is charged. */
export const testText = (asked: TestAsked): Promise<Tested> =>
  told(api.POST("/console/api/v1/operator/moderation/test", { body: asked }));

export const markVerdict = (id: string, falsePositive: boolean): Promise<Verdict> =>
  changed(
    told(
      api.POST("/console/api/v1/operator/moderation/verdicts/{verdict_id}/mark", {
        params: { path: { verdict_id: id } },
        body: { false_positive: falsePositive },
      }),
    ),
  );

async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await queryClient.invalidateQueries({ queryKey: NOUN });
  return done;
}
