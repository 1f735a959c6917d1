/** Carries one request to the model API and its bytes back, for the signed-in account; keys stay on the server. */
import { guardedFetch } from "@/api/client";
import { ApiError, errorOf } from "@/api/errors";

import { PATHS, type Body } from "./request";
import { members, text, type Failure, type Protocol } from "./reply";

interface Sent {
  keyId: string;
  protocol: Protocol;
  body: Body;
  signal: AbortSignal;
  /** The reply has begun; its request's id. */
  onOpen: (requestId: string) => void;
  onBytes: (chunk: Uint8Array) => void;
}

/** Ends with the reply. Throws ApiError when there is none or it breaks, and AbortError when it is stopped. */
export async function send({ keyId, protocol, body, signal, onOpen, onBytes }: Sent): Promise<void> {
  const request = new Request(`${location.origin}/console/api/v1/playground/${encodeURIComponent(keyId)}/${PATHS[protocol]}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(body),
    signal,
  });
  const response = await guardedFetch(request);
  const requestId = response.headers.get("x-request-id") ?? "";
  if (!response.ok) throw refused(response, await response.json().catch(() => null));
  onOpen(requestId);
  if (response.body === null) return;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes(value);
  }
}

/** The protocols say `type` where the admin API says `code`, and some say both. */
function refused(response: Response, body: unknown): ApiError {
  const known = errorOf(response, body);
  const error = members(members(body)["error"]);
  const code = text(error["code"]) || text(error["type"]) || known.code;
  const requestId = text(members(body)["request_id"]) || known.requestId;
  return new ApiError(code, known.message, known.status, text(error["param"]) || known.field, requestId, known.retryAfter);
}

export const failureOf = (error: ApiError): Failure => ({
  code: error.code,
  message: error.message,
  status: error.status,
  requestId: error.requestId,
});
