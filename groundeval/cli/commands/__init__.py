"""The commands of the command line, one module each. Heavy imports happen only when a command is called."""
