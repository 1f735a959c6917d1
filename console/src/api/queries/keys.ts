/** The account's keys. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components } from "../schema";

export type Key = components["schemas"]["KeyShown"];
export type KeyMade = components["schemas"]["KeyMade"];
export type KeyAsked = components["schemas"]["KeyAsked"];
export type KeyChange = components["schemas"]["KeyChange"];

/** Polled, so that another browser sees a reset or a first use within five seconds. */
export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/keys", { signal }))).data,
  refetchInterval: EVERY.keys,
});

const by = (id: string) => ({ params: { path: { key_id: id } } });

export const createKey = (asked: KeyAsked): Promise<KeyMade> =>
  changed(told(api.POST("/console/api/v1/keys", { body: asked })));

export const changeKey = (id: string, change: KeyChange): Promise<Key> =>
  changed(told(api.PATCH("/console/api/v1/keys/{key_id}", { ...by(id), body: change })));

export const disableKey = (id: string): Promise<Key> =>
  changed(told(api.POST("/console/api/v1/keys/{key_id}/disable", by(id))));

export const enableKey = (id: string): Promise<Key> =>
  changed(told(api.POST("/console/api/v1/keys/{key_id}/enable", by(id))));

export const resetKey = (id: string): Promise<KeyMade> =>
  changed(told(api.POST("/console/api/v1/keys/{key_id}/reset", by(id))));

export const deleteKey = (id: string): Promise<unknown> =>
  changed(told(api.DELETE("/console/api/v1/keys/{key_id}", by(id))));

/** Lists show what has changed before the call is over. */
async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await queryClient.invalidateQueries({ queryKey: ["keys"] });
  void queryClient.invalidateQueries({ queryKey: ["first-steps"] });
  return done;
}
