"""Which class reads which option type."""

from opendmm.wire.mobility.options import base_protocol, distributed, identification, proxy
from opendmm.wire.mobility.options.base import MobilityOption

OPTIONS: dict[int, type[MobilityOption]] = {
    kind.TYPE: kind
    for kind in (
        base_protocol.BindingRefreshAdviceOption,
        base_protocol.AlternateCareOfAddressOption,
        base_protocol.NonceIndicesOption,
        base_protocol.BindingAuthorizationDataOption,
        identification.MobileNodeIdentifierOption,
        identification.MessageAuthenticationOption,
        identification.MessageReplayProtectionOption,
        identification.VendorSpecificOption,
        identification.ServiceSelectionOption,
        proxy.HomeNetworkPrefixOption,
        proxy.HandoffIndicatorOption,
        proxy.AccessTechnologyTypeOption,
        proxy.LinkLayerIdentifierOption,
        proxy.LinkLocalAddressOption,
        proxy.TimestampOption,
        proxy.RestartCounterOption,
        distributed.AnchoredPrefixOption,
        distributed.LocalPrefixOption,
        distributed.PreviousMaarOption,
        distributed.ServingMaarOption,
        distributed.DlifLinkLocalAddressOption,
        distributed.DlifLinkLayerAddressOption,
    )
}
