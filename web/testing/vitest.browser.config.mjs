import { defineConfig } from 'vitest/config';

// Against one real server the files follow each other, the one that sets it up first; each stand-in is its own.
const real = !!process.env.RUSHLIGHT_URL;
class InOrder {
  constructor() {}
  shard(files) {
    return files;
  }
  sort(files) {
    return [...files].sort((a, b) => (b.moduleId.includes('ways') ? 1 : 0) - (a.moduleId.includes('ways') ? 1 : 0));
  }
}
export default defineConfig({
  test: {
    include: ['testing/*.test.mjs'],
    environment: 'node',
    pool: 'forks',
    fileParallelism: !real,
    maxWorkers: 2,
    minWorkers: 1,
    sequence: { sequencer: InOrder },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
