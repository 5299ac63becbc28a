import { type PeerChannel, peerChannels } from './channels.js';
import { FrameQueue } from './frame-queue.js';

/**
 * Frames that wait for one peer, a queue for each channel, which take turns: the load of one protocol
 * neither pushes out nor holds up the messages of another.
 */
export class ChannelQueues {
  readonly #queues = peerChannels.map(() => new FrameQueue());
  #turn = 0;

  get length(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.length, 0);
  }

  /** How many frames have been dropped since the start. */
  get dropped(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.dropped, 0);
  }

  push(channel: PeerChannel, frame: Buffer): void {
    this.#queues[peerChannels.indexOf(channel)]?.push(frame);
  }

  shift(): Buffer | undefined {
    for (let skipped = 0; skipped < this.#queues.length; skipped += 1) {
      const frame = this.#queues[this.#turn]?.shift();
      this.#turn = (this.#turn + 1) % this.#queues.length;
      if (frame !== undefined) return frame;
    }
    return undefined;
  }
}
