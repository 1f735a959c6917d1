/** Coming in: sign-up, invitations, a forgotten password, single sign-on. */
import { api, told } from "../client";
import type { components } from "../schema";

export type SignUpAsked = components["schemas"]["SignUpAsked"];
export type Problem = components["schemas"]["Problematic"]["problem"];

export const signUp = (asked: SignUpAsked) => told(api.POST("/console/api/v1/sign-up", { body: asked }));

export const lookAtInvitation = (token: string) => told(api.POST("/console/api/v1/invitations/look", { body: { token } }));

export const acceptInvitation = (asked: components["schemas"]["InvitationUsed"]) =>
  told(api.POST("/console/api/v1/invitations/accept", { body: asked }));

export const askForReset = (email: string) => told(api.POST("/console/api/v1/password-reset", { body: { email } }));

export const resetPassword = (token: string, password: string) =>
  told(api.POST("/console/api/v1/password-reset/use", { body: { token, password } }));

/** Leaves for the identity provider; it comes back to `path` of the console, with `problem` if need be. */
export async function leaveForProvider(path: string, invitation?: string): Promise<void> {
  const body = { return_to: `/console${path}`, invitation: invitation ?? null };
  location.assign((await told(api.POST("/console/api/v1/oidc/start", { body }))).url);
}

/** The same, for who is signed in and has to show again who they are. */
export async function confirmByProvider(path: string): Promise<void> {
  location.assign((await told(api.POST("/console/api/v1/oidc/confirm", { body: { return_to: `/console${path}` } }))).url);
}

/** Joins the provider's identity to who is signed in. */
export async function joinProvider(path: string): Promise<void> {
  location.assign((await told(api.POST("/console/api/v1/oidc/join", { body: { return_to: `/console${path}` } }))).url);
}

/** What the API knows of the last way to the provider that came to nothing. */
export const lastProblem = () => told(api.GET("/console/api/v1/oidc/problem"));
