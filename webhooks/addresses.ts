/**
 * Where events may be sent. A name is judged by the addresses that are connected to, so a name that leads elsewhere at its next
 * look-up gains nothing.
 */
import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BlockList, isIP } from 'node:net';

/** IANA's special-purpose registries, multicast, and the address at which Azure serves the metadata of its computers. */
const SPECIAL = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
  192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32
  2001::/23 2001:db8::/32 2002::/16 3fff::/20`;
/** Everything else is no address of the internet: IPv4-mapped, NAT64, unique local, link-local and multicast ones. */
const GLOBAL_UNICAST = '2000::/3';

const special = listOf(SPECIAL);
const global = listOf(GLOBAL_UNICAST);

function listOf(subnets: string): BlockList {
  const list = new BlockList();
  for (const subnet of subnets.trim().split(/\s+/)) {
    const [net, bits] = subnet.split('/') as [string, string];
    list.addSubnet(net, Number(bits), familyOf(net));
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

export function isPublic(address: string): boolean {
  const family = familyOf(address);
  if (isIP(address) === 0 || special.check(address, family)) return false;
  return family === 'ipv4' || global.check(address, family);
}

/** Why no event is sent to this URL, as far as it can be said without a look-up. */
export function refusalOf(url: string, allowsPrivate: boolean): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const protocols = allowsPrivate ? ['https:', 'http:'] : ['https:'];
  if (parsed === undefined || !protocols.includes(parsed.protocol)) {
    return `expected an ${allowsPrivate ? 'http or https' : 'https'} URL.`;
  }
  if (parsed.username + parsed.password !== '') return 'a URL with a user or password is refused.';
  // The parser has written every form of an address in its plain form.
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const isLocal = isIP(host) === 0 ? /(^|\.)localhost\.?$/.test(host) : !isPublic(host);
  return isLocal && !allowsPrivate ? PRIVATE : undefined;
}

const PRIVATE = 'the address is private.';

/** For a connection: the public addresses of a name. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...(options as LookupOptions), all: true }, (error, found) => {
    if (error !== null) return callback(error, '');
    const usable = found.filter(({ address }: LookupAddress) => isPublic(address));
    const [first] = usable;
    if (first === undefined) return callback(new PrivateAddressError(), '');
    if (options.all === true) callback(null, usable);
    else callback(null, first.address, first.family);
  });
};

class PrivateAddressError extends Error {
  override name = 'PrivateAddressError';
  readonly code = 'PRIVATE_ADDRESS';
  constructor() {
    super(PRIVATE);
  }
}
