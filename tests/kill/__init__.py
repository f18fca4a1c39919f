"""kill -9 of every part, at random moments, under load: nothing is lost, nothing counts twice, the books balance."""
