"""Red flags: recognised in any message, whatever else happens."""
