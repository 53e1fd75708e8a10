"""What Wireshark's dissector makes of everything we encode.

One capture, one run of tshark. No packet may be malformed and every field it knows must have our
value. What tshark 4.0 does not know, or gets wrong, is listed by name with what it does instead:
where a newer one does better, the test says that the list is out of date.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wire_messages import HOME, LMA, MAG, MESSAGES, OPTIONS, VARIANTS, carrying

from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.home_address import encode_home_address
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    MOBILITY_HEADER,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.routing_header import encode_routing_header

TSHARK = shutil.which("tshark")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 229)
ERROR = "8388608"
WARNING = "6291456"
DESTINATION_OPTIONS = 60
ROUTING = 43

Fields = list[tuple[str, str]]

#: What tshark shows of each message, by class.
MESSAGE_FIELDS: dict[str, dict[str, str]] = {
    "BindingRefreshRequest": {"mip6.mhtype": "0"},
    "HomeTestInit": {"mip6.mhtype": "1", "mip6.hoti.cookie": "0x0102030405060708"},
    "CareOfTestInit": {"mip6.mhtype": "2", "mip6.coti.cookie": "0x0102030405060708"},
    "HomeTest": {
        "mip6.mhtype": "3",
        "mip6.hot.nindex": "13",
        "mip6.hot.cookie": "0x0102030405060708",
        "mip6.hot.token": "0x090a0b0c0d0e0f10",
    },
    "CareOfTest": {
        "mip6.mhtype": "4",
        "mip6.cot.nindex": "13",
        "mip6.cot.cookie": "0x0102030405060708",
        "mip6.hot.token": "0x090a0b0c0d0e0f10",
    },
    "BindingUpdate": {
        "mip6.mhtype": "5",
        "mip6.bu.seqnr": "4660",
        "mip6.bu.a_flag": "1",
        "mip6.bu.h_flag": "0",
        "mip6.bu.p_flag": "1",
        "mip6.bu.lifetime": "75",
    },
    "BindingAcknowledgement": {
        "mip6.mhtype": "6",
        "mip6.ba.status": "156",
        "mip6.ba.k_flag": "0",
        "mip6.ba.p_flag": "1",
        "mip6.ba.seqnr": "4660",
        "mip6.ba.lifetime": "75",
    },
    "BindingError": {
        "mip6.mhtype": "7",
        "mip6.be.status": "2",
        "mip6.be.haddr": "2001:db8:cafe::42",
    },
    "FastBindingUpdate": {
        "mip6.mhtype": "8",
        "mip6.fbu.seqnr": "4660",
        "mip6.fbu.a_flag": "1",
        "mip6.fbu.h_flag": "1",
        "mip6.fbu.l_flag": "0",
        "mip6.fbu.lifetime": "60",
    },
    "FastBindingAcknowledgment": {
        "mip6.mhtype": "9",
        "mip6.fback.status": "0",
        "mip6.fback.k_flag": "1",
        "mip6.fback.seqnr": "4660",
        "mip6.fback.lifetime": "60",
    },
    "HomeAgentSwitch": {
        "mip6.mhtype": "12",
        "mip6.has.num_addrs": "2",
        "mip6.has.address": "2001:db8:b::1",
    },
    "Heartbeat": {
        "mip6.mhtype": "13",
        "mip6.hb.u_flag": "0",
        "mip6.hb.r_flag": "1",
        "mip6.hb.seqnr": "305419896",
    },
    "HandoverInitiate": {
        "mip6.mhtype": "14",
        "mip6.hi.seqnr": "4660",
        "mip6.hi.s_flag": "0",
        "mip6.hi.u_flag": "1",
        "mip6.hi.code": "3",
    },
    "HandoverAcknowledge": {
        "mip6.mhtype": "15",
        "mip6.hack.seqnr": "4660",
        "mip6.hack.code": "5",
    },
    "BindingRevocationIndication": {
        "mip6.mhtype": "16",
        "mip6.bri_br.type": "1",
        "mip6.bri_r.trigger": "1",
        "mip6.bri_seqnr": "4660",
        "mip6.bri_ip": "1",
        "mip6.bri_iv": "0",
        "mip6.bri_ig": "1",
    },
    "BindingRevocationAcknowledgement": {
        "mip6.mhtype": "16",
        "mip6.bri_br.type": "2",
        "mip6.bri_status": "128",
        "mip6.bri_seqnr": "4660",
        "mip6.bri_ap": "1",
        "mip6.bri_av": "0",
        "mip6.bri_ag": "0",
    },
    "LocalizedRoutingInitiation": {"mip6.mhtype": "17"},
    "LocalizedRoutingAcknowledgment": {"mip6.mhtype": "18"},
    "UpdateNotification": {
        "mip6.mhtype": "19",
        "mip6.unknown_type_data": "12:34:00:01:80:00:01:02:00:00",
    },
    "UpdateNotificationAcknowledgement": {
        "mip6.mhtype": "20",
        "mip6.unknown_type_data": "12:34:80:00:00:00:01:02:00:00",
    },
    "SubscriptionQuery": {"mip6.mhtype": "22", "mip6.unknown_type_data": "12:00"},
    "SubscriptionResponse": {"mip6.mhtype": "23", "mip6.unknown_type_data": "12:80"},
}

#: What tshark shows of each option, by class; those it knows.
OPTION_FIELDS: dict[str, dict[str, str]] = {
    "BindingRefreshAdviceOption": {"mip6.bra.interval": "70"},
    "AlternateCareOfAddressOption": {"mip6.acoa.acoa": "2001:db8:a::2"},
    "NonceIndicesOption": {"mip6.ni.hni": "1234", "mip6.ni.cni": "5678"},
    "BindingAuthorizationDataOption": {"mip6.bad.auth": "00:01:02:03:04:05:06:07:08:09:0a:0b"},
    "MobileNetworkPrefixOption": {
        "mip6.nemo.mnp.pfl": "36",
        "mip6.nemo.mnp.mnp": "2001:db8:1000::",
    },
    "LinkLayerAddressOption": {"mip6.lla.optcode": "2", "mip6.lla": "00:00:5e:00:52:13"},
    "MobileNodeIdentifierOption": {
        "mip6.mnid.subtype": "1",
        "mip6.mnid.identifier": "mn1@example.org",
    },
    "MessageAuthenticationOption": {
        "mip6.auth.subtype": "1",
        "mip6.auth.mobility_spi": "16909060",
    },
    "MessageReplayProtectionOption": {
        "mip6.options.mseg_id": "0a:08:e5:a1:00:00:80:00:00:00",
    },
    "VendorSpecificOption": {"mip6.vsm.vendorId": "8164", "mip6.vsm.subtype": "3"},
    "ServiceSelectionOption": {"mip6.ss.identifier": "ims"},
    "FastBindingAuthorizationDataOption": {"mip6.badff.spi": "7"},
    "HomeNetworkPrefixOption": {
        "mip6.nemo.mnp.pfl": "64",
        "mip6.nemo.mnp.mnp": "2001:db8:cafe::",
    },
    "HandoffIndicatorOption": {"mip6.hi": "3"},
    "AccessTechnologyTypeOption": {"mip6.att": "4"},
    "LinkLayerIdentifierOption": {"mip6.mnlli.lli": "00:00:5e:00:52:13"},
    "LinkLocalAddressOption": {"mip6.lila_lla": "fe80::200:5eff:fe00:5213"},
    "TimestampOption": {"mip6.timestamp_tmp": "Nov 14, 2023 22:13:20.500000000 UTC"},
    "RestartCounterOption": {"mip6.rc": "3"},
    "Ipv4HomeAddressOption": {
        "mip6.ipv4ha.preflen": "24",
        "mip6.ipv4ha.p_flag": "1",
        "mip6.ipv4ha.ha": "192.0.2.1",
    },
    "Ipv4AddressAcknowledgementOption": {
        "mip6.ipv4aa.sts": "0",
        "mip6.ipv4ha.preflen": "24",
        "mip6.ipv4ha.ha": "192.0.2.1",
    },
    "NatDetectionOption": {"mip6.natd.f_flag": "1", "mip6.natd.refresh_t": "110"},
    "Ipv4CareOfAddressOption": {"mip6.ipv4coa.addr": "192.0.2.1"},
    "GreKeyOption": {"mip6.gre_key": "3735928559"},
    "AddressPrefixOption": {
        "mip6.mhipv6ap.opt_code": "2",
        "mip6.mhipv6ap.len": "128",
        "mip6.mhipv6ap.ipv6_address": "2001:db8:a::2",
    },
    "Ipv4HomeAddressRequestOption": {
        "mip6.ipv4ha.preflen": "24",
        "mip6.ipv4ha.ha": "192.0.2.1",
    },
    "Ipv4HomeAddressReplyOption": {
        "mip6.ipv4aa.sts": "131",
        "mip6.ipv4ha.preflen": "24",
        "mip6.ipv4ha.ha": "192.0.2.1",
    },
    "Ipv4DefaultRouterAddressOption": {"mip6.ipv4dra.dra": "192.0.2.1"},
    "Ipv4DhcpSupportModeOption": {"mip6.ipv4dsm.s_flag": "1"},
    "ContextRequestOption": {
        "mip6.cr.req_type": "22",
        "mip6.vsm.vendorId": "8164",
        "mip6.vsm.subtype": "3",
    },
    "LocalMobilityAnchorAddressOption": {
        "mip6.lmaa.opt_code": "1",
        "mip6.lmaa.ipv6": "2001:db8:b::1",
    },
    "RedirectCapabilityOption": {"mip6.recap.reserved": "0x0000"},
    "RedirectOption": {
        "mip6.redir.k": "1",
        "mip6.redir.n": "0",
        "mip6.redir.addr_r2lma_ipv6": "2001:db8:b::1",
    },
    "LoadInformationOption": {
        "mip6.load_inf.priority": "1",
        "mip6.load_inf.sessions_in_use": "200",
        "mip6.load_inf.maximum_sessions": "1000",
        "mip6.load_inf.used_capacity": "30000",
        "mip6.load_inf.maximum_capacity": "40000",
    },
    "AlternateIpv4CareOfAddressOption": {"mip6.alt_ip4": "192.0.2.1"},
    "MobileNodeGroupIdentifierOption": {"mip6.mng.sub_type": "1", "mip6.mng.mng_id": "9"},
    "MagIpv6AddressOption": {
        "mip6.mag_ipv6.address_length": "128",
        "mip6.mag_ipv6.address": "2001:db8:a::2",
    },
    "AccessNetworkIdentifierOption": {
        "mip6.acc_net_id.ani": "1",
        "mip6.acc_net_id.e_bit": "1",
        "mip6.acc_net_id.net_name": "ssid",
        "mip6.acc_net_id.ap_name": "ap",
    },
    "DelegatedMobileNetworkPrefixOption": {
        "mip6.dmnp.v_flag": "0",
        "mip6.dmnp.prefix_len": "36",
        "mip6.dmnp.dmnp_ipv6": "2001:db8:1000::",
    },
}

#: The same of second forms of some of them.
VARIANT_FIELDS: dict[str, dict[str, str]] = {
    "GreKeyOption": {"mip6.options.grek": "21:02:00:00"},
    "LocalMobilityAnchorAddressOption": {
        "mip6.lmaa.opt_code": "2",
        "mip6.lmaa.ipv4": "192.0.2.1",
    },
    "RedirectOption": {
        "mip6.redir.k": "0",
        "mip6.redir.n": "1",
        "mip6.redir.addr_r2lma_ipv4": "192.0.2.1",
    },
    "DelegatedMobileNetworkPrefixOption": {
        "mip6.dmnp.v_flag": "1",
        "mip6.dmnp.prefix_len": "24",
        "mip6.dmnp.dmnp_ipv4": "198.51.100.0",
    },
    "LinkLayerIdentifierOption": {"mip6.mnlli.lli": "00:01:02:03:04:05:06:07"},
}

#: Options that tshark has no dissector for: it says so and shows their number.
UNDISSECTED = {
    "LinkLocalInterfaceIdentifierOption",
    "Ipv4TrafficOffloadSelectorOption",
    "DynamicIpMulticastSelectorOption",
    "ActiveMulticastSubscriptionIpv4Option",
    "ActiveMulticastSubscriptionIpv6Option",
    "QualityOfServiceOption",
    "MulticastMobilityOption",
    "MulticastAcknowledgementOption",
    "LmaControlledMagParametersOption",
    "AnchoredPrefixOption",
    "LocalPrefixOption",
    "PreviousMaarOption",
    "ServingMaarOption",
    "DlifLinkLocalAddressOption",
    "DlifLinkLayerAddressOption",
    "UnknownOption",
}

#: What tshark complains of although the RFC is on our side.
WRONG_COMPLAINTS = {
    # It goes on with options before the end of the list of addresses (RFC 5142 §4).
    "HomeAgentSwitch",
    # It reads them from the start of the header instead of the start of the message data.
    "LocalizedRoutingInitiation",
    "LocalizedRoutingAcknowledgment",
    # It wants a Length of 16 where RFC 6705 §11.1 has 18, and then shows the right address.
    "MagIpv6AddressOption",
    # It counts their Length in octets, not in words (RFC 7411 §5.3), and loses its place.
    "MulticastMobilityOption",
}

ALL_UPDATE_FLAGS = BindingUpdate(1, BindingUpdateFlags(sum(BindingUpdateFlags)), 1)
ALL_ACKNOWLEDGEMENT_FLAGS = BindingAcknowledgement(
    BindingStatus.ACCEPTED,
    BindingAcknowledgementFlags(sum(BindingAcknowledgementFlags)),
    1,
    1,
)
STATUSES = [
    BindingAcknowledgement(status, BindingAcknowledgementFlags.P, 1, 0) for status in BindingStatus
]


def ipv6(next_header: int, payload: bytes) -> bytes:
    head = struct.pack("!IHBB", 0x6000_0000, len(payload), next_header, 64)
    return head + MAG.packed + LMA.packed + payload


def packet(message: MobilityMessage) -> bytes:
    return ipv6(MOBILITY_HEADER, encode(message, MAG, LMA))


def behind_home_address() -> bytes:
    header = encode_home_address(MOBILITY_HEADER, HOME)
    return ipv6(DESTINATION_OPTIONS, header + encode(ALL_UPDATE_FLAGS, HOME, LMA))


def behind_routing_header() -> bytes:
    header = encode_routing_header(MOBILITY_HEADER, HOME)
    return ipv6(ROUTING, header + encode(ALL_ACKNOWLEDGEMENT_FLAGS, MAG, HOME))


def flattened(tree: Any) -> Iterator[tuple[str, str]]:
    """Fields of nested objects, which may have the same name more than once."""
    for name, value in tree:
        if isinstance(value, list):
            yield from flattened(value)
        else:
            yield name, value


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> list[Fields]:
    """The fields of each packet, in the order of `packets`."""
    if TSHARK is None:
        pytest.skip("tshark is not installed")
    capture = tmp_path_factory.mktemp("tshark") / "mobility.pcap"
    write_capture(capture)
    run = subprocess.run(
        [TSHARK, "-r", str(capture), "-T", "json"], capture_output=True, check=True
    )
    frames = json.loads(run.stdout, object_pairs_hook=list)
    return [list(flattened(frame)) for frame in frames]


PACKETS = {
    **{type(message).__name__: packet(message) for message in MESSAGES},
    **{type(option).__name__: packet(carrying(option)) for option in OPTIONS},
    **{f"{type(option).__name__}/2": packet(carrying(option)) for option in VARIANTS},
    **{f"status {message.status:d}": packet(message) for message in STATUSES},
    "update flags": packet(ALL_UPDATE_FLAGS),
    "acknowledgement flags": packet(ALL_ACKNOWLEDGEMENT_FLAGS),
    "home address": behind_home_address(),
    "routing header": behind_routing_header(),
}
ORDER = {name: index for index, name in enumerate(PACKETS)}


def write_capture(path: Path) -> None:
    records = [struct.pack("<IIII", 0, 0, len(octets), len(octets)) for octets in PACKETS.values()]
    path.write_bytes(PCAP_HEADER + b"".join(map(bytes.__add__, records, PACKETS.values())))


def complaints(fields: Fields) -> list[str]:
    """What tshark finds wrong, which is more than that it has no dissector for an option."""
    names = [name for name, _ in fields]
    severe = [value for name, value in fields if name == "_ws.expert.severity"]
    found = [name for name in names if name == "_ws.malformed"]
    return found + [severity for severity in severe if severity in (ERROR, WARNING)]


@pytest.mark.parametrize("name", list(PACKETS))
def test_a_packet_is_not_malformed(name: str, dissected: list[Fields]) -> None:
    known = name.partition("/")[0] in WRONG_COMPLAINTS
    assert bool(complaints(dissected[ORDER[name]])) == known


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *MESSAGE_FIELDS.items(),
        *OPTION_FIELDS.items(),
        *((f"{name}/2", expected) for name, expected in VARIANT_FIELDS.items()),
    ],
    ids=str,
)
def test_fields_have_the_values_we_gave_them(
    name: str, expected: dict[str, str], dissected: list[Fields]
) -> None:
    assert set(expected.items()) <= set(dissected[ORDER[name]])


@pytest.mark.parametrize("option", [*OPTIONS, *VARIANTS], ids=lambda option: type(option).__name__)
def test_an_option_is_dissected_unless_it_is_known_not_to_be(
    option: Any, dissected: list[Fields]
) -> None:
    name = type(option).__name__
    fields = dissected[ORDER[f"{name}/2" if option in VARIANTS else name]]
    shown = [value for field, value in fields if field == "mip6.mobility_opt"]
    assert (str(option.number) in shown) == (name in UNDISSECTED)


@pytest.mark.parametrize("status", BindingStatus, ids=lambda status: status.name)
def test_a_status_has_the_number_we_gave_it(status: BindingStatus, dissected: list[Fields]) -> None:
    fields = dissected[ORDER[f"status {status:d}"]]
    assert ("mip6.ba.status", str(int(status))) in fields


def test_all_flags_tshark_knows_are_set(dissected: list[Fields]) -> None:
    """It knows neither S (RFC 7161) nor D (RFC 8885)."""
    update = [
        *(f"mip6.bu.{flag}_flag" for flag in "ahlkmpftb"),
        "mip6.nemo.bu.r_flag",
    ]
    acknowledgement = [*(f"mip6.ba.{flag}_flag" for flag in "kptb"), "mip6.nemo.ba.r_flag"]
    assert {(flag, "1") for flag in update} <= set(dissected[ORDER["update flags"]])
    assert {(flag, "1") for flag in acknowledgement} <= set(
        dissected[ORDER["acknowledgement flags"]]
    )


def test_the_extension_headers_are_dissected(dissected: list[Fields]) -> None:
    home = str(HOME)
    assert ("ipv6.opt.mipv6.home_address", home) in dissected[ORDER["home address"]]
    assert ("ipv6.routing.mipv6.home_address", home) in dissected[ORDER["routing header"]]
