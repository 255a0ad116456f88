"""The language of events: what any other system may read. Depends on pydantic alone."""
