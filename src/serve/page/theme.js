// The theme: as the system has it, or light, or dark.

const KEPT = "aep-theme";
const THEMES = { auto: "light dark", light: "light", dark: "dark" };

export function makeTheme(button) {
  const show = () => {
    const theme = localStorage.getItem(KEPT) ?? "auto";
    document.documentElement.style.colorScheme = THEMES[theme] ?? THEMES.auto;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
  };
  button.onclick = () => {
    const names = Object.keys(THEMES);
    const at = names.indexOf(localStorage.getItem(KEPT) ?? "auto");
    localStorage.setItem(KEPT, names[(at + 1) % names.length]);
    show();
  };
  addEventListener("storage", show);
  show();
}
