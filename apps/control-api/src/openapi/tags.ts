/** The groups of calls, in the order in which a newcomer needs them. */
export const tags = [
  { name: 'clients', description: 'Register and unregister clients, subscribe them to topics, look at them' },
  { name: 'topics', description: 'Create, look at and delete topics' },
  { name: 'messages', description: 'Publish to topics and to single clients, read the log' },
  { name: 'operations', description: 'Edges, health and metrics' },
];
