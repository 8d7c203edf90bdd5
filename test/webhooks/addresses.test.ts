/** Where events are sent without WEBHOOK_PRIVATE_ADDRESSES: to the internet, by https, and nowhere that a name or redirect leads to. */
import { hostname } from 'node:os';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { isPublic, refusalOf } from '../../webhooks/addresses.ts';
import { sendEvent } from '../../webhooks/send.ts';
import { Receiver } from './receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver[Symbol.asyncDispose]());

test.each([
  ['this host', '0.0.0.0', '::'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['private', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ['shared by a carrier', '100.64.0.1', '100.100.100.200'],
  ['link-local, and metadata', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', '168.63.129.16'],
  ['unique local', 'fc00::1', 'fd00:ec2::254'],
  ['multicast and reserved', '224.0.0.1', '240.0.0.1', '255.255.255.255', 'ff02::1'],
  ['IPv4 in IPv6', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1', '::ffff:0:127.0.0.1'],
  ['NAT64', '64:ff9b::7f00:1', '64:ff9b:1::a00:1'],
  ['tunnels', '2002:7f00:1::', '2001:0:7f00:1::'],
  [
    'documentation and benchmarks',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '2001:db8::1',
    '3fff::1',
  ],
  ['no address', '', 'localhost', '1.2.3'],
])('%s is not public', (_, ...addresses) => {
  expect(addresses.filter(isPublic)).toEqual([]);
});

test('addresses of the internet are public', () => {
  const addresses = [
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '2a00:1450::1',
  ];
  expect(addresses.filter((address) => !isPublic(address))).toEqual([]);
});

test.each([
  'http://example.com/hook',
  'ftp://example.com/hook',
  'not a URL',
  'https://user:secret@example.com/hook',
  'https://localhost/hook',
  'https://app.localhost./hook',
  'https://127.1/hook',
  'https://0x7f000001/hook',
  'https://2130706433/hook',
  'https://017700000001/hook',
  'https://[::1]/hook',
  'https://[::ffff:10.0.0.1]/hook',
  'https://①②⑦.0.0.1/hook',
])('%s is refused', (url) => {
  expect(refusalOf(url, false)).toBeDefined();
  expect(refusalOf(url, false)).not.toContain('secret');
});

test('a URL of the internet is not refused', () => {
  expect(refusalOf('https://example.com:8443/hook?token=1', false)).toBeUndefined();
  expect(refusalOf('http://127.0.0.1:1/hook', true)).toBeUndefined();
});

const EVENT = { id: 'evt_1', body: '{}' };
const target = (url: string, allowsPrivate: boolean) => ({
  url,
  secrets: ['whsec_AAAA'],
  allowsPrivate,
});

test('a name is judged by the addresses that are connected to', async () => {
  // The computer's own name resolves to an address of its own, whatever the name says.
  const { port } = new URL(receiver.url);
  const sent = await sendEvent(EVENT, target(`https://${hostname()}:${port}/hook`, false));
  expect(sent).toEqual({ failure: 'the address is private.' });
  expect(receiver.received).toEqual([]);
});

test('a redirect is an answer, and is not followed', async () => {
  const other = await Receiver.start();
  await using _ = other;
  receiver.answer({ status: 307, headers: { location: other.url } });
  expect(await sendEvent(EVENT, target(receiver.url, true))).toMatchObject({ status: 307 });
  expect(other.received).toEqual([]);
});

test('what fails is named without a part of the URL', async () => {
  const gone = await Receiver.start();
  const { url } = gone;
  await gone[Symbol.asyncDispose]();
  const sent = await sendEvent(EVENT, target(`${url}?token=hidden`, true));
  expect(sent).toEqual({ failure: 'ECONNREFUSED' });
});
