"""intake over HTTP, a module for each group of routes."""
