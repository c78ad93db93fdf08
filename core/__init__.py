"""Winnow's library: pick the best N rows of an instruction dataset and defend the choice."""
