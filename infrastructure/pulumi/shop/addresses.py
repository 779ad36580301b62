"""Who has which addresses. Pure, so that it can be checked without a network."""

from __future__ import annotations

import dataclasses
import ipaddress


@dataclasses.dataclass(frozen=True)
class Plan:
    """Of a /16: a /19 per zone for nodes and pods (each pod has an address of its own: 8,187 a zone), a /24 per zone in a /22 for what is
    public, and the same for what keeps data. The rest, 10.x.104.0 and up, is left for later."""

    network: str
    private: tuple[str, ...]
    public_block: str
    public: tuple[str, ...]
    database_block: str
    database: tuple[str, ...]

    @staticmethod
    def of(cidr: str, zones: int) -> Plan:
        """At most three zones fit."""
        network = ipaddress.IPv4Network(cidr)
        halves = list(network.subnets(new_prefix=19))
        blocks = list(halves[3].subnets(new_prefix=22))

        def first(block: ipaddress.IPv4Network) -> tuple[str, ...]:
            return tuple(str(subnet) for subnet in list(block.subnets(new_prefix=24))[:zones])

        return Plan(
            network=str(network), private=tuple(str(subnet) for subnet in halves[:zones]),
            public_block=str(blocks[0]), public=first(blocks[0]), database_block=str(blocks[1]), database=first(blocks[1]),
        )
