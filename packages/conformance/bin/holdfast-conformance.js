#!/usr/bin/env node
// Plain JavaScript, for whatever Node starts it; the kit itself is TypeScript, which Node runs as it is from 24 on.
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) {
  await import('../src/main.ts');
} else {
  process.stderr.write(
    `holdfast-conformance needs Node ${OLDEST_NODE} or later, and this is ${process.versions.node}. ` +
      'In a checkout "npm run conformance" has one.\n',
  );
  process.exitCode = 2;
}
