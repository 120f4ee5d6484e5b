import { installedCli } from './testing/installed-cli.ts';
import { describeClients } from './testing/suites/clients.ts';
import { describeEdges } from './testing/suites/edges.ts';
import { describeKeys } from './testing/suites/keys.ts';
import { describeListen } from './testing/suites/listen.ts';
import { describeTopics } from './testing/suites/topics.ts';

// One installation for all of it: each takes seconds to start.
const cli = installedCli();

describeTopics(cli);
describeClients(cli);
describeKeys(cli);
describeEdges(cli);
// The last: it kills an edge.
describeListen(cli);
