// Light, dark, or as the system has it. Kept in this browser only.
export type Theme = 'system' | 'light' | 'dark';
const KEY = 'rushlight.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

class Chosen {
  theme = $state<Theme>(stored());
}
export const chosen = new Chosen();

function show() {
  document.documentElement.dataset.theme = chosen.theme === 'system' ? (dark.matches ? 'dark' : 'light') : chosen.theme;
}
export function setTheme(theme: Theme) {
  chosen.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing is kept, then: private windows do that.
  }
  show();
}
export function startTheme() {
  show();
  dark.addEventListener('change', show);
}
