/** The one door to the admin API: adds the CSRF token, turns failures into `ApiError`, asks what has to be asked. */
import createClient from "openapi-fetch";

import { ApiError, errorOf, offline } from "./errors";
import type { paths } from "./schema";
import { ask, csrfToken } from "./session";

const SAFE = new Set(["GET", "HEAD"]);
const ENTRY = "/console/api/v1/session";

/** `fetch`, as the API wants it. A call that needs the password again, or a session, is sent once more after it.
 *
 * Throws ApiError(offline) when nobody answers; replies of all statuses are returned.
 */
export async function guardedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request);
  const question = await questionOf(request, response);
  if (question === null || !(await ask(question))) return response;
  return send(again);
}

async function send(request: Request): Promise<Response> {
  if (!SAFE.has(request.method)) request.headers.set("x-csrf-token", csrfToken());
  try {
    return await fetch(request);
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw offline(cause);
  }
}

async function questionOf(request: Request, response: Response): Promise<"confirm" | "sign-in" | null> {
  if (response.status !== 401 && response.status !== 403) return null;
  if (new URL(request.url).pathname === ENTRY) return null;
  const { code } = errorOf(response, await response.clone().json().catch(() => null));
  if (code === "confirm_first") return "confirm";
  return code === "signed_out" ? "sign-in" : null;
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: guardedFetch });

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the API answered. Throws ApiError. */
export async function told<T>(reply: Promise<Reply<T>>): Promise<T> {
  const { data, error, response } = await reply;
  if (!response.ok) throw errorOf(response, error);
  return data as T;
}

export const asApiError = (error: unknown): ApiError => (error instanceof ApiError ? error : offline(error));
