"""Judges what ships: quality, latency and parity of the bundles in service, with intervals, a report and gates."""
