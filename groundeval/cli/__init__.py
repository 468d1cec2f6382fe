"""The command line: the app, the common parts of its commands, and one file per command."""
