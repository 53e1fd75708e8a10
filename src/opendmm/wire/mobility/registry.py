"""Which class reads which MH Type."""

from opendmm.wire.mobility import binding
from opendmm.wire.mobility.message import MobilityMessage

MESSAGES: dict[int, type[MobilityMessage]] = {
    kind.TYPE: kind
    for kind in (
        binding.BindingRefreshRequest,
        binding.BindingUpdate,
        binding.BindingAcknowledgement,
        binding.BindingError,
    )
}
