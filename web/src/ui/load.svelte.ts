// A value that is fetched: what is known of it, whether it is on its way, and what went wrong. An older answer that comes
// late never overwrites a newer one. What was there stays shown while it is fetched again.
import type { Problem } from '../api/client';

export class Loaded<T> {
  value = $state<T>();
  problem = $state<Problem | null>(null);
  loading = $state(true);
  private asked = 0;

  constructor(private readonly fetcher: () => Promise<T>) {}

  reload = async (): Promise<void> => {
    const mine = ++this.asked;
    this.loading = true;
    try {
      const value = await this.fetcher();
      if (mine !== this.asked) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (mine !== this.asked) return;
      this.problem = error as Problem;
    }
    this.loading = false;
  };
}

// Fetches at once, and again whenever what the fetcher read (the route, a filter) has changed.
export function load<T>(fetcher: () => Promise<T>): Loaded<T> {
  const loaded = new Loaded(fetcher);
  $effect(() => {
    void loaded.reload();
  });
  return loaded;
}

// Something a person asked for: busy while it goes on, a problem where it failed. Answers whether it went well.
export class Doing {
  busy = $state(false);
  problem = $state<Problem | null>(null);

  run = async (what: () => Promise<unknown>): Promise<boolean> => {
    if (this.busy) return false;
    this.busy = true;
    this.problem = null;
    try {
      await what();
      return true;
    } catch (error) {
      this.problem = error as Problem;
      return false;
    } finally {
      this.busy = false;
    }
  };
}

// A list that comes in pages.
export class Paged<T> {
  items = $state<T[]>([]);
  problem = $state<Problem | null>(null);
  loading = $state(true);
  known = $state(false); // something has come
  private next: string | null = $state(null);
  private asked = 0;

  constructor(private readonly fetcher: (cursor?: string) => Promise<{ items: T[]; next: string | null }>) {}

  private async fetch(cursor: string | undefined): Promise<void> {
    const mine = ++this.asked;
    this.loading = true;
    try {
      let page = await this.fetcher(cursor);
      // A filter may pick nothing of what one page looked at: on to the next, until something is there to be shown.
      while (mine === this.asked && !page.items.length && page.next) page = await this.fetcher(page.next);
      if (mine !== this.asked) return;
      this.items = cursor ? [...this.items, ...page.items] : page.items;
      this.next = page.next;
      this.known = true;
      this.problem = null;
    } catch (error) {
      if (mine !== this.asked) return;
      this.problem = error as Problem;
    }
    this.loading = false;
  }
  reload = (): Promise<void> => this.fetch(undefined);
  // The way to the next page, where there is one.
  get more(): (() => Promise<void>) | null {
    const next = this.next;
    return next ? () => this.fetch(next) : null;
  }
}

export function paged<T>(fetcher: (cursor?: string) => Promise<{ items: T[]; next: string | null }>): Paged<T> {
  const pages = new Paged(fetcher);
  $effect(() => {
    void pages.reload();
  });
  return pages;
}
