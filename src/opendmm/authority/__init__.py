"""Authority to redirect (design §6): who may say that a prefix goes to another anchor.

A channel's authentication tells who speaks, not whether the prefix is the speaker's to move.
So every move rests on a *grant* signed by the home anchor of its prefixes, and every entity
that acts on the move checks it (`authority`). Who is the home of what, and who may be which
entity, is in the deployment's signed `registry`, never in a peer's claim.

Everything here is pure but `material`, which makes and files keys and certificates. All
signed things are CWTs (RFC 8392) in COSE_Sign1 (RFC 9052) with Ed25519; `signed` has the form.
"""
