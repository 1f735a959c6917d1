/** Signing in and out, and who one is. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { EVERY, queryClient } from "../query";
import type { components } from "../schema";
import { setMe, type Me } from "../session";

export const welcomeQuery = queryOptions({
  queryKey: ["welcome"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/welcome", { signal })),
  staleTime: Infinity,
});

/** Who the server says is signed in, which another tab may have changed. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => told(api.GET("/console/api/v1/session", { signal })),
  refetchInterval: EVERY.money,
  refetchOnWindowFocus: "always",
});

/** Who is signed in. Throws ApiError(signed_out). */
export async function fetchMe(): Promise<Me> {
  return known(await told(api.GET("/console/api/v1/session")));
}

export async function signIn(email: string, password: string): Promise<Me> {
  return known(await told(api.POST("/console/api/v1/session", { body: { email, password } })));
}

export async function confirmPassword(password: string): Promise<Me> {
  return known(await told(api.POST("/console/api/v1/session/confirm", { body: { password } })));
}

export async function changePassword(old: string, fresh: string): Promise<Me> {
  return known(await told(api.PUT("/console/api/v1/session/password", { body: { old, new: fresh } })));
}

export async function chooseLanguage(language: components["schemas"]["LanguageChosen"]["language"]): Promise<Me> {
  return known(await told(api.PUT("/console/api/v1/session/language", { body: { language } })));
}

/** Ends the session; leave the pages that are for somebody before `setMe(null)` makes it nobody. */
export const signOut = () => told(api.DELETE("/console/api/v1/session"));

/** The browsers in which one is signed in. */
export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/sessions", { signal }))).data,
});

export async function endSession(id: string): Promise<void> {
  await told(api.DELETE("/console/api/v1/sessions/{session_id}", { params: { path: { session_id: id } } }));
  await queryClient.invalidateQueries({ queryKey: ["sessions"] });
}

export async function endOtherSessions(): Promise<void> {
  await told(api.POST("/console/api/v1/sessions/end-others"));
  await queryClient.invalidateQueries({ queryKey: ["sessions"] });
}

function known(me: Me): Me {
  setMe(me);
  return me;
}

/** By which identities of the provider one signs in. */
export const identitiesQuery = queryOptions({
  queryKey: ["identities"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/oidc/identities", { signal }))).data,
});

export async function partFromProvider(): Promise<void> {
  await told(api.DELETE("/console/api/v1/oidc/identities"));
  await queryClient.invalidateQueries({ queryKey: ["identities"] });
  await fetchMe();
}
