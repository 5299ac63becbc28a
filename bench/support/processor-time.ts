import { existsSync, readFileSync } from 'node:fs';
import { BenchmarkError } from '../benchmark.js';

/** `USER_HZ`: what Linux counts processor time in for programs, 100 a second on every architecture. */
const msPerTick = 10;
/** Fields of `/proc/PID/stat` after the name, which may hold spaces: state is field 3 of proc(5). */
const userTicks = 14 - 3;
const systemTicks = 15 - 3;
/** The same two of its children that have ended. */
const endedTicks = [16 - 3, 17 - 3];

/**
 * Processor time that a process has used so far, all its threads, in user and in system mode, in
 * milliseconds. Throws `BenchmarkError` where there is no such process, or no Linux.
 */
export function processorMs(pid: number): number {
  const fields = statOf(pid);
  return msPerTick * (Number(fields[userTicks]) + Number(fields[systemTicks]));
}

/** The same with its children, those that have ended included: of a server that forks for each connection. */
export function processorMsWithChildren(pid: number): number {
  const fields = statOf(pid);
  const ticks = [userTicks, systemTicks, ...endedTicks].map((field) => Number(fields[field]));
  const living = childrenOf(pid).map(processorMs);
  return [...ticks.map((each) => each * msPerTick), ...living].reduce((sum, ms) => sum + ms, 0);
}

/** The same of this process. */
export function ownProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number).filter(isAlive);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`);
}

function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (cause) {
    const message = `/proc/${pid}/stat cannot be read; processor time is measured on Linux only`;
    throw new BenchmarkError(message, { cause });
  }
}
