"""Payment gateways, each behind the same port."""
