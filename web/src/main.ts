import { mount } from 'svelte';
import App from './App.svelte';
import { startRouter } from './ui/router.svelte';
import { startSession } from './ui/session.svelte';
import { startTheme } from './ui/theme.svelte';
import './ui/tokens.css';
import './ui/base.css';
import { direction, language, useLocale } from './words/words';

// ?words=pseudo or pseudo-rtl shows the console in a made-up language, for tests and translators; it stays for the tab.
function wantedWords(): string | null {
  try {
    const asked = new URLSearchParams(location.search).get('words');
    if (asked) sessionStorage.setItem('rushlight.words', asked);
    return sessionStorage.getItem('rushlight.words');
  } catch {
    return null;
  }
}

useLocale(wantedWords());
document.documentElement.lang = language();
document.documentElement.dir = direction();
startTheme();
startRouter();
startSession();
const target = document.getElementById('app');
if (target) {
  target.textContent = '';
  mount(App, { target });
}
