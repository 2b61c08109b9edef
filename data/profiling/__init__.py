"""A look at a data set before anyone trains on it: what `python -m data.profile` measures and how it shows it."""
