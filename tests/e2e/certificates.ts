import { runCommand } from '@holdfast/local/run-command';
import type { TlsFiles } from '@holdfast/local/redis-server';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a private authority in a directory, and a certificate of it for 127.0.0.1 and localhost. Needs openssl. */
export async function makeCertificates(directory: string): Promise<TlsFiles> {
  const file = (name: string) => join(directory, name);
  const files = { cert: file('redis.pem'), key: file('redis.key'), ca: file('ca.pem') };
  const extensions = file('redis.ext');
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
  const authority = [
    '-x509',
    ...EC_KEY,
    '-keyout',
    file('ca.key'),
    '-out',
    files.ca,
    '-subj',
    '/CN=Test CA',
    '-days',
    '2',
  ];
  await openssl('req', ...authority);
  await openssl('req', ...EC_KEY, '-keyout', files.key, '-out', file('redis.csr'), '-subj', '/CN=redis');
  const signing = ['-CA', files.ca, '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', extensions];
  await openssl('x509', '-req', '-in', file('redis.csr'), ...signing, '-out', files.cert);
  return files;
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { code, printed } = await runCommand('openssl', args, { PATH: process.env['PATH'] });
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${printed}`);
}
