"""What happened, in one form for laboratory and simulation: trace, report, rendering.

Every runtime leaves a trace (`trace`); the report (`report`) is made from it and from what
the probes saw; expectations are judged on the report alone; `render` shows it to a person.
"""
