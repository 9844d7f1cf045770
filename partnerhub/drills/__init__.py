"""Fault drills: a hub of its own is put under load, broken in one way, let go, and audited. See docs/drills.md."""
