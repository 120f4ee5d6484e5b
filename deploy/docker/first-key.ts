import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

// The first key of an installation that `docker compose up` starts: control-api does not start without one. It stays the
// same as long as the volume does. Runs in the image of control-api, without any package.

const SECRET_BYTES = 32;
/** The hashes of secrets are readable by their owner alone. */
const FILE_MODE = 0o600;

const file = process.env['API_KEYS_FILE'] ?? '';

if (existsSync(file)) {
  process.stdout.write(`${file} is there already: no key was made.\n`);
} else {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const key = {
    id: 'dev',
    secretSha256: createHash('sha256').update(secret).digest('hex'),
    can: { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'], presence: ['**', '@users'] },
  };
  writeFileSync(file, `${JSON.stringify({ keys: [key] }, null, 2)}\n`, { mode: FILE_MODE, flag: 'wx' });
  process.stdout.write(`API key, with every right but to create topics on demand, shown this once: dev.${secret}\n`);
}
