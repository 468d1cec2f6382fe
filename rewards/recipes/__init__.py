"""The rewards that ship with groundeval, one file each."""
