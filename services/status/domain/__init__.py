"""Pure: what a view is and how events change it."""
