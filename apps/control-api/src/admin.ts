import { type AdminOptions, type AdminServer, openAdminServer } from '@holdfast/service/admin-server';
import type { Config } from './config.ts';

/** Opens the port for health and metrics when there is to be one. */
export async function openAdmin(
  { CONTROL_HOST: host, CONTROL_ADMIN_PORT: port }: Config,
  parts: Pick<AdminOptions, 'health' | 'metrics'>,
): Promise<AdminServer | null> {
  return port === undefined ? null : openAdminServer({ host, port, ...parts });
}
