/** All accounts of the platform, and who is invited to one of their own. For operators. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components, operations } from "../schema";

export type AccountRow = components["schemas"]["AccountRow"];
export type AccountDetail = components["schemas"]["AccountDetail"];
export type AccountAsked = components["schemas"]["AccountAsked"];
export type AccountMade = components["schemas"]["AccountMade"];
export type AccountKey = components["schemas"]["KeyRow"];
export type Person = components["schemas"]["MemberShown"];
export type Rates = components["schemas"]["Rates"];
export type Invited = components["schemas"]["InvitationShown"];
export type InviteAsked = components["schemas"]["tokenmill__admin__operator__people__InvitationAsked"];
export type InviteMade = components["schemas"]["InvitationMade"];
export type UsageAsked = NonNullable<
  operations["series_console_api_v1_operator_accounts__account_id__usage_get"]["parameters"]["query"]
>;

/** The noun of all queries about accounts; what is below it is fetched anew after each change. */
const NOUN = ["op", "accounts"] as const;

export const by = (id: string) => ({ path: { account_id: id } });

export const accountsQuery = (q: string, deleted: boolean) =>
  infiniteQueryOptions({
    queryKey: [...NOUN, "list", q, deleted],
    queryFn: ({ signal, pageParam }) =>
      told(
        api.GET("/console/api/v1/operator/accounts", {
          params: { query: { q, deleted, ...(pageParam !== null && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const accountDetailQuery = (id: string) =>
  queryOptions({
    queryKey: [...NOUN, id, "detail"],
    queryFn: ({ signal }) => told(api.GET("/console/api/v1/operator/accounts/{account_id}", { params: by(id), signal })),
    refetchInterval: EVERY.money,
  });

export const accountKeysQuery = (id: string) =>
  queryOptions({
    queryKey: [...NOUN, id, "keys"],
    queryFn: async ({ signal }) =>
      (await told(api.GET("/console/api/v1/operator/accounts/{account_id}/keys", { params: by(id), signal }))).data,
    refetchInterval: EVERY.keys,
  });

export const accountUsageQuery = (id: string, asked: UsageAsked) =>
  queryOptions({
    queryKey: [...NOUN, id, "usage", asked],
    queryFn: ({ signal }) =>
      told(
        api.GET("/console/api/v1/operator/accounts/{account_id}/usage", { params: { ...by(id), query: asked }, signal }),
      ),
    placeholderData: keepPreviousData,
  });

export const invitedQuery = queryOptions({
  queryKey: [...NOUN, "invitations"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/operator/invitations", { signal }))).data,
});

export const makeAccount = (asked: AccountAsked): Promise<AccountMade> =>
  changed(told(api.POST("/console/api/v1/operator/accounts", { body: asked })));

export const inviteToPlatform = (asked: InviteAsked): Promise<InviteMade> =>
  changed(told(api.POST("/console/api/v1/operator/invitations", { body: asked })));

export const uninvite = (id: string) =>
  changed(told(api.DELETE("/console/api/v1/operator/invitations/{ticket_id}", { params: { path: { ticket_id: id } } })));

export const suspendAccount = (id: string, reason: string) =>
  changed(told(api.POST("/console/api/v1/operator/accounts/{account_id}/suspend", { params: by(id), body: { reason } })));

export const restoreAccount = (id: string) =>
  changed(told(api.POST("/console/api/v1/operator/accounts/{account_id}/restore", { params: by(id) })));

export const removeAccount = (id: string, reason: string, forced: boolean) =>
  changed(
    told(api.POST("/console/api/v1/operator/accounts/{account_id}/delete", { params: by(id), body: { reason, forced } })),
  );

export const limitAccount = (id: string, limits: Rates) =>
  changed(told(api.PUT("/console/api/v1/operator/accounts/{account_id}/limits", { params: by(id), body: limits })));

export const switchKey = (id: string, keyId: string, on: boolean) => {
  const params = { path: { account_id: id, key_id: keyId } };
  return changed(
    told(
      on
        ? api.POST("/console/api/v1/operator/accounts/{account_id}/keys/{key_id}/enable", { params })
        : api.POST("/console/api/v1/operator/accounts/{account_id}/keys/{key_id}/disable", { params }),
    ),
  );
};

const user = (id: string) => ({ params: { path: { user_id: id } } });

export const chooseRole = (id: string, role: Person["role"]) =>
  changed(told(api.PUT("/console/api/v1/operator/users/{user_id}/role", { ...user(id), body: { role } })));

export const resetLink = (id: string) =>
  told(api.POST("/console/api/v1/operator/users/{user_id}/password-reset", user(id)));

export const unlinkIdentity = (id: string) =>
  changed(told(api.DELETE("/console/api/v1/operator/users/{user_id}/identity", user(id))));

export async function changed<T>(reply: Promise<T>): Promise<T> {
  const done = await reply;
  await queryClient.invalidateQueries({ queryKey: NOUN });
  return done;
}
