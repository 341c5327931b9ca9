// Every page: where it is, what it is called, who sees it, and the module that is fetched when it is opened.
import type { Component } from 'svelte';
import type { Role } from './api/types';
import type { IconName } from './ui/names';
import type { PlainKey } from './words/words';

// Most pages take no id and say so by their type, which differs from those that do.
type Module = { default: Component<any> };
export interface Place {
  path: string;
  name: PlainKey;
  icon?: IconName;
  roles?: Role[]; // any of them; none: everybody
  group?: 'top' | 'detect' | 'system';
  load: () => Promise<Module>;
}

export const places: Place[] = [
  { path: '/', name: 'page.overview', icon: 'overview', group: 'top', load: () => import('./pages/Overview.svelte') },
  { path: '/check', name: 'page.check', icon: 'checkPage', group: 'detect', roles: ['analyst', 'admin'], load: () => import('./pages/Check.svelte') },
  { path: '/scans', name: 'page.scans', icon: 'scans', group: 'detect', roles: ['analyst', 'admin'], load: () => import('./pages/Scans.svelte') },
  { path: '/scans/:id', name: 'page.scans', roles: ['analyst', 'admin'], load: () => import('./pages/Scan.svelte') },
  { path: '/lists', name: 'page.lists', icon: 'lists', group: 'detect', roles: ['analyst', 'steward', 'admin'], load: () => import('./pages/Lists.svelte') },
  { path: '/lists/:id', name: 'page.lists', roles: ['analyst', 'steward', 'admin'], load: () => import('./pages/List.svelte') },
  { path: '/policy', name: 'page.policy', icon: 'policy', group: 'detect', load: () => import('./pages/Policy.svelte') },
  { path: '/holding', name: 'page.holding', icon: 'archive', group: 'detect', roles: ['analyst', 'admin'], load: () => import('./pages/Holding.svelte') },
  { path: '/webhooks', name: 'page.webhooks', icon: 'webhook', group: 'system', roles: ['admin'], load: () => import('./pages/Webhooks.svelte') },
  { path: '/audit', name: 'page.audit', icon: 'audit', group: 'system', roles: ['admin', 'steward'], load: () => import('./pages/Audit.svelte') },
  { path: '/people', name: 'page.people', icon: 'people', group: 'system', roles: ['admin'], load: () => import('./pages/People.svelte') },
  { path: '/health', name: 'page.health', icon: 'health', group: 'system', load: () => import('./pages/Health.svelte') },
  { path: '/settings', name: 'page.settings', icon: 'settings', group: 'system', load: () => import('./pages/Settings.svelte') },
];

export function placeOf(path: string): { place: Place; id?: string } | null {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  for (const place of places) {
    if (place.path === clean) return { place };
    const stem = place.path.endsWith('/:id') ? place.path.slice(0, -3) : null;
    if (stem && clean.startsWith(stem) && !clean.slice(stem.length).includes('/')) {
      try {
        return { place, id: decodeURIComponent(clean.slice(stem.length)) };
      } catch {
        return null;
      }
    }
  }
  return null;
}
