"""Tokenworks: a token utility. Metered to the token, priced by tariff, guarded by credit, booked in double entry."""

__version__ = "0.1.0"
