"""Files on disk, read and written: run folders, records, the environment of a run."""
