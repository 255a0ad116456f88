"""Pictures and papers that a payer or an officer is given."""
