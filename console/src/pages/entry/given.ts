/** The password that one has just signed in with, until the forced change of it; kept in memory alone. */

let given: string | null = null;

export const keepGiven = (password: string): void => void (given = password);
export const forgetGiven = (): void => void (given = null);
export const givenPassword = (): string | null => given;
