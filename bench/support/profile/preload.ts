import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { isMainThread } from 'node:worker_threads';
import { commandSchema, lineOf, type ProfileCommand, socketVariable } from './link.js';
import { Recorder } from './recorder.js';

/** `node --import` runs this before a program: it records the process whenever the benchmark asks for it. */
function serve(path: string): void {
  const socket = createConnection(path);
  // The program decides how long the process lives.
  socket.unref();
  // The benchmark is gone: there is nobody to record for.
  socket.on('error', () => undefined);
  const recorder = new Recorder();
  createInterface({ input: socket }).on('line', (line) => {
    obey(commandSchema.parse(JSON.parse(line))).then(() => socket.write(lineOf({ kind: 'done' })));
  });
  socket.write(lineOf({ kind: 'ready', pid: process.pid }));

  function obey(command: ProfileCommand): Promise<void> {
    switch (command.kind) {
      case 'start':
        return recorder.start();
      case 'stop':
        return recorder.stop(command.file);
    }
  }
}

const path = process.env[socketVariable];
if (path !== undefined && isMainThread) serve(path);
