import msgspec

from opendmm.forwarding.kernel.base_ruleset import base_ruleset
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import NodeId

ANCHOR = NodeForwardingConfig(
    node=NodeId("a"),
    locator=Locator.parse("fd00:d:2::1"),
    access_interfaces=("mn1", "mn2", "wlan*"),
    pools=(HomePrefix.parse("2001:db8:a::/48"), HomePrefix.parse("10.10.0.0/16")),
)


def rules(config: NodeForwardingConfig, overhead: int = 40) -> list[str]:
    ruleset = base_ruleset(config, overhead=overhead, arrivals=["arriving"], guard=["udp dport 1"])
    return [line for line in ruleset.splitlines() if line.startswith("add rule")]


def test_only_packets_from_access_links_are_marked_and_guarded() -> None:
    assert rules(ANCHOR) == [
        'add rule inet opendmm arrivals iifname { "mn1", "mn2" } jump access',
        'add rule inet opendmm arrivals iifname "wlan*" jump access',
        "add rule inet opendmm arrivals arriving",
        "add rule inet opendmm access udp dport 1 counter drop",
        "add rule inet opendmm access mark set 0x7302",
    ]


def test_the_source_filter_ends_in_a_drop_after_pools_and_permits() -> None:
    filtered = rules(msgspec.structs.replace(ANCHOR, source_filter=True))
    assert filtered[-1].endswith("access counter drop")
    for source in ("2001:db8:a::/48", "10.10.0.0/16", "@permitted6", "@permitted4", "fe80::/10"):
        assert any(source in rule and rule.endswith("return") for rule in filtered)


def test_sessions_are_held_to_what_fits_only_where_tunnels_leave_too_little_room() -> None:
    assert not any("maxseg" in rule for rule in rules(ANCHOR))
    tight = msgspec.structs.replace(ANCHOR, core_mtu=1500)
    clamps = [rule for rule in rules(tight) if "maxseg" in rule]
    assert len(clamps) == 8
    assert any("ipv6" in rule and "set 1400" in rule for rule in clamps)
    assert any("ipv4" in rule and "set 1420" in rule for rule in clamps)
    assert not any("maxseg" in rule for rule in rules(tight, overhead=0))


def test_the_permitted_sources_survive_a_restart() -> None:
    ruleset = base_ruleset(ANCHOR, overhead=40)
    assert "flush set" not in ruleset
    assert "delete" not in ruleset
