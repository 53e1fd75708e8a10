"""What entities must have beside them or in their network to be assembled at all."""

from collections.abc import Iterator

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.mistakes import Mistake, hosting
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity

FE = FunctionalEntity


def missing_parts(file: ConstellationFile) -> Iterator[Mistake]:
    """Entities that cannot start for want of another."""
    controllers, egresses = hosting(file, FE.FE_IEC), hosting(file, FE.FE_E)
    for name, section in file.nodes.items():
        where: Where = ("nodes", name, "entities")
        if FE.FE_MCTX in section.entities and FE.FE_MA_C not in section.entities:
            hint = "add FE_MA_C (R_XA joins the two), or take FE_MCTX away"
            yield where, f"`{name}` has FE_MCTX but no FE_MA_C to export from and import to", hint
        if FE.FE_MA_C in section.entities and not egresses:
            hint = f"add FE_E to `{name}` or to a router near it"
            yield where, f"anchor `{name}` has no FE_E in its network to receive packets", hint
        if FE.FE_I in section.entities and not controllers:
            hint = "add FE_IEC to a node: it tells FE_I what to redirect (R_IC)"
            yield where, f"FE_I of `{name}` has no FE_IEC to hear from", hint
