"""What an FE_MCTX has requests under way for: the first part of an exchange's name."""

CLAIM = "claim"
CONTINUITY = "continuity"
LOCATION = "location"
LOOKUP = "lookup"
ANCHOR_CHANGED = "anchor changed"
COMPLETE = "complete"
GONE = "gone"
