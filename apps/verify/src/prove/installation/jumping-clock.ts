// Loaded into a service before its program (`--import`): makes its wall clock jump at each SIGUSR2, an hour ahead, then
// an hour behind, and so on. The monotonic clock goes on, as it does when an operator or NTP sets the time.
const JUMP_MS = 3_600_000;

const TrueDate = Date;
let shiftMs = 0;

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given: unknown[]) => Reflect.construct(target, given.length === 0 ? [now()] : given) as object,
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});

function now(): number {
  return TrueDate.now() + shiftMs;
}

process.on('SIGUSR2', () => {
  shiftMs = shiftMs > 0 ? -JUMP_MS : JUMP_MS;
  process.stdout.write(`{"msg":"the clock jumped","now":${Date.now()}}\n`);
});
