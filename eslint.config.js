import js from "@eslint/js";
import globals from "globals";

/** Globals of an AudioWorkletGlobalScope that this repository uses. */
const WORKLET_GLOBALS = { AudioWorkletProcessor: "readonly", registerProcessor: "readonly", sampleRate: "readonly" };

export default [
  { ignores: ["**/node_modules/", ".venv/", ".struck/", "build/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_", caughtErrors: "all" }],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-implicit-globals": "error",
      "no-shadow": ["error", { builtinGlobals: false, hoist: "functions" }],
      "object-shorthand": "error",
      "no-throw-literal": "error",
      "no-duplicate-imports": "error",
      "no-self-compare": "error",
      "no-template-curly-in-string": "error",
    },
  },
  { files: ["ui/editor/**/*.js", "engine/lab/listening/page/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["ui/editor/audio/*_worklet.js"], languageOptions: { globals: WORKLET_GLOBALS } },
  { files: ["tests/js/**/*.js", "eslint.config.js"], languageOptions: { globals: globals.nodeBuiltin } },
];
