import { fileURLToPath } from 'node:url';
import type { ByzantineScript } from './fault.js';

const paths: Record<ByzantineScript, string> = {
  contradicting: '../../../examples/demo/byzantine-coordinator.js',
  selective: '../byzantine/selective-coordinator.js',
  mutating: '../byzantine/mutating-coordinator.js',
  greedy: '../../../examples/demo/byzantine-initiator.js',
  'two-faced': '../byzantine/two-faced-initiator.js',
};

/** The file to run in a node's place. */
export function scriptFile(script: ByzantineScript): string {
  return fileURLToPath(new URL(paths[script], import.meta.url));
}
