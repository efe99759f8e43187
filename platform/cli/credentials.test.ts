import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialsPath, keyFor, readCredentials, saveKey } from './credentials.ts';

let environment: Record<string, string>;

beforeEach(() => {
  environment = { XDG_CONFIG_HOME: mkdtempSync(join(tmpdir(), 'tuneloop-credentials-')) };
});

afterEach(() => rmSync(environment.XDG_CONFIG_HOME!, { recursive: true }));

describe('the credentials file', () => {
  it('holds nothing at first', () => {
    expect(readCredentials(environment)).toEqual({ current: null, keys: {} });
  });

  it('keeps a key for each address, and which was used last', () => {
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-one');
    saveKey(environment, 'http://127.0.0.1:9000', 'sk-tl-two');
    expect(readCredentials(environment)).toEqual({
      current: 'http://127.0.0.1:9000',
      keys: { 'http://127.0.0.1:8080': 'sk-tl-one', 'http://127.0.0.1:9000': 'sk-tl-two' },
    });
  });

  it('knows a platform of this machine by its data folder when its address has changed', () => {
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-one', '/srv/data');
    const credentials = readCredentials(environment);
    expect(keyFor(credentials, 'http://127.0.0.1:9000', '/srv/data')).toBe('sk-tl-one');
    expect(keyFor(credentials, 'http://127.0.0.1:9000', '/srv/other')).toBeNull();
    expect(keyFor(credentials, 'http://127.0.0.1:9000', null)).toBeNull();
  });

  it('can be read by its owner only, and leaves nothing half written behind', () => {
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-one');
    const path = credentialsPath(environment);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(path))).toEqual(['credentials.json']);
  });

  it('is closed again when others could read it', () => {
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-one');
    writeFileSync(credentialsPath(environment), '{"current":null,"keys":{}}', { mode: 0o644 });
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-two');
    expect(statSync(credentialsPath(environment)).mode & 0o777).toBe(0o600);
  });

  it('says what to do when it is no JSON', () => {
    saveKey(environment, 'http://127.0.0.1:8080', 'sk-tl-one');
    writeFileSync(credentialsPath(environment), 'nonsense');
    expect(() => readCredentials(environment)).toThrow('is not valid JSON');
  });
});
