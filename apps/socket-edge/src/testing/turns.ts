/** Lets the event loop turn so many times: everything that waits for no timer and no socket has been done. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}
