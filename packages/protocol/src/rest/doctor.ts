import { z } from 'zod';

export const doctorStatus = z.enum(['ok', 'warn', 'fail']);

export const doctorCheck = z.object({
  id: z.string().describe('What was looked at; the same for several servers or edges'),
  status: doctorStatus,
  where: z.string().nullable().describe('The server, edge, host or URL; null: the installation'),
  seen: z.string(),
  why: z.string().describe('Why it matters'),
  do: z.string().nullable().describe('What to do; null: nothing'),
});

export const doctorResponse = z.object({
  status: doctorStatus.describe('The worst of all checks'),
  checks: z.array(doctorCheck).describe('The worst first'),
});
