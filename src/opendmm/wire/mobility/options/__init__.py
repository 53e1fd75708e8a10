"""Mobility options: what a Mobility Header message carries behind its fixed part."""
