"""What usage costs: rate cards and the one function that rates by them."""
