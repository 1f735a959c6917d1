/** What may be typed into the fields of a tier. */

/** Above 0, and not finer than a thousandth. */
export const CREDITS = /^\s*(?!0+(\.0+)?\s*$)\d{1,15}(\.\d{1,3})?\s*$/;
