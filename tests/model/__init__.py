"""The models of the message path and of payment, checked by TLC: each design must hold, each mistake must be caught."""
