import { resolve } from 'node:path';

/** The folder of the repository: the services, the compose file and `.holdfast/` are found from here. */
export const repositoryRoot = resolve(import.meta.dirname, '../../..');
