import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  AgentKeystore,
  IdentityError,
  openNodeKeys,
  OwnAgents,
  readPrivateFile,
  SigningKey,
  writePrivateFile,
} from '../../../node/identity/index.ts';
import { openJws, verifyEd25519 } from '../../../src/kernel/index.ts';
import { temporaryFolder } from '../../support/data-folder.ts';
import { writeKeys } from '../../support/identity-desk.ts';
import { keypair } from '../../support/keypair.ts';
import { constitution, gardener, hostA, sage } from '../../support/small-village.ts';

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const code = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof IdentityError) return error.code;
    throw error;
  }
  return 'none';
};

describe('a private file', () => {
  test('is its owner’s alone, like the folder it is in', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'keys', 'a');
    writePrivateFile(path, 'secret');
    expect([mode(path), mode(join(folder, 'keys'))]).toEqual(['600', '700']);
    expect(readPrivateFile(path)).toBe('secret');
  });

  test('replaces the old one whole and leaves no draft', () => {
    const path = join(temporaryFolder(), 'a');
    writePrivateFile(path, 'long and old');
    writePrivateFile(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(join(path, '..'))).toEqual(['a']);
  });

  test('written exclusively does not replace another', () => {
    const path = join(temporaryFolder(), 'a');
    writePrivateFile(path, 'first', { exclusive: true });
    expect(code(() => writePrivateFile(path, 'second', { exclusive: true }))).toBe('KEY_EXISTS');
    expect(readFileSync(path, 'utf8')).toBe('first');
    expect(readdirSync(join(path, '..'))).toEqual(['a']);
  });

  test.each([0o640, 0o604, 0o644, 0o777])('that others may read (mode %o) is refused, and says what to do', (open) => {
    const path = join(temporaryFolder(), 'a');
    writePrivateFile(path, 'secret');
    chmodSync(path, open);
    expect(code(() => readPrivateFile(path))).toBe('KEY_EXPOSED');
    expect(() => readPrivateFile(path)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(`chmod 600 ${path}`) }),
    );
  });

  test('that is not there is undefined', () => {
    expect(readPrivateFile(join(temporaryFolder(), 'a'))).toBeUndefined();
  });
});

describe('a signing key', () => {
  // RFC 8037, appendix A.
  const rfc = {
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  };

  test('is read from a JWK, and has the thumbprint of RFC 8037', () => {
    expect(SigningKey.fromJwk(rfc)?.kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
    expect(SigningKey.fromJwk(rfc)?.exportJwk()).toEqual(rfc);
  });

  test('signs what the kernel verifies', () => {
    const key = SigningKey.generate();
    const opened = openJws(key.signJws('a+jws', { b: 1, a: [2] }), {
      typ: 'a+jws',
      key: key.publicKey,
      maxBytes: 1000,
    });
    expect(opened).toMatchObject({ kind: 'opened', payload: { a: [2], b: 1 } });
    expect(verifyEd25519(key.publicKey, Buffer.from('x'), key.sign(Buffer.from('x')))).toBe(true);
  });

  test('is new each time', () => {
    expect(SigningKey.generate().x).not.toBe(SigningKey.generate().x);
  });

  test.each([
    ['halves that do not belong together', { ...rfc, x: keypair(1).x }],
    ['no secret half', { ...rfc, d: undefined }],
    ['a short secret half', { ...rfc, d: 'AAAA' }],
    ['another curve', { ...rfc, crv: 'X25519' }],
    ['another kind', { ...rfc, kty: 'EC' }],
    ['nothing', null],
    ['text', 'key'],
  ])('is not read from a JWK with %s', (_what, jwk) => {
    expect(SigningKey.fromJwk(jwk)).toBeUndefined();
  });
});

describe('the keys of a node', () => {
  test('are made once, and are two', () => {
    const folder = temporaryFolder();
    const made = openNodeKeys(folder, { create: true });
    expect(openNodeKeys(folder, { create: false })).toMatchObject({ nodeId: made.nodeId, issuerX: made.issuerX });
    expect(Buffer.from(made.peerSeed).toString('base64url')).not.toBe(made.issuerX);
    expect([mode(join(folder, 'keys', 'node.key')), mode(join(folder, 'keys', 'issuer.jwk'))]).toEqual(['600', '600']);
  });

  test('are the ones in the folder, with libp2p’s PeerId', () => {
    const folder = temporaryFolder();
    writeKeys(folder, hostA);
    const keys = openNodeKeys(folder, { create: false });
    expect(keys.nodeId).toBe(hostA.node.peerId);
    expect(keys.signAsNode('a+jws', { b: 1, a: 2 })).toBe(hostA.node.jws('a+jws', { b: 1, a: 2 }));
    expect(keys.signAsIssuer('a+jws', { b: 1, a: 2 })).toBe(hostA.issuer.jws('a+jws', { b: 1, a: 2 }));
  });

  test('are not made where they are expected, nor over a broken file', () => {
    const folder = temporaryFolder();
    expect(code(() => openNodeKeys(folder, { create: false }))).toBe('KEY_MISSING');
    writePrivateFile(join(folder, 'keys', 'node.key'), 'half a k');
    expect(code(() => openNodeKeys(folder, { create: true }))).toBe('KEY_MALFORMED');
    expect(readFileSync(join(folder, 'keys', 'node.key'), 'utf8')).toBe('half a k');
  });

  test('never stand in an error', () => {
    const folder = temporaryFolder();
    writePrivateFile(join(folder, 'keys', 'node.key'), '{"kty":"OKP","d":"SECRET"');
    expect(() => openNodeKeys(folder, { create: true })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('SECRET') }),
    );
    expect(() => openNodeKeys(folder, { create: true })).toThrow(
      expect.not.objectContaining({ cause: expect.anything() }),
    );
  });
});

