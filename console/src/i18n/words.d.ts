/** Makes the keys of all words known to the compiler. */
import type common from "./en/common.json";
import type entry from "./en/entry.json";
import type overview from "./en/overview.json";
import type keys from "./en/keys.json";
import type plan from "./en/plan.json";
import type usage from "./en/usage.json";
import type playground from "./en/playground.json";
import type models from "./en/models.json";
import type tools from "./en/tools.json";
import type plugins from "./en/plugins.json";
import type wallet from "./en/wallet.json";
import type account from "./en/account.json";
import type help from "./en/help.json";
import type opRoom from "./en/opRoom.json";
import type opLive from "./en/opLive.json";
import type opTargets from "./en/opTargets.json";
import type opModels from "./en/opModels.json";
import type opAccounts from "./en/opAccounts.json";
import type opPlans from "./en/opPlans.json";
import type opCodes from "./en/opCodes.json";
import type opLimits from "./en/opLimits.json";
import type opModeration from "./en/opModeration.json";
import type opAudit from "./en/opAudit.json";
import type opLedger from "./en/opLedger.json";
import type opSettings from "./en/opSettings.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    returnNull: false;
    resources: {
      common: typeof common;
      entry: typeof entry;
      overview: typeof overview;
      keys: typeof keys;
      plan: typeof plan;
      usage: typeof usage;
      playground: typeof playground;
      models: typeof models;
      tools: typeof tools;
      plugins: typeof plugins;
      wallet: typeof wallet;
      account: typeof account;
      help: typeof help;
      opRoom: typeof opRoom;
      opLive: typeof opLive;
      opTargets: typeof opTargets;
      opModels: typeof opModels;
      opAccounts: typeof opAccounts;
      opPlans: typeof opPlans;
      opCodes: typeof opCodes;
      opLimits: typeof opLimits;
      opModeration: typeof opModeration;
      opAudit: typeof opAudit;
      opLedger: typeof opLedger;
      opSettings: typeof opSettings;
    };
  }
}
