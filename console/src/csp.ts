/** Gives every style element that a library makes the page's nonce; without it the policy refuses them.
 *
 * antd measures scroll bars and locks the body with style elements of its own that carry none.
 * Only scripts gain by this, and those the policy trusts already.
 */
const meta = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]");

export const nonce = meta?.nonce ?? "";

const create = document.createElement.bind(document);
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = create(name, options);
  if (name.toLowerCase() === "style") element.setAttribute("nonce", nonce);
  return element;
}) as typeof document.createElement;
