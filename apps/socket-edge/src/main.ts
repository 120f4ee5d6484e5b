import { readConfig } from '@holdfast/service/config';
import { runMain } from '@holdfast/service/run-main';
import { edgeVariables, workerCount } from './config.ts';
import { runEdge } from './run-edge.ts';
import { runWorkers } from './workers/run-workers.ts';

await runMain(async () => {
  const config = readConfig(edgeVariables);
  const workers = workerCount(config);
  await (workers === 1 ? runEdge(config) : runWorkers(config, workers, process));
});
