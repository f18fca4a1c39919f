"""Counts of tokens: the vector, what each provider's figures mean, and the meter that reads them as they pass."""