describe('the keys of agents', () => {
  const withSage = () => {
    const folder = temporaryFolder();
    writeKeys(folder, hostA, { sage });
    return { folder, keystore: new AgentKeystore(folder) };
  };

  test('are made for those who have none', () => {
    const { folder, keystore } = withSage();
    const made = keystore.create(['sage', 'gardener']);
    expect(made['sage']).toBe(sage.x);
    expect(keystore.list()).toEqual(['gardener', 'sage']);
    expect(new AgentKeystore(folder).publicKey('gardener')).toBe(made['gardener']);
    expect(mode(join(folder, 'keys', 'agents', 'gardener.jwk'))).toBe('600');
  });

  test('sign for their agent alone', () => {
    const { keystore } = withSage();
    const statement = { typ: 'a+jws', payload: { a: 1 } };
    expect(keystore.signAs('sage', statement)).toBe(sage.jws('a+jws', { a: 1 }));
    expect(keystore.signAs('gardener', statement)).toBeUndefined();
  });

  test.each(['../../keys/node', '..', '', 'a/b', 'a\\b', 'Sage', 'sage.jwk', 'sage\0'])(
    'are not found or made by the name %j',
    (name) => {
      const { folder, keystore } = withSage();
      expect(keystore.has(name)).toBe(false);
      expect(keystore.signAs(name, { typ: 'a', payload: {} })).toBeUndefined();
      expect(code(() => keystore.create([name]))).toBe('AGENT_NAME');
      expect(code(() => keystore.move(name))).toBe('AGENT_NAME');
      expect(existsSync(join(folder, 'keys', 'node.jwk'))).toBe(false);
    },
  );

  test('that others may read are refused', () => {
    const { folder, keystore } = withSage();
    chmodSync(join(folder, 'keys', 'agents', 'sage.jwk'), 0o644);
    expect(code(() => keystore.publicKey('sage'))).toBe('KEY_EXPOSED');
  });

  test('may be copied to another node', () => {
    const { keystore } = withSage();
    const other = new AgentKeystore(temporaryFolder());
    expect(other.import({ ...keystore.copy('sage') }, constitution.agents)).toBe('sage');
    expect(other.publicKey('sage')).toBe(sage.x);
    expect(keystore.has('sage')).toBe(true);
    expect(other.import(keystore.copy('sage'), constitution.agents)).toBe('sage');
    expect(code(() => keystore.copy('gardener'))).toBe('KEY_MISSING');
  });

  test('that move are out of use at once, and gone when the move is over', () => {
    const { folder, keystore } = withSage();
    const move = keystore.move('sage');
    expect(move.jwk.x).toBe(sage.x);
    expect([keystore.has('sage'), keystore.publicKey('sage')]).toEqual([false, undefined]);
    move.finish();
    const left = readdirSync(join(folder, 'keys', 'agents'));
    expect(left).toEqual(['sage.jwk.moved']);
    expect(readFileSync(join(folder, 'keys', 'agents', 'sage.jwk.moved'), 'utf8')).not.toContain(sage.d);
    expect(code(() => keystore.move('sage'))).toBe('KEY_MISSING');
  });

  test('whose move broke off can be moved again', () => {
    const { folder, keystore } = withSage();
    keystore.move('sage');
    expect(new AgentKeystore(folder).move('sage').jwk.d).toBe(sage.d);
  });

  test('of strangers, or no keys at all, are not taken in', () => {
    const keystore = new AgentKeystore(temporaryFolder());
    const { x, d } = keypair(99);
    expect(code(() => keystore.import({ kty: 'OKP', crv: 'Ed25519', x, d }, constitution.agents))).toBe('KEY_UNKNOWN');
    expect(code(() => keystore.import({ kty: 'OKP', crv: 'Ed25519', x: gardener.x, d }, constitution.agents))).toBe(
      'KEY_MALFORMED',
    );
    expect(code(() => keystore.import('sage', constitution.agents))).toBe('KEY_MALFORMED');
    expect(keystore.list()).toEqual([]);
  });
});

