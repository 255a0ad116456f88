"""payments over HTTP."""
