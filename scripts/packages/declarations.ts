import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import ts from 'typescript-6';
import { PlainDeclarations } from './plain-types.ts';
import { type Published, ROOT, inPackage, moduleName, published } from './published.ts';

/** Types of this package are written out, so that what is published needs neither it nor zod. */
const PLAIN = '@holdfast/protocol/';
const PLAIN_FILE = 'protocol.d.ts';

const root = fileURLToPath(ROOT);

/**
 * Writes the types of a package as one file, `<folder>/<module>.d.ts`. `workFolder` is for the files in between.
 * Rejects when the sources have an error, or a type in them needs a package that is not published.
 */
export async function writeDeclarations(one: Published, folder: string, workFolder: string): Promise<void> {
  const declarations = new Declarations(one);
  for (const [path, text] of declarations.files()) {
    await mkdir(dirname(join(workFolder, path)), { recursive: true });
    await writeFile(join(workFolder, path), text);
  }
  const entry = join(workFolder, declarationPath(fileURLToPath(inPackage(one, one.entry))));
  const build = await rolldown({
    input: { [moduleName(one)]: entry },
    external: (id) => one.external.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [dts({ dtsInput: true, emitDtsOnly: true, oxc: true, tsconfig: false })],
  });
  const { output } = await build.generate({ format: 'esm', entryFileNames: '[name].d.ts' });
  await build.close();
  const [chunk, ...others] = output.filter((file): file is OutputChunk => file.type === 'chunk');
  if (chunk === undefined || others.length > 0) throw new Error(`the types of ${one.folder} are not one file`);
  const foreign = chunk.imports.filter((name) => !one.external.includes(name));
  if (foreign.length > 0) throw new Error(`the types of ${one.folder} import ${foreign.join(', ')}`);
  // The bundler names the files in between.
  const text = chunk.code.replaceAll(/^\/\/ .*\.d\.ts\n/gm, '').trimStart();
  await writeFile(join(folder, `${moduleName(one)}.d.ts`), text);
}

class Declarations {
  readonly #one: Published;
  readonly #program: ts.Program;
  /** What the sources import of the protocol, by name: types, and schemas as types. */
  readonly #plain = new PlainDeclarations();

  constructor(one: Published) {
    this.#one = one;
    const config = fileURLToPath(inPackage(one, 'tsconfig.json'));
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(config, (path) => ts.sys.readFile(path)).config,
      ts.sys,
      dirname(config),
    );
    this.#program = ts.createProgram({
      rootNames: [fileURLToPath(inPackage(one, one.entry))],
      options: { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, paths: sourcesOfOthers(one) },
    });
    const faults = ts.getPreEmitDiagnostics(this.#program);
    if (faults.length > 0) throw new Error(ts.formatDiagnostics(faults, formatHost));
  }

  /** The declarations of each source, by path. */
  files(): Map<string, string> {
    const files = new Map<string, string>();
    for (const source of this.#program.getSourceFiles()) {
      if (source.isDeclarationFile || this.#isPlain(source.fileName)) continue;
      this.#program.emit(source, (_path, text) => {
        files.set(declarationPath(source.fileName), this.#relinked(source, text));
      });
    }
    files.set(PLAIN_FILE, this.#plain.text());
    return files;
  }

  #isPlain(path: string): boolean {
    return relative(root, path).startsWith('packages/protocol/');
  }

  /** Imports lead to the files beside it; external ones stay. */
  #relinked(source: ts.SourceFile, text: string): string {
    const here = declarationPath(source.fileName);
    const to = (path: string): string => `'./${relative(dirname(here), path)}'`;
    return text.replaceAll(
      /((?:import|export)[^;'"]*?from |import\()(["'])([^"']+)\2/g,
      (whole, before: string, _quote: string, specifier: string) => {
        if (this.#one.external.includes(specifier)) return whole;
        if (specifier.startsWith(PLAIN)) {
          if (before === 'import(') throw new Error(`${here} has an import() of ${specifier}: give its type a name`);
          this.#addPlain(source, specifier, before);
          return `${before}${to(PLAIN_FILE)}`;
        }
        const resolved = this.#resolved(source, specifier);
        if (resolved === undefined || resolved.resolvedFileName.includes('/node_modules/')) return whole;
        return `${before}${to(declarationPath(resolved.resolvedFileName))}`;
      },
    );
  }

  #resolved(source: ts.SourceFile, specifier: string): ts.ResolvedModule | undefined {
    const options = this.#program.getCompilerOptions();
    return ts.resolveModuleName(specifier, source.fileName, options, ts.sys).resolvedModule;
  }

  #addPlain(source: ts.SourceFile, specifier: string, clause: string): void {
    const checker = this.#program.getTypeChecker();
    const module = this.#program.getSourceFile(this.#resolved(source, specifier)?.resolvedFileName ?? '');
    const symbol = module && checker.getSymbolAtLocation(module);
    if (module === undefined || symbol === undefined) throw new Error(`${specifier} is not found`);
    const exported = new Map(checker.getExportsOfModule(symbol).map((one) => [one.name, one]));
    for (const part of (/\{([^}]*)\}/.exec(clause)?.[1] ?? '').split(',')) {
      const name =
        part
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0] ?? '';
      const found = exported.get(name);
      if (found !== undefined) this.#plain.add(checker, found, module);
    }
  }
}

/** By path, for TypeScript declares nothing for what it finds below node_modules, links included. */
function sourcesOfOthers(one: Published): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const { folder } of published) {
    const { name, exports } = JSON.parse(readFileSync(new URL(`packages/${folder}/package.json`, ROOT), 'utf8')) as {
      name: string;
      exports: Record<string, string>;
    };
    if (one.external.includes(name)) continue;
    for (const [subpath, file] of Object.entries(exports)) {
      paths[name + subpath.slice(1)] = [join(root, 'packages', folder, file)];
    }
  }
  return paths;
}

function declarationPath(path: string): string {
  return relative(root, path).replace(/\.ts$/, '.d.ts');
}

const formatHost: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
};
