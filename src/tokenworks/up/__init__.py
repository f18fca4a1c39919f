"""The supervisor behind `tokenworks up`: one state directory, one port, and children that live and die with it."""
