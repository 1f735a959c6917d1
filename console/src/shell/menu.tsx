/** Which pages there are, in the order of the menu. */
import {
  ApiOutlined, AppstoreOutlined, AuditOutlined, BarChartOutlined, BookOutlined, CodeOutlined, ControlOutlined,
  CreditCardOutlined, DashboardOutlined, DeploymentUnitOutlined, FundOutlined, GiftOutlined, HomeOutlined, KeyOutlined,
  MessageOutlined, PieChartOutlined, ProfileOutlined, SafetyOutlined, SettingOutlined, TeamOutlined, ThunderboltOutlined,
  UserOutlined, WalletOutlined,
} from "@ant-design/icons";
import type { ReactNode } from "react";

export type Place =
  | "overview" | "keys" | "plan" | "usage" | "playground" | "models" | "tools" | "plugins" | "wallet" | "account" | "help"
  | "opRoom" | "opLive" | "opTargets" | "opModels" | "opAccounts" | "opPlans" | "opCodes" | "opLimits" | "opModeration"
  | "opAudit" | "opLedger" | "opSettings";

export interface Entry {
  place: Place;
  path: string;
  icon: ReactNode;
}

export const DEVELOPER: readonly Entry[] = [
  { place: "overview", path: "/", icon: <HomeOutlined aria-hidden /> },
  { place: "keys", path: "/keys", icon: <KeyOutlined aria-hidden /> },
  { place: "plan", path: "/plan", icon: <CreditCardOutlined aria-hidden /> },
  { place: "usage", path: "/usage", icon: <BarChartOutlined aria-hidden /> },
  { place: "playground", path: "/playground", icon: <MessageOutlined aria-hidden /> },
  { place: "models", path: "/models", icon: <AppstoreOutlined aria-hidden /> },
  { place: "tools", path: "/tools", icon: <CodeOutlined aria-hidden /> },
  { place: "plugins", path: "/plugins", icon: <ApiOutlined aria-hidden /> },
  { place: "wallet", path: "/wallet", icon: <WalletOutlined aria-hidden /> },
  { place: "account", path: "/account", icon: <UserOutlined aria-hidden /> },
  { place: "help", path: "/help", icon: <BookOutlined aria-hidden /> },
];

export const OPERATOR: readonly Entry[] = [
  { place: "opRoom", path: "/op", icon: <DashboardOutlined aria-hidden /> },
  { place: "opLive", path: "/op/live", icon: <ThunderboltOutlined aria-hidden /> },
  { place: "opTargets", path: "/op/targets", icon: <DeploymentUnitOutlined aria-hidden /> },
  { place: "opModels", path: "/op/models", icon: <FundOutlined aria-hidden /> },
  { place: "opAccounts", path: "/op/accounts", icon: <TeamOutlined aria-hidden /> },
  { place: "opPlans", path: "/op/plans", icon: <ProfileOutlined aria-hidden /> },
  { place: "opCodes", path: "/op/codes", icon: <GiftOutlined aria-hidden /> },
  { place: "opLimits", path: "/op/limits", icon: <ControlOutlined aria-hidden /> },
  { place: "opModeration", path: "/op/moderation", icon: <SafetyOutlined aria-hidden /> },
  { place: "opAudit", path: "/op/audit", icon: <AuditOutlined aria-hidden /> },
  { place: "opLedger", path: "/op/ledger", icon: <PieChartOutlined aria-hidden /> },
  { place: "opSettings", path: "/op/settings", icon: <SettingOutlined aria-hidden /> },
];

/** Whose page a path is: the longest entry that it begins with. */
export function placeOf(path: string): Entry | undefined {
  return [...DEVELOPER, ...OPERATOR]
    .filter((entry) => path === entry.path || (entry.path !== "/" && path.startsWith(`${entry.path}/`)))
    .sort((a, b) => b.path.length - a.path.length)[0];
}
