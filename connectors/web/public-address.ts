import ipaddr from 'ipaddr.js';

const PUBLIC_V6 = ipaddr.IPv6.parse('2000::');
const PUBLIC_V6_BITS = 3;
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const NAT64_BITS = 96;

/**
 * Whether an IP address belongs to the public internet: not to a machine, a link, a private or carrier's network, a group
 * or a reserved range. Forms of IPv6 that carry an IPv4 address count as that one. False for what is no IP address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv4') return parsed.range() === 'unicast';
  const v6 = parsed as ipaddr.IPv6;
  if (v6.isIPv4MappedAddress()) return v6.toIPv4Address().range() === 'unicast';
  if (v6.match(NAT64, NAT64_BITS)) return new ipaddr.IPv4(v6.toByteArray().slice(12)).range() === 'unicast';
  return v6.match(PUBLIC_V6, PUBLIC_V6_BITS) && v6.range() === 'unicast';
}
