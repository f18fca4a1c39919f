"""What an operator declares: documents become a plan, and a plan the operations that there are. No power of its own."""
