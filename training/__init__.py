"""Models out of prepared data: training, tracking, export. The contract with serving is the bundle on disk."""
