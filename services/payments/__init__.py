"""payments: collects fees and can explain each đồng."""
