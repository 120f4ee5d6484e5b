/** Of a key for development: every right but `create`, so that a topic that is misspelt is missed. */
export const FULL_RIGHTS = {
  register: true,
  subscribe: ['**'],
  publish: ['**'],
  manage: ['**'],
  presence: ['**', '@users'],
};
