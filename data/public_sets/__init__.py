"""Public data sets: where they lie, which licence they have, and how they become prepared data sets."""
