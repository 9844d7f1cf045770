"""Measurements of the hub beside what it is compared with. Never imported by the hub."""
