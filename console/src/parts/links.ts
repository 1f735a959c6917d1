/** Which links from elsewhere may be followed: those of the web, and no scripts. */

export const safeLink = (url: string): string | null => (/^https?:\/\//i.test(url) && URL.canParse(url) ? url : null);
