"""A payment gateway that speaks Stripe's public API, with a hosted checkout page: the outside world of payments."""
