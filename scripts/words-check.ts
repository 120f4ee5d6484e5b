import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Counts words that code, comments and docs no longer use: docs/glossary.md has their successors. Exits with 1 when there
// is one. With --list it prints every line; a path after it narrows the search.

const WORDS = [
  'doorbells?|letter box|ears?|deaf|hears?|heard|hearing',
  'says?|said|saying|tells?|told|telling',
  'lots?|pace|gates?',
  'rosters?|audiences?|feeds?|followers?|giv(?:e|es|en) on|handed on|pumps?',
  'born|noted|unsettled|ledgers?|wish(?:es)?|unwanted',
  'canar(?:y|ies)|birds?|openings?|rivals?|ghosts?|unsure|ask served',
  'walkers?|sweepers?|g(?:ive|ives|iving|ave|iven) up|tall(?:y|ies)|seats?|crews?|fleets?|strays?|footprints?',
  'last will|giv(?:e|es|ing) way|own topic|worlds?',
  'nobody|somebody|anybody|everybody|whoever|st(?:ands?|ood) still',
];
const PATTERN = new RegExp(`\\b(?:${WORDS.join('|')})\\b`, 'gi');

/** Stored data, metrics, names of faults and of figures: they stay. */
const DATA = [
  /holdfast_\w+/g,
  /hearing(?=["'`:]|`,)|redisHearingCpuMicros/g,
  /deaf-subscription/g,
  /unsettled\b(?=[`'"])|`born`|'born'|"born"|\.born\b|\bborn:/g,
];
const SKIPPED = /^(?:package-lock\.json|bench\/results\/|bench\/peers\/package-lock|LICENSE|scripts\/words-check\.ts)/;
const TEXT = /\.(?:ts|js|lua|c|h|md|json|ya?ml|cfg|conf|sh|tpl|txt)$|Dockerfile$|\.ci\/run$/;

const [option, path = '.'] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', path], { cwd: root, encoding: 'utf8' }).split('\n');

const counts = new Map<string, number>();
for (const file of files.filter((name) => TEXT.test(name) && !SKIPPED.test(name))) {
  for (const [index, line] of readFileSync(`${root}/${file}`, 'utf8').split('\n').entries()) {
    for (const [word] of withoutData(line).matchAll(PATTERN)) {
      counts.set(word.toLowerCase(), (counts.get(word.toLowerCase()) ?? 0) + 1);
      if (option === '--list') process.stdout.write(`${file}:${index + 1}: ${word}: ${line.trim().slice(0, 100)}\n`);
    }
  }
}

const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
for (const [word, count] of [...counts].toSorted(([, a], [, b]) => b - a)) process.stdout.write(`${count} ${word}\n`);
process.stdout.write(`${total} words to replace\n`);
if (total > 0) process.exitCode = 1;

/** Names in camel case and snake case become words. */
function withoutData(line: string): string {
  return DATA.reduce((text, pattern) => text.replaceAll(pattern, ''), line)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ');
}
