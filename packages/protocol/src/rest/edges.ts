import { z } from 'zod';

export const edgeSummary = z.object({
  id: z.string(),
  url: z.string(),
  connections: z.int(),
  maxConnections: z.int(),
  draining: z.boolean(),
  startedAt: z.iso.datetime(),
});

export const edgesResponse = z.object({ edges: z.array(edgeSummary) });
