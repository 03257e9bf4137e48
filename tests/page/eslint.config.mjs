// The rules for src/serve/page: modules without a build step; a text becomes markup nowhere.
const names = `AbortController BroadcastChannel Event MutationObserver Notification Option ResizeObserver
  TextDecoderStream URLSearchParams addEventListener clearInterval clearTimeout dispatchEvent document fetch
  getSelection history isSecureContext localStorage location matchMedia navigator open performance
  removeEventListener requestAnimationFrame setInterval setTimeout window`;

const sinks = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc", "write", "setHTMLUnsafe"];

export default [
  {
    files: ["**/*.js"],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "module",
      globals: Object.fromEntries(names.split(/\s+/).map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-console": "error",
      "no-self-compare": "error",
      "no-unreachable": "error",
      "no-dupe-keys": "error",
      "no-fallthrough": "error",
      "no-constant-binary-expression": "error",
      "max-lines": ["error", 400],
      complexity: ["error", 14],
      "no-restricted-properties": ["error", ...sinks.map((property) => ({ property }))],
    },
  },
];
