"""Whole days of a utility under one virtual clock: real gateways, journals, posters, lenders and ledger, with faults.

A day is made from its seed alone (day.py). The real code runs on simulated loops (loop.py) and machines (machine.py),
which stand where it reaches for the system (stage.py). What goes wrong is in faults.py, what must hold all the same in
invariants.py; plants.py has bugs to put in, all of which must be found.
"""
