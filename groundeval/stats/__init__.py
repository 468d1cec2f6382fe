"""Bootstrap intervals, paired tests, and repeated answers to one question."""
