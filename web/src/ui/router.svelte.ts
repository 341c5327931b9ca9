// Where we are: the path and the query of the address, and moving without loading anew. Links are ordinary <a href>; a
// click on one of ours is taken here, everything else is the browser's.
class Route {
  path = $state(location.pathname);
  search = $state(location.search);
  hash = $state(location.hash);
  // Counts moves to another path: the page's heading is focused then.
  moves = $state(0);
}
export const route = new Route();

function read() {
  if (location.pathname !== route.path) ++route.moves;
  route.path = location.pathname;
  route.search = location.search;
  route.hash = location.hash;
}

export function go(to: string, { replace = false } = {}) {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  read();
  if (!replace) scrollTo(0, 0);
}

export const parameter = (name: string) => new URLSearchParams(route.search).get(name);

// Changes parts of the query in place, so that what a person sees can be linked to; '' or null takes a part away.
export function setParameters(changes: Record<string, string | null>) {
  const search = new URLSearchParams(route.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) search.set(name, value);
    else search.delete(name);
  }
  const text = search.toString();
  go(route.path + (text ? `?${text}` : '') + route.hash, { replace: true });
}

export function startRouter() {
  addEventListener('popstate', read);
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (link.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

// A path to come back to after signing in: one of ours, never another site's.
export function safeBack(back: string | null): string {
  return back && /^\/(?![/\\])[\x21-\x7e]*$/.test(back) && !back.startsWith('/sign-in') && !back.startsWith('/api/') ? back : '/';
}
