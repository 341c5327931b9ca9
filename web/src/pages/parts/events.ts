// What a webhook can be told of.
export const EVENTS = ['check.matched', 'check.done', 'list.changed', 'canary.missed', 'canary.back'] as const;
