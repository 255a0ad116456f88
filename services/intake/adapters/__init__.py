"""What stands outside of intake: the object store, the virus scanner, the civil register."""
