"""The verifiers that ship with groundeval, one file a kind."""
