import { describe, expect, test } from 'vitest';
import { filesOf, type Import, importsOf, packageOf, RINGS, type Ring, type Source } from './sources.ts';

const sources: Record<Ring, Source[]> = {
  src: filesOf('src', '.ts'),
  protocols: filesOf('protocols', '.ts'),
  node: filesOf('node', '.ts'),
};
const all = RINGS.flatMap((ring) => sources[ring]);

/** Which rings a ring may import from. */
const INWARD: Record<Ring, readonly string[]> = {
  src: ['src'],
  protocols: ['protocols', 'src'],
  node: ['node', 'protocols', 'src'],
};

const PURE = ['zod', 'multiformats'];
const STREAMS = ['@libp2p/interface', '@libp2p/utils', 'it-length-prefixed', 'uint8arraylist'];

/** Packages (and one built-in) that one place alone may import, in every ring. */
const ONLY_IN: readonly { readonly packages: RegExp; readonly places: readonly string[] }[] = [
  {
    packages:
      /^(libp2p|@libp2p\/(tcp|tls|yamux|noise|kad-dht|gossipsub|identify|mdns|memory|ping|bootstrap)|@chainsafe\/libp2p-.*)$/,
    places: ['node/host/'],
  },
  { packages: /^(level|classic-level|datastore-level)$/, places: ['node/storage/'] },
  { packages: /^@modelcontextprotocol\/(?!core$)/, places: ['node/gateway/', 'node/backends/', 'node/client/'] },
  { packages: /^commander$/, places: ['node/cli/'] },
  { packages: /^jose$/, places: ['node/identity/'] },
];

/** The one DAG of src: a folder imports only those named after it. */
const DAG: Record<string, readonly string[]> = {
  kernel: [],
  permissions: ['kernel'],
  mcp: ['kernel', 'permissions'],
  audit: ['kernel'],
  constitution: ['kernel', 'permissions'],
  routing: ['kernel', 'mcp', 'permissions'],
  governance: ['kernel', 'permissions', 'constitution'],
  fog: ['kernel', 'permissions', 'constitution', 'governance'],
};

const ringOf = (path: string) => path.split('/')[0] ?? '';
const folderOf = (path: string) => path.split('/').slice(0, 2).join('/');
const show = (found: Import) => `${found.from} imports ${found.specifier}`;
const importsIn = (ring: Ring) => sources[ring].flatMap((source) => source.imports);

/** A file of the ring's top level or of the same folder, or the index of another folder. */
function entersByTheDoor(found: Import): boolean {
  const target = found.target ?? '';
  return (
    folderOf(found.from) === folderOf(target) ||
    target.split('/').length === 2 ||
    target === `${folderOf(target)}/index.ts`
  );
}

describe('the three rings', () => {
  test('the walk finds the sources and their imports', () => {
    for (const ring of RINGS) {
      expect(sources[ring].length, `${ring} is empty: the walk is broken`).toBeGreaterThan(3);
      expect(importsIn(ring).length, `${ring} imports nothing: the scan is broken`).toBeGreaterThan(3);
    }
  });

  test('the scan sees every form of import', () => {
    const text = `import './a.ts';\nimport type { B } from './b.ts';\nimport {\n  c,\n} from "./c.ts";\nexport { d } from '../d.ts';\nconst e = await import('node:fs');\n// import f from './f.ts';\n`;
    expect(importsOf('src/x/y.ts', text).map((found) => found.target ?? found.specifier)).toEqual([
      'src/x/a.ts',
      'src/x/b.ts',
      'src/x/c.ts',
      'src/d.ts',
      'node:fs',
    ]);
  });

  test.each(RINGS)('%s imports only inward', (ring) => {
    const outward = importsIn(ring).filter(
      (found) => found.target !== undefined && !INWARD[ring].includes(ringOf(found.target)),
    );
    expect(outward.map(show)).toEqual([]);
  });

  test('src uses only pure packages, and node:crypto in one kernel file', () => {
    const foreign = importsIn('src').filter((found) => {
      if (found.target !== undefined || PURE.includes(packageOf(found.specifier))) return false;
      return !(found.specifier === 'node:crypto' && found.from === 'src/kernel/hash.ts');
    });
    expect(foreign.map(show)).toEqual([]);
  });

  test('protocols adds stream interfaces and nothing else', () => {
    const foreign = importsIn('protocols').filter(
      (found) => found.target === undefined && ![...PURE, ...STREAMS].includes(packageOf(found.specifier)),
    );
    expect(foreign.map(show)).toEqual([]);
  });

  test('a package that one place owns is imported nowhere else', () => {
    const strays = all
      .flatMap((source) => source.imports)
      .filter((found) => found.target === undefined)
      .filter((found) =>
        ONLY_IN.some(
          ({ packages, places }) =>
            packages.test(packageOf(found.specifier)) && !places.some((place) => found.from.startsWith(place)),
        ),
      );
    expect(strays.map(show)).toEqual([]);
  });

  test('an import whose target is computed appears nowhere in src and protocols', () => {
    const computed = [...sources.src, ...sources.protocols].filter((source) =>
      /\b(?:import|require)\s*\(\s*[^'"\s)]/.test(source.text),
    );
    expect(computed.map((source) => source.path)).toEqual([]);
  });

  test('folders of src and protocols are entered only through their index', () => {
    const inner = all
      .flatMap((source) => source.imports)
      .filter((found) => found.target !== undefined && ['src', 'protocols'].includes(ringOf(found.target)));
    expect(inner.length).toBeGreaterThan(0);
    expect(inner.filter((found) => !entersByTheDoor(found)).map(show)).toEqual([]);
  });

  test('an index names what it exports', () => {
    const indexes = all.filter((source) => source.path.endsWith('/index.ts'));
    expect(indexes.length).toBeGreaterThan(3);
    expect(indexes.filter((source) => /export\s+\*/.test(source.text)).map((source) => source.path)).toEqual([]);
  });

  test('folders of src import along the declared DAG', () => {
    const edges = importsIn('src')
      .filter((found) => found.target !== undefined && folderOf(found.from) !== folderOf(found.target))
      .map((found) => ({ found, from: found.from.split('/')[1] ?? '', to: found.target?.split('/')[1] ?? '' }));
    expect(edges.length).toBeGreaterThan(0);
    expect(edges.filter(({ from, to }) => !DAG[from]?.includes(to)).map(({ found }) => show(found))).toEqual([]);
  });

  test('the declared DAG has no cycle and names folders that exist', () => {
    const order: string[] = [];
    for (const [folder, inner] of Object.entries(DAG)) {
      expect(
        inner.filter((name) => !order.includes(name)),
        `${folder} stands before what it imports`,
      ).toEqual([]);
      expect(
        sources.src.some((source) => folderOf(source.path) === `src/${folder}`),
        `src/${folder} is empty`,
      ).toBe(true);
      order.push(folder);
    }
  });
});