describe('a node’s own agents', () => {
  test('begin with local', () => {
    expect(new OwnAgents(temporaryFolder()).list()).toEqual([
      ['local', { level: 'OPERATOR', role: 'Agent of this node' }],
    ]);
  });

  test('are kept', () => {
    const folder = temporaryFolder();
    const agents = new OwnAgents(folder);
    agents.add('reader', { level: 'READ_ONLY', cap: 'OPERATOR' });
    agents.add('reader', { level: 'READ_ONLY', cap: 'OPERATOR' });
    expect(new OwnAgents(folder).list().map(([name]) => name)).toEqual(['local', 'reader']);
    expect(new OwnAgents(folder).get('reader')?.level).toBe('READ_ONLY');
  });

  test('added elsewhere are seen and kept', () => {
    const folder = temporaryFolder();
    const [here, there] = [new OwnAgents(folder), new OwnAgents(folder)];
    there.add('reader', { level: 'READ_ONLY', cap: 'OPERATOR' });
    here.add('writer', { level: 'OPERATOR', cap: 'OPERATOR' });
    there.reload();
    expect(there.list().map(([name]) => name)).toEqual(['local', 'reader', 'writer']);
  });

  test.each([
    ['LEVEL_TOO_HIGH', 'boss', 'COORDINATOR'],
    ['AGENT_EXISTS', 'local', 'READ_ONLY'],
    ['AGENT_NAME', '../x', 'OPERATOR'],
    ['AGENT_NAME', 'x@y', 'OPERATOR'],
  ] as const)('are refused with %s: %s, %s', (expected, name, level) => {
    expect(code(() => new OwnAgents(temporaryFolder()).add(name, { level, cap: 'OPERATOR' }))).toBe(expected);
  });

  test.each([
    '',
    '{',
    '[]',
    '{"format":2,"agents":{}}',
    '{"format":1,"agents":{"../x":{"level":"OPERATOR","role":"x"}}}',
    '{"format":1,"agents":{"x":{"level":"ROOT","role":"x"}}}',
  ])('in a file with %j are refused', (content) => {
    const folder = temporaryFolder();
    writePrivateFile(join(folder, 'village', 'agents.json'), content);
    expect(code(() => new OwnAgents(folder))).toBe('AGENTS_MALFORMED');
  });

  test('cannot be made by writing over the file as another user would', () => {
    const folder = temporaryFolder();
    writePrivateFile(join(folder, 'village', 'agents.json'), '{}');
    writeFileSync(join(folder, 'village', 'agents.json'), '{"format":1,"agents":{}}');
    chmodSync(join(folder, 'village', 'agents.json'), 0o666);
    expect(code(() => new OwnAgents(folder))).toBe('KEY_EXPOSED');
  });
});
