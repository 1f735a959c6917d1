/** How amounts of money are typed. */

export const AMOUNT = /^\s*[0-9]{1,9}(\.[0-9]{1,9})?\s*$/;
