import { readConfig } from '@holdfast/service/config';
import { runMain } from '@holdfast/service/run-main';
import { edgeVariables } from '../config.ts';
import { runEdge } from '../run-edge.ts';

await runMain(() => runEdge(readConfig(edgeVariables), process));
