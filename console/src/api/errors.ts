/** What went wrong with a call, in one form, and whose fault it is. */

export type Blame = "you" | "us" | "network";

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The API's own word for it, as `confirm_first`; `offline` when nobody answered. */
    readonly code: string,
    message: string,
    readonly status: number,
    /** The request's member that is wrong, as `name`; null when it is none in particular. */
    readonly field: string | null,
    readonly requestId: string,
    /** In seconds, when the API says so. */
    readonly retryAfter: number | null,
  ) {
    super(message);
  }

  get blame(): Blame {
    if (this.status === 0) return "network";
    return this.status >= 500 ? "us" : "you";
  }
}

interface Body {
  error?: { code?: string; message?: string; field?: string | null; request_id?: string };
}

/** The error that a reply of status 400 and above stands for. */
export function errorOf(response: Response, body: unknown): ApiError {
  const said = isBody(body) ? (body.error ?? {}) : {};
  const wait = Number(response.headers.get("retry-after"));
  return new ApiError(
    said.code ?? `http_${String(response.status)}`,
    said.message ?? response.statusText,
    response.status,
    said.field ?? null,
    said.request_id ?? response.headers.get("x-request-id") ?? "",
    wait > 0 ? wait : null,
  );
}

export const offline = (cause: unknown): ApiError =>
  new ApiError("offline", cause instanceof Error ? cause.message : String(cause), 0, null, "", null);

function isBody(body: unknown): body is Body {
  return typeof body === "object" && body !== null;
}
