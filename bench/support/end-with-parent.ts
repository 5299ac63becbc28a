/** Ends this process when the one that started it is gone, also where that was before anybody listened. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit());
  if (process.connected === false) process.exit();
}
