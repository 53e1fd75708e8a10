"""Host routes by iBGP: what of R_IC and R_II becomes announcements (draft A.4), as declared.

No code of ours speaks BGP: FE_IEC asks forwarding to announce (`opendmm.entities.fe_iec`), the
driver puts routes into a kernel table, and BIRD beside the node takes them from there
(`opendmm.routers`).
"""
