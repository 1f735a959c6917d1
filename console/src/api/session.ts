/** Who is signed in, kept in memory alone, and what the page has to ask them before a call can go on. */
import { useSyncExternalStore } from "react";

import type { components } from "./schema";

export type Me = components["schemas"]["Me"];

/** `confirm`: the password again, before a dangerous act. `sign-in`: the session has ended. */
export type Question = "confirm" | "sign-in";

interface State {
  me: Me | null;
  asking: Question | null;
}

let state: State = { me: null, asking: null };
let waiting: { promise: Promise<boolean>; answer: (goOn: boolean) => void } | null = null;
const listeners = new Set<() => void>();

function change(next: Partial<State>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}

export const currentMe = (): Me | null => state.me;
export const csrfToken = (): string => state.me?.csrf_token ?? "";
export const setMe = (me: Me | null): void => change({ me });

/** Asks the user; true when they answered well, false when they gave up. Calls that wait share one question. */
export function ask(question: Question): Promise<boolean> {
  if (waiting === null) {
    let answer: (goOn: boolean) => void = () => undefined;
    const promise = new Promise<boolean>((resolve) => (answer = resolve));
    waiting = { promise, answer };
    change({ asking: question });
  }
  return waiting.promise;
}

export function answered(goOn: boolean): void {
  const asked = waiting;
  waiting = null;
  change({ asking: null });
  asked?.answer(goOn);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useSession = (): State => useSyncExternalStore(subscribe, () => state);

/** Who is signed in; only below the shell, which shows nothing before somebody is. */
export function useMe(): Me {
  const { me } = useSession();
  if (me === null) throw new Error("nobody is signed in");
  return me;
}
