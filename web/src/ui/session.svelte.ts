// Who is signed in, and what that lets them see. The server decides on every request; here it only keeps pages and
// buttons out of the way that would be refused.
import { api } from '../api/client';
import { events, type Link } from '../api/events';
import type { Role, Session } from '../api/types';
import { go, route } from './router.svelte';

class State {
  session = $state<Session | null>(null);
  expired = $state(false);
  link = $state<Link>('off');
}
export const state = new State();

export const can = (...roles: Role[]) => roles.some((role) => state.session?.account.roles.includes(role));

export function signedIn(session: Session) {
  state.session = session;
  state.expired = false;
  events.open();
}

function signedOut() {
  state.session = null;
  api.csrf = '';
  events.close();
}

export async function signOut() {
  await api.signOut();
  signedOut();
  go('/sign-in');
}

// The session ended on the server's side: to sign-in, and back to here.
function expired() {
  if (!state.session) return;
  const here = route.path + route.search;
  signedOut();
  state.expired = true;
  go(`/sign-in?back=${encodeURIComponent(here)}`, { replace: true });
}

export function startSession() {
  api.onExpired = expired;
  events.onExpired = expired;
  events.onState = (link) => (state.link = link);
  events.watchVisibility(document);
}
