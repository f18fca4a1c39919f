"""The command line: `tokenworks`, `tw` for short. Thin: everything goes through the REST API."""
