import { Clients } from './clients/clients.tsx';
import { Doctor } from './doctor/doctor.tsx';
import { Edges } from './edges/edges.tsx';
import { Explain } from './explain/explain.tsx';
import { Keys } from './keys/keys.tsx';
import { Overview } from './overview/overview.tsx';
import { Topics } from './topics/topics.tsx';
import { Users } from './users/users.tsx';
import type { View } from './view.ts';
import { Webhooks } from './webhooks/webhooks.tsx';

/** All views, in the order of the navigation. */
export const VIEWS: readonly View[] = [
  { name: 'overview', title: 'Overview', icon: 'overview', needs: 'manage', show: Overview },
  { name: 'edges', title: 'Edges', icon: 'edges', needs: 'manage', show: Edges },
  { name: 'topics', title: 'Topics', icon: 'topics', needs: null, show: Topics },
  { name: 'clients', title: 'Clients', icon: 'clients', needs: 'manage', show: Clients },
  { name: 'users', title: 'Users', icon: 'users', needs: 'look at users', show: Users },
  { name: 'explain', title: 'Explain', icon: 'explain', needs: 'manage', show: Explain },
  { name: 'keys', title: 'API keys', icon: 'keys', needs: 'manage all', show: Keys },
  { name: 'webhooks', title: 'Webhooks', icon: 'webhooks', needs: 'manage', show: Webhooks },
  { name: 'doctor', title: 'Redis and doctor', icon: 'doctor', needs: 'manage', show: Doctor },
];
