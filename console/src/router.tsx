/** Which page is at which address; each is fetched when it is gone to. */
import { Suspense, type ComponentType } from "react";
import { createBrowserRouter, Outlet, redirect, type RouteObject } from "react-router";

import { ApiError } from "@/api/errors";
import { fetchMe } from "@/api/queries/session";
import { currentMe, type Me } from "@/api/session";
import { late } from "@/latecomers";

const ProblemPage = late(() => import("@/pages/problem/Problem"));
const Shell = late(() => import("@/shell/Shell"));

type Loader = () => Promise<{ default: ComponentType }>;

const page = (path: string, load: Loader): RouteObject => ({ path, Component: late(load) });

let asked: Promise<Me> | null = null;

/** Asked once by all that want to know it now. Throws ApiError. */
async function knownMe(): Promise<Me> {
  return currentMe() ?? (asked ??= fetchMe().finally(() => (asked = null)));
}

/** Nobody sees the shell before it is known who they are. */
async function needMe({ request }: { request: Request }): Promise<Response | null> {
  try {
    const me = await knownMe();
    return me.password_given ? redirect("/new-password") : null;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    const url = new URL(request.url);
    const back = url.pathname.replace(/^\/console/, "") + url.search;
    return redirect(back === "/" ? "/sign-in" : `/sign-in?then=${encodeURIComponent(back)}`);
  }
}

/** Only who is signed in has a password to replace. */
async function needSession(): Promise<Response | null> {
  try {
    await knownMe();
    return null;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    return redirect("/sign-in");
  }
}

async function needOperator(): Promise<null> {
  // Loaders run side by side; where nobody is signed in, the one of the shell sends them away.
  const me = await knownMe().catch(() => null);
  if (me !== null && me.role !== "operator") throw new Response(null, { status: 403 });
  return null;
}

const developer: RouteObject[] = [
  page("/", () => import("@/pages/overview/Page")),
  page("/keys", () => import("@/pages/keys/Page")),
  page("/plan", () => import("@/pages/plan/Page")),
  page("/usage", () => import("@/pages/usage/Page")),
  page("/usage/receipts/:id", () => import("@/pages/usage/ReceiptPage")),
  page("/playground", () => import("@/pages/playground/Page")),
  page("/models", () => import("@/pages/models/Page")),
  page("/models/*", () => import("@/pages/models/ModelPage")),
  page("/tools", () => import("@/pages/tools/Page")),
  page("/tools/:tool", () => import("@/pages/tools/ToolPage")),
  page("/plugins", () => import("@/pages/plugins/Page")),
  page("/wallet", () => import("@/pages/wallet/Page")),
  page("/account", () => import("@/pages/account/Page")),
  page("/help", () => import("@/pages/help/Page")),
];

const operator: RouteObject[] = [
  page("/op", () => import("@/pages/op/room/Page")),
  page("/op/live", () => import("@/pages/op/live/Page")),
  page("/op/targets", () => import("@/pages/op/targets/Page")),
  page("/op/targets/:id", () => import("@/pages/op/targets/TargetPage")),
  page("/op/models", () => import("@/pages/op/models/Page")),
  page("/op/models/*", () => import("@/pages/op/models/ModelPage")),
  page("/op/accounts", () => import("@/pages/op/accounts/Page")),
  page("/op/accounts/:id", () => import("@/pages/op/accounts/AccountPage")),
  page("/op/plans", () => import("@/pages/op/plans/Page")),
  page("/op/codes", () => import("@/pages/op/codes/Page")),
  page("/op/limits", () => import("@/pages/op/limits/Page")),
  page("/op/moderation", () => import("@/pages/op/moderation/Page")),
  page("/op/audit", () => import("@/pages/op/audit/Page")),
  page("/op/ledger", () => import("@/pages/op/ledger/Page")),
  page("/op/settings", () => import("@/pages/op/settings/Page")),
];

const entry: RouteObject[] = [
  page("/sign-in", () => import("@/pages/entry/SignIn")),
  page("/sign-up", () => import("@/pages/entry/SignUp")),
  { ...page("/new-password", () => import("@/pages/entry/NewPassword")), loader: needSession },
  page("/invite", () => import("@/pages/entry/Invite")),
  page("/reset", () => import("@/pages/entry/Reset")),
];

function Bare() {
  return (
    <Suspense fallback={null}>
      <Outlet />
    </Suspense>
  );
}

function Problem() {
  return (
    <Suspense fallback={null}>
      <ProblemPage />
    </Suspense>
  );
}

function Whole() {
  return (
    <Suspense fallback={null}>
      <Shell />
    </Suspense>
  );
}

/** Never seen: the loader beside it ends in the page of the problem. */
const Nothing = (): null => null;

export const router = createBrowserRouter(
  [
    { Component: Bare, ErrorBoundary: Problem, HydrateFallback: () => null, children: entry },
    {
      Component: Whole,
      loader: needMe,
      ErrorBoundary: Problem,
      HydrateFallback: () => null,
      children: [
        {
          ErrorBoundary: Problem,
          children: [
            ...developer,
            { loader: needOperator, children: operator },
            { path: "*", Component: Nothing, loader: () => Promise.reject(new Response(null, { status: 404 })) },
          ],
        },
      ],
    },
  ],
  { basename: "/console" },
);
