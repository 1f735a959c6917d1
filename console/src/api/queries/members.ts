/** Who belongs to the account, and who is invited to it. */
import { queryOptions } from "@tanstack/react-query";

import { api, told } from "../client";
import { queryClient } from "../query";
import type { components } from "../schema";

export type Member = components["schemas"]["MemberShown"];
export type Invitation = components["schemas"]["InvitationShown"];
export type InvitationMade = components["schemas"]["InvitationMade"];
export type Standing = Member["standing"];

export const membersQuery = queryOptions({
  queryKey: ["members"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/members", { signal }))).data,
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: async ({ signal }) => (await told(api.GET("/console/api/v1/invitations", { signal }))).data,
});

export async function invite(email: string, standing: Standing): Promise<InvitationMade> {
  const made = await told(api.POST("/console/api/v1/invitations", { body: { email, standing } }));
  await queryClient.invalidateQueries({ queryKey: ["invitations"] });
  return made;
}

export async function withdrawInvitation(id: string): Promise<void> {
  await told(api.DELETE("/console/api/v1/invitations/{ticket_id}", { params: { path: { ticket_id: id } } }));
  await queryClient.invalidateQueries({ queryKey: ["invitations"] });
}

export async function changeStanding(id: string, standing: Standing): Promise<void> {
  const params = { path: { user_id: id } };
  await told(api.PATCH("/console/api/v1/members/{user_id}", { params, body: { standing } }));
  await queryClient.invalidateQueries({ queryKey: ["members"] });
}

export async function removeMember(id: string): Promise<void> {
  await told(api.DELETE("/console/api/v1/members/{user_id}", { params: { path: { user_id: id } } }));
  await queryClient.invalidateQueries({ queryKey: ["members"] });
}
