"""The verifiers that ship with groundeval, one file per kind."""
