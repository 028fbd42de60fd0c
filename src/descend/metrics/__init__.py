"""A catalog: one file per metric, with KINDS, HIGHER_IS_BETTER and compute(predictions)."""
