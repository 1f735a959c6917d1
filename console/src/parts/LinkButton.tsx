/** A link that looks like a button, for going elsewhere within the console. */
import { Button, type ButtonProps } from "antd";
import type { MouseEvent } from "react";
import { useHref, useLinkClickHandler } from "react-router";

type Props = Omit<ButtonProps, "href" | "onClick"> & { to: string };

export function LinkButton({ to, ...button }: Props) {
  const go = useLinkClickHandler<HTMLAnchorElement>(to);
  return (
    <Button {...button} href={useHref(to)} onClick={(event) => go(event as unknown as MouseEvent<HTMLAnchorElement>)} />
  );
}
