"""What is read from and written to disk: run folders, JSON records, the environment of a run."""
