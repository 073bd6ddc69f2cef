"""Which internet addresses are public: nobody's own machine, network or cloud metadata service."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052, section 2.1: an IPv4 address in the last 32 bits; what DNS64 answers on such nets."""


def is_public(address: str) -> bool:
    """Tell whether an address, as `getaddrinfo` gives it, can be reached from the whole internet.

    False for loopback, private, shared, link-local, multicast, reserved and unspecified ones (the
    IANA special-purpose registries, RFC 6890). An IPv6 address that carries an IPv4 one is judged
    by what it carries.
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and (carried := _carried(ip)) is not None:
        ip = carried
    if isinstance(ip, IPv6Address) and ip.is_site_local:  # fec0::/10, deprecated by RFC 3879
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
