"""`tokenworks connect`: other people's tools pointed at a gateway, in each tool's own words, and proven by one call."""
