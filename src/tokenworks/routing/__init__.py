"""Which deployment serves a request, with the reasons kept."""
