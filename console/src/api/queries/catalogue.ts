/** Targets and models of the catalogue, how targets do, and what changes would mean. For operators. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components } from "../schema";

export type Target = components["schemas"]["TargetShown"];
export type TargetEntry = components["schemas"]["TargetEntry"];
export type TargetState = Target["state"];
export type Tried = components["schemas"]["Tried"];
export type ModelEntry = components["schemas"]["ModelEntry"];
export type Price = components["schemas"]["PriceEntry"];
export type Preview = components["schemas"]["Preview"];
export type Change = components["schemas"]["Change"];
export type PriceEffect = components["schemas"]["PriceEffect"];
export type Version = components["schemas"]["VersionShown"];
export type Room = components["schemas"]["Room"];
export type Alarm = components["schemas"]["Alarm"];
export type Limits = components["schemas"]["LimitsShown"];

/** The noun of all that a change of the catalogue may change. */
const NOUN = ["op", "catalogue"] as const;

export const targetsQuery = queryOptions({
  queryKey: [...NOUN, "targets"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/targets", { signal }))).data,
  refetchInterval: EVERY.keys,
});

export const modelEntriesQuery = queryOptions({
  queryKey: [...NOUN, "models"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/models", { signal }))).data,
});

export const priceVersionsQuery = (id: string) =>
  queryOptions({
    queryKey: [...NOUN, "prices", id],
    queryFn: async ({ signal }) =>
      (
        await told(
          api.GET("/console/api/v1/operator/catalogue/prices/{model_id}", { params: { path: { model_id: id } }, signal }),
        )
      ).data,
  });

export const roomQuery = queryOptions({
  queryKey: ["op", "room"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/room", { signal })),
  refetchInterval: EVERY.keys,
  placeholderData: keepPreviousData,
});

export const limitsQuery = queryOptions({
  queryKey: ["op", "limits"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/limits", { signal })),
  refetchInterval: EVERY.keys,
});

/** What the file would change; nothing is changed. */
export const previewCatalogue = (toml: string): Promise<Preview> =>
  told(api.POST("/console/api/v1/operator/catalogue/preview", { body: { toml } }));

export const applyCatalogue = (toml: string): Promise<Preview> =>
  changed(told(api.POST("/console/api/v1/operator/catalogue/apply", { body: { toml } })));

/** `toml` is one target as it is on the screen; `model` is the target's own name of a model. */
export const testTarget = (toml: string, model: string): Promise<Tried> =>
  told(api.POST("/console/api/v1/operator/targets/test", { body: { toml, model } }));

const target = (id: string) => ({ params: { path: { target_id: id } } });

export const disableTarget = (id: string): Promise<Target> =>
  changed(told(api.POST("/console/api/v1/operator/targets/{target_id}/disable", target(id))));

export const enableTarget = (id: string): Promise<Target> =>
  changed(told(api.POST("/console/api/v1/operator/targets/{target_id}/enable", target(id))));

export const removeTarget = (id: string): Promise<unknown> =>
  changed(told(api.DELETE("/console/api/v1/operator/targets/{target_id}", target(id))));

export const removeModel = (id: string): Promise<unknown> =>
  changed(told(api.DELETE("/console/api/v1/operator/models/{model_id}", { params: { path: { model_id: id } } })));

async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await queryClient.invalidateQueries({ queryKey: NOUN });
  void queryClient.invalidateQueries({ queryKey: ["models"] });
  void queryClient.invalidateQueries({ queryKey: ["op", "room"] });
  return done;
}
