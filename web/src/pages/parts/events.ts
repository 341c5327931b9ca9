// What a webhook can be told of.
export const EVENTS = ['check.matched', 'check.done', 'scan.done', 'list.changed', 'canary.missed', 'holding.full'] as const;
