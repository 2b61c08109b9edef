"""The metrics: one file each, pure functions of what was said and what should have been said, 0..100."""
