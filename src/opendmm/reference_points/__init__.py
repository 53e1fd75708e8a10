"""The reference points of the framework as typed contracts (draft §3, Figure 1).

One module each: its messages and who may send them to whom. `catalogue` joins them.
"""
