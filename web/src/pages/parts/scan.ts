import type { Scan } from '../../api/types';
import type { Tone } from '../../ui/Badge.svelte';

export const TONES: Record<Scan['state'], Tone> = { running: 'warn', done: 'good', stopped: 'none', failed: 'bad', elsewhere: 'none' };
