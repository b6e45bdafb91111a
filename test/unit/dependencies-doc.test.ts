import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

interface LockedPackage extends Manifest {
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly hasInstallScript?: boolean;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

describe('the page of dependencies', () => {
  const page = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([^`]+)` (\S+) \| ([^|]+) \| ([^|]+) \|/gm)].map(
    ([, name = '', version, , licence]) => ({ name, version, licence }),
  );
  const ours = readJson('package.json') as Manifest;
  const locked = (readJson('package-lock.json') as { packages: Readonly<Record<string, LockedPackage>> }).packages;
  const installed = Object.entries(locked)
    .filter(([path, { dev, peer }]) => path !== '' && dev !== true && peer !== true)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));

  it('names all that is installed with the package and what may be, and nothing else', () => {
    const optional = Object.keys(ours.peerDependencies ?? {});
    expect(rows.map(({ name }) => name).sort()).to.deep.equal([...installed, ...optional].sort());
    expect(optional.every((name) => ours.peerDependenciesMeta?.[name]?.optional)).to.equal(true);
  });

  for (const { name, version, licence } of rows) {
    it(`has the version and the licence of ${name}`, () => {
      const manifest = readJson(`node_modules/${name}/package.json`) as Manifest;
      expect({ version, licence }).to.deep.equal({ version: manifest.version, licence: manifest.license });
    });
  }

  it('is right that versions are pinned, and that nothing is run at installation', () => {
    for (const version of Object.values(ours.dependencies ?? {})) expect(version).to.match(/^\d+\.\d+\.\d+$/);
    for (const name of installed) {
      expect(locked[`node_modules/${name}`]?.hasInstallScript, name).to.equal(undefined);
    }
  });
});
