import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// Colours live in `style/`, so that both themes keep their contrast.
const colour = /#(?:[0-9a-fA-F]{3}){1,2}\b/;

export default tseslint.config(
  { ignores: ["src/api/schema.d.ts"] },
  ...tseslint.configs.strict,
  hooks.configs.flat["recommended-latest"],
  {
    files: ["src/**/*.{ts,tsx}"],
    ignores: ["src/style/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: `Literal[value=${colour}]`, message: "Take the colour from style/tokens.ts." },
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text is shown as text." },
      ],
      "no-restricted-properties": ["error", { object: "Math", property: "random" }],
      "max-lines": ["error", 400],
    },
  },
);
