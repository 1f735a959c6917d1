/** The account: what it has chosen, its webhook, its data, its end. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { queryClient } from "../query";
import type { components } from "../schema";

export type Account = components["schemas"]["AccountShown"];
export type AccountChange = components["schemas"]["AccountChange"];
export type WebhookSet = components["schemas"]["WebhookSet"];

export const accountQuery = queryOptions({
  queryKey: ["account"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/account", { signal })),
});

export async function changeAccount(change: AccountChange): Promise<Account> {
  const account = await told(api.PATCH("/console/api/v1/account", { body: change }));
  queryClient.setQueryData(accountQuery.queryKey, account);
  return account;
}

export const emptyVault = () => told(api.DELETE("/console/api/v1/account/vault"));

export async function setWebhook(url: string | null): Promise<WebhookSet> {
  const set = await told(api.PUT("/console/api/v1/account/webhook", { body: { url } }));
  await queryClient.invalidateQueries({ queryKey: accountQuery.queryKey });
  return set;
}

/** The whole of what is kept about the account, as a file. */
export const exportAccount = (): Promise<Blob> =>
  told(api.GET("/console/api/v1/account/export", { parseAs: "blob" })) as Promise<unknown> as Promise<Blob>;

export const deleteAccount = () => told(api.DELETE("/console/api/v1/account"));
